import { copyBytes, readU16 } from '../wire/bytes.ts';
import { HEADER_BYTES, ID_OFFSET } from '../wire/header.ts';

const ID_BYTES = 2;

/**
 * Cuts a stream into messages, each led by its length in two bytes (RFC 1035 §4.2.2). Holds no more than one message
 * that is not complete yet.
 */
export class FrameReader {
  /** The first half of a length, when the stream paused there; else -1. */
  #lengthHigh = -1;
  /** The message that is being read, and how much of it is there. */
  #message: Uint8Array | undefined;
  #filled = 0;

  /** Whether the stream stands between two messages. */
  get isBetween(): boolean {
    return this.#lengthHigh === -1 && this.#message === undefined;
  }

  /** The id of the message that is not complete, -1 if it is not known yet. */
  get partialId(): number {
    return this.#message === undefined || this.#filled < ID_BYTES ? -1 : readU16(this.#message, ID_OFFSET);
  }

  /**
   * Hands on, as copies, the messages that `chunk` completes. False if the stream is no DNS: a length that no message
   * can have. `onMessage` returns false to have the rest dropped.
   */
  push(chunk: Uint8Array, onMessage: (message: Uint8Array) => boolean): boolean {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#message === undefined) {
        const high = this.#lengthHigh === -1 ? chunk[offset++] : this.#lengthHigh;
        this.#lengthHigh = offset === chunk.length ? high : -1;
        if (offset === chunk.length) return true;
        const length = (high << 8) | chunk[offset++];
        if (length < HEADER_BYTES) return false;
        if (offset + length <= chunk.length) {
          if (!onMessage(copyBytes(chunk, offset, offset + length))) return true;
          offset += length;
          continue;
        }
        this.#message = new Uint8Array(length);
        this.#filled = 0;
      }
      const part = chunk.subarray(offset, offset + this.#message.length - this.#filled);
      this.#message.set(part, this.#filled);
      this.#filled += part.length;
      offset += part.length;
      if (this.#filled < this.#message.length) return true;
      const message = this.#message;
      this.#message = undefined;
      if (!onMessage(message)) return true;
    }
    return true;
  }
}
