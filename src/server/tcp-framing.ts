/** Each message has its length before it, two bytes in network order (RFC 1035 §4.2.2). */
export const LENGTH_BYTES = 2;

const MIN_ROOM_BYTES = 512;
const NOTHING = new Uint8Array(0);

/**
 * Cuts what a connection brings into messages, however TCP has split it. A message that arrives in pieces takes memory
 * for what has come of it, at most twice over, whatever length it promised.
 */
export class MessageAssembler {
  #chunk = NOTHING;
  #at = 0;
  /** The message that has begun in an earlier chunk, with its length before it. */
  #partial = NOTHING;
  #partialBytes = 0;

  /** A part of the next message is here. */
  get hasBegun(): boolean {
    return this.#partialBytes > 0;
  }

  /** What the connection has brought. The bytes before it must have been used up: `next` has returned undefined. */
  push(chunk: Uint8Array<ArrayBuffer>): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** The next whole message, which is the caller's own; undefined if more has to come first. */
  next(): Uint8Array | undefined {
    const chunk = this.#chunk;
    const start = this.#at + LENGTH_BYTES;
    if (this.#partialBytes === 0 && start <= chunk.length) {
      const end = start + readLength(chunk, this.#at);
      if (end <= chunk.length) {
        this.#at = end;
        return new Uint8Array(chunk.buffer, chunk.byteOffset + start, end - start);
      }
    }
    return this.#gather();
  }

  #gather(): Uint8Array | undefined {
    while (this.#at < this.#chunk.length) {
      const wantedBytes = this.#wantedBytes();
      const end = Math.min(this.#at + wantedBytes - this.#partialBytes, this.#chunk.length);
      this.#append(this.#chunk.subarray(this.#at, end));
      this.#at = end;
      if (this.#partialBytes < this.#wantedBytes()) continue;
      const message = this.#partial.subarray(LENGTH_BYTES, this.#partialBytes);
      this.#partial = NOTHING;
      this.#partialBytes = 0;
      return message;
    }
    this.#chunk = NOTHING;
    this.#at = 0;
    return undefined;
  }

  /** Until the length is here, only that. */
  #wantedBytes(): number {
    return this.#partialBytes < LENGTH_BYTES ? LENGTH_BYTES : LENGTH_BYTES + readLength(this.#partial, 0);
  }

  #append(bytes: Uint8Array): void {
    const neededBytes = this.#partialBytes + bytes.length;
    if (neededBytes > this.#partial.length) {
      const grown = new Uint8Array(Math.max(neededBytes, this.#partial.length * 2, MIN_ROOM_BYTES));
      grown.set(this.#partial.subarray(0, this.#partialBytes));
      this.#partial = grown;
    }
    this.#partial.set(bytes, this.#partialBytes);
    this.#partialBytes = neededBytes;
  }
}

/** The message with its length before it. */
export function frame(message: Uint8Array): Uint8Array {
  const framed = Buffer.allocUnsafe(LENGTH_BYTES + message.length);
  framed.writeUInt16BE(message.length);
  framed.set(message, LENGTH_BYTES);
  return framed;
}

function readLength(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}
