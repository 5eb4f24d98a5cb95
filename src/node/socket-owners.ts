/** Who listens where, as the kernel tells it (linux/inet_diag.h). */
import { readdirSync, readlinkSync } from 'node:fs';
import type { NetlinkChannel } from '../sys/netlink.ts';
import { AF_INET, AF_INET6, canonicalAddress, ipText } from '../sys/sockaddr.ts';
import type { Endpoint } from './rules/rules.ts';

const SOCK_DIAG_BY_FAMILY = 20;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
/** inet_diag_req_v2: family u8, protocol u8, extensions u8, pad u8, states u32, then the socket's id of 48 bytes. */
const REQUEST_BYTES = 56;
const REQUEST_STATES = 4;
const REQUEST_PORT = 8;
/** inet_diag_msg: family u8, state u8, timer u8, retransmissions u8, id, expires, queues, uid u32, inode u32. */
const MESSAGE_PORT = 4;
const MESSAGE_SOURCE = 8;
const MESSAGE_UID = 64;
const MESSAGE_INODE = 68;
const FAMILIES = [AF_INET, AF_INET6];
/** States as bits: a UDP socket that is bound and connected to nobody is CLOSE. */
const UNCONNECTED = 1 << 7;
const LISTENING = 1 << 10;

export type ListeningSocket = {
  readonly protocol: 'udp' | 'tcp';
  /** `0.0.0.0` and `::` stand for all. */
  readonly address: string;
  readonly port: number;
  readonly uid: number;
  readonly inode: number;
};

/**
 * The sockets of the host that take new traffic at a port, those of all processes. One that is leaving is connected, and
 * so not among them. Throws a SystemError where the kernel does not tell.
 */
export function listeningSockets(kernel: NetlinkChannel, port: number): ListeningSocket[] {
  return FAMILIES.flatMap((family) => [...query(kernel, family, 'udp', port), ...query(kernel, family, 'tcp', port)]);
}

/** Those of these places at which another process has a UDP socket, bound to that very address. */
export function placesOfOthers(kernel: NetlinkChannel, endpoints: readonly Endpoint[]): Endpoint[] {
  const own = new Set(socketInodes('self'));
  const ports = new Set(endpoints.map(({ port }) => port));
  const others = [...ports].flatMap((port) =>
    FAMILIES.flatMap((family) => query(kernel, family, 'udp', port)).filter(({ inode }) => !own.has(inode)),
  );
  return endpoints.filter(({ address, port }) => {
    const wanted = canonicalAddress(address);
    return others.some((socket) => socket.port === port && socket.address === wanted);
  });
}

function query(kernel: NetlinkChannel, family: number, protocol: 'udp' | 'tcp', port: number): ListeningSocket[] {
  const request = Buffer.alloc(REQUEST_BYTES);
  request[0] = family;
  request[1] = protocol === 'udp' ? IPPROTO_UDP : IPPROTO_TCP;
  request.writeUInt32LE(protocol === 'udp' ? UNCONNECTED : LISTENING, REQUEST_STATES);
  request.writeUInt16BE(port, REQUEST_PORT);
  return kernel.dump(`list ${protocol} sockets`, SOCK_DIAG_BY_FAMILY, request).map(({ payload }) => {
    const addressBytes = family === AF_INET ? 4 : 16;
    return {
      protocol,
      address: ipText(payload.subarray(MESSAGE_SOURCE, MESSAGE_SOURCE + addressBytes)),
      port: payload.readUInt16BE(MESSAGE_PORT),
      uid: payload.readUInt32LE(MESSAGE_UID),
      inode: payload.readUInt32LE(MESSAGE_INODE),
    };
  });
}

/** The sockets of a process; throws where it has ended, or is not ours to look into. */
export function socketInodes(pid: string): number[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).flatMap((fd) => socketInode(`${directory}/${fd}`));
}

function socketInode(path: string): number[] {
  try {
    const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(path)) ?? [];
    return inode === undefined ? [] : [Number(inode)];
  } catch {
    return []; // Closed meanwhile.
  }
}
