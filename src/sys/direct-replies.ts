import { type DatagramBatch, sendAll } from './datagrams.ts';
import type { Address } from './libc.ts';
import {
  BATCH_SLOTS,
  HEADER_WORDS,
  IOVEC_BYTES,
  IOVEC_WORDS,
  IOVECS,
  layOut,
  MESSAGES,
  MESSAGES_BYTE,
  setAddress,
  WORD_BYTES,
} from './message-headers.ts';

/** Room for a batch of the usual small replies; a batch of large ones leaves with several calls. */
const ARENA_BYTES = 64 * 1024;
const NO_SLOT = -1;

/**
 * Replies to the datagrams of one batch, sent before the next one is received. They go back by the paths in the batch
 * itself, so that of each reply only its length and place are written.
 */
export class DirectReplies {
  /** The memory in which replies are written, at `writeOffset`. */
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly #batch: DatagramBatch;
  readonly #headers: Uint32Array;
  readonly #address: Address;
  /** The slot whose path each header leads to: while all is answered in order, the same ones over and over. */
  readonly #slots = new Int32Array(BATCH_SLOTS).fill(NO_SLOT);
  #count = 0;
  #used = 0;

  constructor(batch: DatagramBatch) {
    const memory = new ArrayBuffer(MESSAGES_BYTE + ARENA_BYTES);
    this.bytes = new Uint8Array(memory);
    this.words = new Int32Array(memory);
    this.#batch = batch;
    this.#headers = new Uint32Array(memory, 0, MESSAGES);
    this.#address = layOut(memory, this.#headers);
  }

  get count(): number {
    return this.#count;
  }

  /** Where the next reply is to be written: a multiple of 4. */
  get writeOffset(): number {
    return MESSAGES_BYTE + this.#used;
  }

  hasRoom(byteCount: number): boolean {
    return this.#used + byteCount <= ARENA_BYTES;
  }

  /** Makes the `byteCount` bytes written at `writeOffset` the reply to the datagram in that slot. One for each slot. */
  add(slot: number, byteCount: number): void {
    const headers = this.#headers;
    const count = this.#count++;
    const iovec = IOVECS + count * IOVEC_WORDS;
    if (this.#slots[count] !== slot) {
      this.#slots[count] = slot;
      this.#batch.lendPath(slot, headers, count * HEADER_WORDS);
    }
    this.#batch.copyLengths(slot, headers, count * HEADER_WORDS);
    setAddress(headers, iovec, this.#address + MESSAGES_BYTE + this.#used);
    headers[iovec + IOVEC_BYTES] = byteCount;
    this.#used += (byteCount + WORD_BYTES - 1) & -WORD_BYTES;
  }

  /** Sends all; see `sendAll`. Returns how many the kernel did not take. */
  send(fd: number): number {
    const count = this.#count;
    const unsent = count - sendAll(fd, this.#address, count);
    this.#count = 0;
    this.#used = 0;
    return unsent;
  }
}
