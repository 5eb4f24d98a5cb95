/**
 * UDP in batches: up to 64 datagrams with one recvmmsg, up to 64 replies with one sendmmsg. All memory is laid out once
 * (iovec, mmsghdr, names and control data point at each other for ever), so a call copies and allocates nothing.
 * Usable from any thread; an instance belongs to one.
 *
 *   mmsghdr  name* u64 | name bytes u32, pad | iovec* u64 | iovec count u64 | control* u64 | control bytes u64
 *            | flags u32, pad | message bytes u32, pad                                                     = 64 bytes
 *   iovec    base* u64 | bytes u64
 *
 * A *path* is the way back to who sent a datagram: their socket address and the local address that they wrote to, as the
 * control message (IP_PKTINFO or IPV6_PKTINFO) which makes the reply leave from there.
 *
 *   path     name bytes u32 | control bytes u32 | sockaddr 28, pad 4 | cmsghdr 16, pktinfo 12 or 20, pad  = 80 bytes
 */
import { EAGAIN, EINTR, ENOBUFS, lastErrno } from './errno.ts';
import * as libc from './libc.ts';
import { AF_INET, addressText, familyOf, ipv4Text, ipv6Text, portOf } from './sockaddr.ts';

export const BATCH_SLOTS = 64;
/** Room for one received datagram: EDNS sizes above 4096 are of no use for queries. */
export const DATAGRAM_BYTES = 4096;
/** A path is copied as words of 32 bits. */
export const PATH_WORDS = 20;

const WORD_BYTES = 4;
const HEADER_WORDS = 16;
const HEADER_NAME = 0;
const HEADER_NAME_BYTES = 2;
const HEADER_IOVEC = 4;
const HEADER_IOVEC_COUNT = 6;
const HEADER_CONTROL = 8;
const HEADER_CONTROL_BYTES = 10;
const HEADER_FLAGS = 12;
const HEADER_MESSAGE_BYTES = 14;
const IOVEC_WORDS = 4;
const IOVEC_BYTES = 2;

const PATH_NAME_BYTES = 0;
const PATH_CONTROL_BYTES = 1;
const PATH_NAME = 2;
const PATH_CONTROL = 10;
const NAME_BYTES = 28;
const CONTROL_BYTES = 40;
/** Within the control data: struct in_pktinfo { int ifindex; addr local; addr header }, in6_pktinfo { addr; int ifindex }. */
const V4_INTERFACE_WORD = 4;
const V4_LOCAL_ADDRESS = 24;
const V6_INTERFACE_WORD = 8;
const V6_LOCAL_ADDRESS = 16;

const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const ADDRESS_HIGH = 2 ** 32;

/** Where the parts of a batch lie in its memory, in words from the start: headers, iovecs, paths, then message bytes. */
const IOVECS = BATCH_SLOTS * HEADER_WORDS;
const PATHS = IOVECS + BATCH_SLOTS * IOVEC_WORDS;
const MESSAGES = PATHS + BATCH_SLOTS * PATH_WORDS;
const MESSAGES_BYTE = MESSAGES * WORD_BYTES;
const REPLY_ARENA_BYTES = BATCH_SLOTS * DATAGRAM_BYTES;

/** What the kernel had for us: slots 0 to count - 1 are valid until the next `receive`. */
export class DatagramBatch {
  /** The batch's memory; the message of a slot begins at `messageOffset(slot)`. */
  readonly bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #address: libc.Address;
  #used = BATCH_SLOTS;

