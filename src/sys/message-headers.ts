/**
 * The memory that recvmmsg and sendmmsg work on, laid out once for all: iovec, mmsghdr, names and control data point at
 * each other for ever.
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
import { type Address, addressOf } from './libc.ts';

export const BATCH_SLOTS = 64;
/** A path is copied as words of 32 bits. */
export const PATH_WORDS = 20;

export const WORD_BYTES = 4;
export const HEADER_WORDS = 16;
export const HEADER_NAME = 0;
export const HEADER_NAME_BYTES = 2;
const HEADER_IOVEC = 4;
const HEADER_IOVEC_COUNT = 6;
export const HEADER_CONTROL = 8;
export const HEADER_CONTROL_BYTES = 10;
export const HEADER_FLAGS = 12;
export const HEADER_MESSAGE_BYTES = 14;
export const IOVEC_WORDS = 4;
export const IOVEC_BYTES = 2;

export const PATH_NAME_BYTES = 0;
export const PATH_CONTROL_BYTES = 1;
export const PATH_NAME = 2;
export const PATH_CONTROL = 10;
export const NAME_BYTES = 28;
export const CONTROL_BYTES = 40;
/** Within the control data: struct in_pktinfo { int ifindex; addr local; addr header }, in6_pktinfo { addr; int ifindex }. */
export const V4_INTERFACE_WORD = 4;
export const V4_LOCAL_ADDRESS = 24;
export const V6_INTERFACE_WORD = 8;
export const V6_LOCAL_ADDRESS = 16;

export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
const ADDRESS_HIGH = 2 ** 32;

/** Where the parts of a batch lie in its memory, in words from the start: headers, iovecs, paths, then message bytes. */
export const IOVECS = BATCH_SLOTS * HEADER_WORDS;
export const PATHS = IOVECS + BATCH_SLOTS * IOVEC_WORDS;
export const MESSAGES = PATHS + BATCH_SLOTS * PATH_WORDS;
export const MESSAGES_BYTE = MESSAGES * WORD_BYTES;

/** Points every header at its iovec, name and control data; returns where the memory lies. */
export function layOut(memory: ArrayBuffer, words: Uint32Array): Address {
  const address = addressOf(memory);
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

export function setAddress(words: Uint32Array, word: number, address: Address): void {
  words[word] = address; // Its low 32 bits.
  words[word + 1] = address / ADDRESS_HIGH;
}
