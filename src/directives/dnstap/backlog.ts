const COMPACT_AFTER = 1024;

/** Payloads that wait to be sent: no more than so many, and no more than so many bytes. */
export class Backlog {
  readonly #maxCount: number;
  readonly #maxBytes: number;
  #payloads: Uint8Array[] = [];
  #head = 0;
  #bytes = 0;

  constructor(maxCount: number, maxBytes: number) {
    this.#maxCount = maxCount;
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#payloads.length - this.#head;
  }

  /** False: there is no room for it. */
  put(payload: Uint8Array): boolean {
    if (this.count >= this.#maxCount || this.#bytes + payload.length > this.#maxBytes) return false;
    this.#payloads.push(payload);
    this.#bytes += payload.length;
    return true;
  }

  /** The oldest ones, as many as fit into so many bytes, and one at least if there is any. */
  take(maxBytes: number): Uint8Array[] {
    const first = this.#head;
    let bytes = 0;
    while (this.#head < this.#payloads.length) {
      const { length } = this.#payloads[this.#head];
      if (bytes > 0 && bytes + length > maxBytes) break;
      bytes += length;
      this.#head++;
    }
    const taken = this.#payloads.slice(first, this.#head);
    this.#bytes -= bytes;
    if (this.#head === this.#payloads.length || this.#head > COMPACT_AFTER) {
      this.#payloads = this.#payloads.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }
}
