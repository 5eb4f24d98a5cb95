/** Questions to the kernel over netlink, answered before the call returns. */
import { EAGAIN, EINTR, lastErrno, SystemError } from './errno.ts';
import * as libc from './libc.ts';
import {
  errorOf,
  messagesOf,
  type NetlinkMessage,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  request,
} from './netlink-message.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_EXT_ACK = 11;
/** The header of a list's request says what is to be in it (Linux 4.20). */
const NETLINK_GET_STRICT_CHK = 12;
const SOCKADDR_BYTES = 12;

export const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;
export const NETLINK_NETFILTER = 12;

/** The kernel answers while it handles the request; this is for the case that it does not. */
const TIMEOUT_S = 2;
const BUFFER_BYTES = 64 * 1024;
/** A list that changes all the time is taken as it is at last. */
const MAX_TRIES = 5;

/** What tests put in place of the kernel. */
export type NetlinkChannel = Pick<Netlink, 'ask' | 'dump' | 'close'>;

/** One socket to the kernel; the caller waits for each answer, which takes microseconds. */
export class Netlink {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  #sequence = 0;

  /** Throws a SystemError where there is no such protocol. */
  constructor(protocol: number) {
    this.#fd = openNetlink(protocol, 0);
    const timeout = new Int32Array([TIMEOUT_S, 0, 0, 0]); // struct timeval
    libc.setsockopt(this.#fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.byteLength);
    // Kernels that do not know these yet tell less of errors, and list more than was asked for.
    for (const option of [NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
      libc.setsockopt(this.#fd, SOL_NETLINK, option, new Int32Array([1]), Int32Array.BYTES_PER_ELEMENT);
    }
  }

  /** Has the kernel do or tell something; throws a SystemError with `intent` if it refuses. */
  ask(intent: string, type: number, flags: number, payload: Buffer): NetlinkMessage[] {
    return [...this.#ask(intent, type, flags | NLM_F_REQUEST | NLM_F_ACK, payload)];
  }

  /** The list that the kernel keeps. */
  dump(intent: string, type: number, payload: Buffer): NetlinkMessage[] {
    let messages: NetlinkMessage[] = [];
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      messages = [...this.#ask(intent, type, NLM_F_REQUEST | NLM_F_DUMP, payload)];
      if (!messages.some(({ flags }) => (flags & NLM_F_DUMP_INTR) !== 0)) break;
    }
    return messages;
  }

  close(): void {
    libc.close(this.#fd);
  }

  *#ask(intent: string, type: number, flags: number, payload: Buffer): Generator<NetlinkMessage> {
    const sequence = ++this.#sequence;
    const message = request(type, flags, sequence, payload);
    if (libc.send(this.#fd, message, message.length, 0) < 0) throw new SystemError(intent, 'send', lastErrno());
    for (;;) {
      for (const answer of messagesOf(this.#receive(intent))) {
        if (answer.sequence !== sequence) continue; // Of a call that has given up.
        if (answer.type !== NLMSG_ERROR && answer.type !== NLMSG_DONE) {
          yield answer;
          continue;
        }
        // The end of a list says as well whether the list is one: without udp_diag it is empty, and ENOENT.
        const { errno, text } = errorOf(answer);
        if (errno === 0) return;
        throw new SystemError(intent, 'netlink', errno, text === '' ? undefined : text);
      }
    }
  }

  /** A copy: what it holds outlives the next call. */
  #receive(intent: string): Buffer {
    for (;;) {
      const received = libc.recv(this.#fd, this.#buffer, this.#buffer.length, 0);
      if (received >= 0) return Buffer.from(this.#buffer.subarray(0, received));
      const errno = lastErrno();
      if (errno !== EINTR) throw new SystemError(intent, 'recv', errno, errno === EAGAIN ? 'no answer' : undefined);
    }
  }
}

/** A non-blocking socket that gets what the kernel tells these groups (RTNLGRP_…, NFNLGRP_…). */
export function openGroups(protocol: number, groups: readonly number[]): number {
  const fd = openNetlink(protocol, SOCK_NONBLOCK);
  for (const group of groups) {
    const value = new Int32Array([group]);
    if (libc.setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, value, value.byteLength) === 0) continue;
    const errno = lastErrno();
    libc.close(fd);
    throw new SystemError('hear of changes', 'setsockopt', errno);
  }
  return fd;
}

function openNetlink(protocol: number, flags: number): number {
  const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, protocol);
  if (fd < 0) throw new SystemError('ask the kernel', 'socket', lastErrno());
  const address = Buffer.alloc(SOCKADDR_BYTES); // sockaddr_nl: the kernel chooses our port id.
  address.writeUInt16LE(AF_NETLINK);
  if (libc.bind(fd, address, address.length) === 0) return fd;
  const errno = lastErrno();
  libc.close(fd);
  throw new SystemError('ask the kernel', 'bind', errno);
}
