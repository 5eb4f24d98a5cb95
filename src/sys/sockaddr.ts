/**
 * Socket addresses: text to the kernel's bytes and back. Byte layouts (ports and addresses in network order, the rest
 * in the machine's, which is little-endian on every platform that nodens runs on):
 *
 *   sockaddr_in   family u16 | port u16 | address 4 | zero 8
 *   sockaddr_in6  family u16 | port u16 | flow u32  | address 16 | scope id u32
 */
import net from 'node:net';
import { interfaceIndex, interfaceName } from './libc.ts';

export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCKADDR_V4_BYTES = 16;
/** Also the room that any address needs. */
export const SOCKADDR_V6_BYTES = 28;

const PORT = 2;
const V4_ADDRESS = 4;
const V6_ADDRESS = 8;
const V6_SCOPE = 24;
const V4_BYTES = 4;
const V6_BYTES = 16;
/** ::ffff:0:0/96: the IPv4 address stands in the last four bytes (RFC 4291 §2.5.5.2). */
const V4_MAPPED_BYTES = 12;

/**
 * Writes a sockaddr for an IP address as text (`192.0.2.1`, `2001:db8::1`, `fe80::1%eth0`) to the start of `target` and
 * returns its length; 0 if the text is no address or names an interface that is not there.
 */
export function encodeSockaddr(target: Uint8Array, address: string, port: number): number {
  if (net.isIPv4(address)) {
    startSockaddr(target, AF_INET, SOCKADDR_V4_BYTES, port);
    encodeIpv4(target, V4_ADDRESS, address);
    return SOCKADDR_V4_BYTES;
  }
  if (!net.isIPv6(address)) return 0;
  const [ip = '', zone] = address.split('%');
  const scope = zone === undefined ? 0 : scopeOf(zone);
  if (scope === undefined) return 0;
  startSockaddr(target, AF_INET6, SOCKADDR_V6_BYTES, port);
  encodeIpv6(target, V6_ADDRESS, ip);
  target[V6_SCOPE] = scope & 0xff;
  target[V6_SCOPE + 1] = (scope >>> 8) & 0xff;
  target[V6_SCOPE + 2] = (scope >>> 16) & 0xff;
  target[V6_SCOPE + 3] = scope >>> 24;
  return SOCKADDR_V6_BYTES;
}

/** The 4 or 16 bytes of an address without a zone; undefined if the text is none. */
export function ipBytes(address: string): Buffer | undefined {
  const sockaddr = Buffer.alloc(SOCKADDR_V6_BYTES);
  const length = address.includes('%') ? 0 : encodeSockaddr(sockaddr, address, 0);
  if (length === 0) return undefined;
  return length === SOCKADDR_V4_BYTES
    ? sockaddr.subarray(V4_ADDRESS, V4_ADDRESS + V4_BYTES)
    : sockaddr.subarray(V6_ADDRESS, V6_ADDRESS + V6_BYTES);
}

/** The address of 4 or 16 bytes as text. */
export function ipText(bytes: Uint8Array): string {
  return bytes.length === V4_BYTES ? ipv4Text(bytes, 0) : ipv6Text(bytes, 0);
}

/** The text that the kernel's bytes give, of those that mean one address; what is no address stays as it is. */
export function canonicalAddress(address: string): string {
  const bytes = ipBytes(address);
  return bytes === undefined ? address : ipText(bytes);
}

/** The port of the sockaddr at `offset`. */
export function portOf(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + PORT] << 8) | bytes[offset + PORT + 1];
}

/** 4 also for an IPv4 client of a dual-stack socket, whose address is v4-mapped. */
export function familyOf(bytes: Uint8Array, offset: number): 4 | 6 {
  return bytes[offset] === AF_INET || isV4Mapped(bytes, offset + V6_ADDRESS) ? 4 : 6;
}

/** The address of the sockaddr at `offset` as text, with its zone if it is link-local. */
export function addressText(bytes: Uint8Array, offset: number): string {
  if (bytes[offset] === AF_INET) return ipv4Text(bytes, offset + V4_ADDRESS);
  const ip = ipv6Text(bytes, offset + V6_ADDRESS);
  const at = offset + V6_SCOPE;
  const scope = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
  return scope === 0 ? ip : `${ip}%${interfaceName(scope) ?? scope}`;
}

export function ipv4Text(bytes: Uint8Array, offset: number): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/** RFC 5952: lower case, the longest run of two or more zero groups as `::`. A v4-mapped address becomes IPv4. */
export function ipv6Text(bytes: Uint8Array, offset: number): string {
  if (isV4Mapped(bytes, offset)) return ipv4Text(bytes, offset + V4_MAPPED_BYTES);
  const groups: number[] = [];
  for (let at = offset; at < offset + V6_BYTES; at += 2) groups.push((bytes[at] << 8) | bytes[at + 1]);
  let runStart = -1;
  let runLength = 1;
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (groups[end] === 0) end++;
    if (end - i > runLength) {
      runStart = i;
      runLength = end - i;
    }
    i = end;
  }
  if (runStart < 0) return hexGroups(groups);
  return `${hexGroups(groups.slice(0, runStart))}::${hexGroups(groups.slice(runStart + runLength))}`;
}

function hexGroups(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':');
}

function isV4Mapped(bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < 10; i++) if (bytes[offset + i] !== 0) return false;
  return bytes[offset + 10] === 0xff && bytes[offset + 11] === 0xff;
}

function startSockaddr(target: Uint8Array, family: number, byteCount: number, port: number): void {
  target.fill(0, 0, byteCount);
  target[0] = family;
  target[PORT] = port >>> 8;
  target[PORT + 1] = port & 0xff;
}

/** The zone of a link-local address: an interface's name or its number. */
function scopeOf(zone: string): number | undefined {
  if (/^\d{1,9}$/.test(zone)) return Number(zone);
  const index = interfaceIndex(zone);
  return index === 0 ? undefined : index;
}

/** `address` has been checked. */
function encodeIpv4(target: Uint8Array, offset: number, address: string): void {
  let at = offset;
  for (const part of address.split('.')) target[at++] = Number(part);
}

/** `address` has been checked and has no zone. */
function encodeIpv6(target: Uint8Array, offset: number, address: string): void {
  const [head = '', tail] = address.split('::');
  encodeGroups(target, offset, head);
  if (tail !== undefined) encodeGroups(target, offset + V6_BYTES - groupBytes(tail), tail);
}

function groupBytes(groups: string): number {
  if (groups === '') return 0;
  return groups.split(':').length * 2 + (groups.includes('.') ? V4_BYTES - 2 : 0);
}

function encodeGroups(target: Uint8Array, offset: number, groups: string): void {
  if (groups === '') return;
  let at = offset;
  for (const group of groups.split(':')) {
    if (group.includes('.')) {
      encodeIpv4(target, at, group);
      return;
    }
    const value = Number.parseInt(group, 16);
    target[at++] = value >>> 8;
    target[at++] = value & 0xff;
  }
}