  constructor() {
    const memory = new ArrayBuffer(MESSAGES_BYTE + BATCH_SLOTS * DATAGRAM_BYTES);
    this.bytes = new Uint8Array(memory);
    this.#words = new Uint32Array(memory, 0, MESSAGES);
    this.#address = layOut(memory, this.#words);
    for (let slot = 0; slot < BATCH_SLOTS; slot++) {
      const iovec = IOVECS + slot * IOVEC_WORDS;
      setAddress(this.#words, iovec, this.#address + this.messageOffset(slot));
      this.#words[iovec + IOVEC_BYTES] = DATAGRAM_BYTES;
    }
  }

  /** Takes what waits, never waits itself. Returns the number of datagrams, or a negative errno (`-EAGAIN`: none). */
  receive(fd: number): number {
    // The kernel wrote the lengths that it found over the room that it was given.
    for (let slot = 0, at = 0; slot < this.#used; slot++, at += HEADER_WORDS) {
      this.#words[at + HEADER_NAME_BYTES] = NAME_BYTES;
      this.#words[at + HEADER_CONTROL_BYTES] = CONTROL_BYTES;
    }
    const count = libc.recvmmsg(fd, this.#address, BATCH_SLOTS, MSG_DONTWAIT, 0);
    if (count < 0) return -lastErrno();
    this.#used = count;
    return count;
  }

  messageOffset(slot: number): number {
    return MESSAGES_BYTE + slot * DATAGRAM_BYTES;
  }

  messageLength(slot: number): number {
    return this.#words[slot * HEADER_WORDS + HEADER_MESSAGE_BYTES];
  }

  /** The datagram was longer than its slot and has been cut. */
  isTruncated(slot: number): boolean {
    return (this.#words[slot * HEADER_WORDS + HEADER_FLAGS] & MSG_TRUNC) !== 0;
  }

  /** Writes the way back to the sender of the slot's datagram to `target`, from its word `word` on. */
  copyPath(slot: number, target: Uint32Array, word: number): void {
    const words = this.#words;
    const header = slot * HEADER_WORDS;
    const path = PATHS + slot * PATH_WORDS;
    const controlBytes = words[header + HEADER_CONTROL_BYTES];
    for (let i = PATH_NAME; i < PATH_WORDS; i++) target[word + i] = words[path + i];
    target[word + PATH_NAME_BYTES] = words[header + HEADER_NAME_BYTES];
    target[word + PATH_CONTROL_BYTES] = controlBytes;
    if (controlBytes === 0) return;
    // The reply takes the route of its destination, not the interface that the query came by.
    const isV4 = (words[path + PATH_NAME] & 0xffff) === AF_INET;
    target[word + PATH_CONTROL + (isV4 ? V4_INTERFACE_WORD : V6_INTERFACE_WORD)] = 0;
  }
}

/** Replies that wait to be sent together. Their bytes lie one behind the other. */
export class ReplyBatch {
  /** The batch's memory; the next reply may be written in place at `writeOffset`, if `hasRoom` says so. */
  readonly bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #address: libc.Address;
  #count = 0;
  #arenaUsed = 0;

  constructor() {
    const memory = new ArrayBuffer(MESSAGES_BYTE + REPLY_ARENA_BYTES);
    this.bytes = new Uint8Array(memory);
    this.#words = new Uint32Array(memory, 0, MESSAGES);
    this.#address = layOut(memory, this.#words);
  }

  get count(): number {
    return this.#count;
  }

  get writeOffset(): number {
    return MESSAGES_BYTE + this.#arenaUsed;
  }

  /** Whether one more reply of that length can be added before `send`; an empty batch takes any DNS message. */
  hasRoom(byteCount: number): boolean {
    return this.#count < BATCH_SLOTS && this.#arenaUsed + byteCount <= REPLY_ARENA_BYTES;
  }

  /** Adds a copy of `message` for the path at `word` of `paths`. There must be room. */
  add(message: Uint8Array, paths: Uint32Array, word: number): void {
    this.bytes.set(message, this.writeOffset);
    for (let i = 0, path = this.#path(); i < PATH_WORDS; i++) this.#words[path + i] = paths[word + i];
    this.#commit(message.length);
  }

  /** Adds the `byteCount` bytes written at `writeOffset` as the reply to a received datagram. There must be room. */
  addWritten(byteCount: number, batch: DatagramBatch, slot: number): void {
    batch.copyPath(slot, this.#words, this.#path());
    this.#commit(byteCount);
  }

  /**
   * Sends all and empties the batch. Returns how many were sent. What the kernel has no room for is dropped, for a
   * client asks again; what it refuses (a destination without route) does not keep the others.
   */
  send(fd: number): number {
    let at = 0;
    let sent = 0;
    while (at < this.#count) {
      const headers = this.#address + at * HEADER_WORDS * WORD_BYTES;
      const n = libc.sendmmsg(fd, headers, this.#count - at, MSG_DONTWAIT);
      if (n > 0) {
        at += n;
        sent += n;
        continue;
      }
      const errno = lastErrno();
      if (errno === EAGAIN || errno === ENOBUFS) break;
      if (errno !== EINTR) at++;
    }
    this.#count = 0;
    this.#arenaUsed = 0;
    return sent;
  }

  /** The word at which the path of the next reply lies. */
  #path(): number {
    return PATHS + this.#count * PATH_WORDS;
  }

  #commit(byteCount: number): void {
    const words = this.#words;
    const header = this.#count * HEADER_WORDS;
    const path = this.#path();
    const iovec = IOVECS + this.#count * IOVEC_WORDS;
    words[header + HEADER_NAME_BYTES] = words[path + PATH_NAME_BYTES];
    words[header + HEADER_CONTROL_BYTES] = words[path + PATH_CONTROL_BYTES];
    setAddress(words, iovec, this.#address + this.writeOffset);
    words[iovec + IOVEC_BYTES] = byteCount;
    this.#arenaUsed += byteCount;
    this.#count++;
  }
}

/** Client address and port of a path; `pathBytes` is the memory of its words, `offset` counts bytes. */
export function pathAddress(pathBytes: Uint8Array, offset: number): string {
  return addressText(pathBytes, offset + PATH_NAME * WORD_BYTES);
}

export function pathPort(pathBytes: Uint8Array, offset: number): number {
  return portOf(pathBytes, offset + PATH_NAME * WORD_BYTES);
}

export function pathFamily(pathBytes: Uint8Array, offset: number): 4 | 6 {
  return familyOf(pathBytes, offset + PATH_NAME * WORD_BYTES);
}

/** The address that the datagram was sent to; undefined if the socket has no packet info. */
export function pathLocalAddress(pathBytes: Uint8Array, offset: number): string | undefined {
  if (pathBytes[offset + PATH_CONTROL_BYTES * WORD_BYTES] === 0) return undefined;
  const control = offset + PATH_CONTROL * WORD_BYTES;
  const isV4 = pathBytes[offset + PATH_NAME * WORD_BYTES] === AF_INET;
  return isV4 ? ipv4Text(pathBytes, control + V4_LOCAL_ADDRESS) : ipv6Text(pathBytes, control + V6_LOCAL_ADDRESS);
}

/** Points every header at its iovec, name and control data; returns where the memory lies. */
function layOut(memory: ArrayBuffer, words: Uint32Array): libc.Address {
  const address = libc.addressOf(memory);
  for (let slot = 0; slot < BATCH_SLOTS; slot++) {
    const header = slot * HEADER_WORDS;
    const path = address + (PATHS + slot * PATH_WORDS) * WORD_BYTES;
    setAddress(words, header + HEADER_NAME, path + PATH_NAME * WORD_BYTES);
    setAddress(words, header + HEADER_IOVEC, address + (IOVECS + slot * IOVEC_WORDS) * WORD_BYTES);
    words[header + HEADER_IOVEC_COUNT] = 1;
    setAddress(words, header + HEADER_CONTROL, path + PATH_CONTROL * WORD_BYTES);
  }
  return address;
}

function setAddress(words: Uint32Array, word: number, address: libc.Address): void {
  words[word] = address; // Its low 32 bits.
  words[word + 1] = address / ADDRESS_HIGH;
}
