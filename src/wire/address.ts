/** IPv4 and IPv6 addresses between text and bytes. */
import { readU16, writeU16 } from './bytes.ts';

export const IPV4_BYTES = 4;
export const IPV6_BYTES = 16;
const IPV6_GROUPS = 8;
const MAPPED_PREFIX_GROUPS = 6;

export function formatIpv4(bytes: Uint8Array, offset = 0): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/** Four decimal numbers without leading zeros; undefined if it is anything else. */
export function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== IPV4_BYTES) return undefined;
  const bytes = new Uint8Array(IPV4_BYTES);
  for (let i = 0; i < IPV4_BYTES; i++) {
    if (!/^(0|[1-9]\d{0,2})$/.test(parts[i]) || Number(parts[i]) > 255) return undefined;
    bytes[i] = Number(parts[i]);
  }
  return bytes;
}

/** As RFC 5952 has it: lower case, the first longest run of zeros as `::`, mapped IPv4 addresses with dots. */
export function formatIpv6(bytes: Uint8Array, offset = 0): string {
  const groups = Array.from({ length: IPV6_GROUPS }, (_, i) => readU16(bytes, offset + 2 * i));
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  if (isMapped) return `::ffff:${formatIpv4(bytes, offset + 2 * MAPPED_PREFIX_GROUPS)}`;
  const run = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (run.length < 2) return hex.join(':');
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let length = 0;
  for (let i = 0; i < groups.length; i++) {
    length = groups[i] === 0 ? length + 1 : 0;
    if (length > longest.length) longest = { start: i - length + 1, length };
  }
  return longest;
}

/** Undefined if it is no IPv6 address; zones (`%eth0`) are none. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const isShort = halves.length === 2;
  const head = parseGroups(halves[0], !isShort);
  const tail = isShort ? parseGroups(halves[1], true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const given = head.length + tail.length;
  // `::` stands for one group of zeros at least.
  if (isShort ? given >= IPV6_GROUPS : given !== IPV6_GROUPS) return undefined;
  const bytes = new Uint8Array(IPV6_BYTES);
  head.forEach((group, i) => {
    writeU16(bytes, 2 * i, group);
  });
  tail.forEach((group, i) => {
    writeU16(bytes, IPV6_BYTES - 2 * (tail.length - i), group);
  });
  return bytes;
}

/** An address of either family, without its zone (`%eth0`); undefined if it is none. */
export function parseAddress(text: string): Uint8Array | undefined {
  const [address] = text.split('%', 1);
  return parseIpv4(address) ?? parseIpv6(address);
}

/** Groups of 16 bits between colons; at the end of an address, the last two may be an IPv4 address. */
function parseGroups(text: string, atEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    const ipv4 = atEnd && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (ipv4 !== undefined) groups.push(readU16(ipv4, 0), readU16(ipv4, 2));
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}
