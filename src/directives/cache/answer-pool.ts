const CHUNK_BYTES = 64 * 1024; // Holds the largest message.

/**
 * Memory for the bytes of answers: cut from chunks, since an ArrayBuffer of its own costs several times what the rest of
 * a hit does. A chunk is collected once none of its answers is in use any more.
 */
export class AnswerPool {
  words = new Int32Array(CHUNK_BYTES / 4);
  bytes = new Uint8Array(this.words.buffer);
  #used = 0;

  /** The offset in `words` and `bytes` (a multiple of 4) of so many bytes, rounded up to 4, that nobody else has. */
  take(byteCount: number): number {
    const rounded = (byteCount + 3) & ~3;
    if (this.#used + rounded > CHUNK_BYTES) {
      this.words = new Int32Array(CHUNK_BYTES / 4);
      this.bytes = new Uint8Array(this.words.buffer);
      this.#used = 0;
    }
    const offset = this.#used;
    this.#used += rounded;
    return offset;
  }
}
