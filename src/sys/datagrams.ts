/**
 * UDP in batches: up to 64 datagrams with one recvmmsg, up to 64 replies with one sendmmsg. All memory is laid out once
 * (`message-headers.ts`), so a call copies and allocates nothing. Usable from any thread; an instance belongs to one.
 */
import { EAGAIN, EINTR, ENOBUFS, lastErrno } from './errno.ts';
import * as libc from './libc.ts';
import {
  BATCH_SLOTS,
  CONTROL_BYTES,
  HEADER_CONTROL,
  HEADER_CONTROL_BYTES,
  HEADER_FLAGS,
  HEADER_MESSAGE_BYTES,
  HEADER_NAME,
  HEADER_NAME_BYTES,
  HEADER_WORDS,
  IOVEC_BYTES,
  IOVEC_WORDS,
  IOVECS,
  layOut,
  MESSAGES,
  MESSAGES_BYTE,
  MSG_DONTWAIT,
  MSG_TRUNC,
  NAME_BYTES,
  PATH_CONTROL,
  PATH_CONTROL_BYTES,
  PATH_NAME,
  PATH_NAME_BYTES,
  PATH_WORDS,
  PATHS,
  setAddress,
  V4_INTERFACE_WORD,
  V4_LOCAL_ADDRESS,
  V6_INTERFACE_WORD,
  V6_LOCAL_ADDRESS,
  WORD_BYTES,
} from './message-headers.ts';
import { AF_INET, addressText, familyOf, ipv4Text, ipv6Text, portOf } from './sockaddr.ts';

export { BATCH_SLOTS, PATH_WORDS } from './message-headers.ts';

/** Room for one received datagram: EDNS sizes above 4096 are of no use for queries. */
export const DATAGRAM_BYTES = 4096;
/** From slot to slot. At a multiple of 4096 the starts of all datagrams would share one set of the first-level cache. */
const SLOT_BYTES = DATAGRAM_BYTES + 192;
const REPLY_ARENA_BYTES = BATCH_SLOTS * DATAGRAM_BYTES;

/** What the kernel had for us: slots 0 to count - 1 are valid until the next `receive`. */
export class DatagramBatch {
  /** The batch's memory; the message of a slot begins at `messageOffset(slot)`, a multiple of 4. */
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly #words: Uint32Array;
  readonly #address: libc.Address;
  #used = BATCH_SLOTS;

  constructor() {
    const memory = new ArrayBuffer(MESSAGES_BYTE + BATCH_SLOTS * SLOT_BYTES);
    this.bytes = new Uint8Array(memory);
    this.words = new Int32Array(memory);
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
    return MESSAGES_BYTE + slot * SLOT_BYTES;
  }

  messageLength(slot: number): number {
    return this.#words[slot * HEADER_WORDS + HEADER_MESSAGE_BYTES];
  }

  /** The datagram was longer than its slot and has been cut. */
  isTruncated(slot: number): boolean {
    return (this.#words[slot * HEADER_WORDS + HEADER_FLAGS] & MSG_TRUNC) !== 0;
  }

  /** 4 also for an IPv4 client of a dual-stack socket. */
  family(slot: number): 4 | 6 {
    return familyOf(this.bytes, (PATHS + slot * PATH_WORDS + PATH_NAME) * WORD_BYTES);
  }

  /**
   * Lets the header at word `target` of `headers` lead to the sender of the slot's datagram, by the path that lies here:
   * for ever, if each time the lengths are copied as well.
   */
  lendPath(slot: number, headers: Uint32Array, target: number): void {
    const header = slot * HEADER_WORDS;
    for (const word of [HEADER_NAME, HEADER_NAME + 1, HEADER_CONTROL, HEADER_CONTROL + 1]) {
      headers[target + word] = this.#words[header + word];
    }
  }

  /** How long the parts of the slot's path are this time, to a header that leads by it. */
  copyLengths(slot: number, headers: Uint32Array, target: number): void {
    const words = this.#words;
    const header = slot * HEADER_WORDS;
    headers[target + HEADER_NAME_BYTES] = words[header + HEADER_NAME_BYTES];
    const controlBytes = words[header + HEADER_CONTROL_BYTES];
    headers[target + HEADER_CONTROL_BYTES] = controlBytes;
    if (controlBytes !== 0) this.#clearInterface(PATHS + slot * PATH_WORDS, words);
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
    if (controlBytes !== 0) this.#clearInterface(word, target);
  }

  /** The reply takes the route of its destination, not the interface that the query came by. */
  #clearInterface(path: number, words: Uint32Array): void {
    const isV4 = (words[path + PATH_NAME] & 0xffff) === AF_INET;
    words[path + PATH_CONTROL + (isV4 ? V4_INTERFACE_WORD : V6_INTERFACE_WORD)] = 0;
  }
}

/** Replies that wait to be sent together. Their bytes lie one behind the other. */
export class ReplyBatch {
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #address: libc.Address;
  #count = 0;
  #arenaUsed = 0;

  constructor() {
    const memory = new ArrayBuffer(MESSAGES_BYTE + REPLY_ARENA_BYTES);
    this.#bytes = new Uint8Array(memory);
    this.#words = new Uint32Array(memory, 0, MESSAGES);
    this.#address = layOut(memory, this.#words);
  }

  get count(): number {
    return this.#count;
  }

  /** Whether one more reply of that length can be added before `send`; an empty batch takes any DNS message. */
  hasRoom(byteCount: number): boolean {
    return this.#count < BATCH_SLOTS && this.#arenaUsed + byteCount <= REPLY_ARENA_BYTES;
  }

  /** Adds a copy of `message` for the path at `word` of `paths`. There must be room. */
  add(message: Uint8Array, paths: Uint32Array, word: number): void {
    this.#bytes.set(message, MESSAGES_BYTE + this.#arenaUsed);
    for (let i = 0, path = this.#path(); i < PATH_WORDS; i++) this.#words[path + i] = paths[word + i];
    this.#commit(message.length);
  }

  /**
   * Sends all and empties the batch. Returns how many were sent. What the kernel has no room for is dropped, for a
   * client asks again; what it refuses (a destination without route) does not keep the others.
   */
  send(fd: number): number {
    const sent = sendAll(fd, this.#address, this.#count);
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
    setAddress(words, iovec, this.#address + MESSAGES_BYTE + this.#arenaUsed);
    words[iovec + IOVEC_BYTES] = byteCount;
    this.#arenaUsed += byteCount;
    this.#count++;
  }
}

/** Sends as many messages as the kernel takes, and returns how many those were. */
export function sendAll(fd: number, headers: libc.Address, count: number): number {
  let at = 0;
  let sent = 0;
  while (at < count) {
    const n = libc.sendmmsg(fd, headers + at * HEADER_WORDS * WORD_BYTES, count - at, MSG_DONTWAIT);
    if (n > 0) {
      at += n;
      sent += n;
      continue;
    }
    const errno = lastErrno();
    if (errno === EAGAIN || errno === ENOBUFS) break;
    if (errno !== EINTR) at++;
  }
  return sent;
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
