const FIRST_BYTES = 256;
const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
const FIELD_SHIFT = 3;
const CONTINUES = 0x80;
const MAX_VARINT_BYTES = 10;
const FIXED32_BYTES = 4;
const WORD = 2 ** 32;

/** Messages of Protocol Buffers (https://protobuf.dev/programming-guides/encoding/), field by field, into one buffer. */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;

  /** Begins anew. */
  clear(): this {
    this.#length = 0;
    return this;
  }

  get length(): number {
    return this.#length;
  }

  /** A copy of what has been written. */
  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  /** An int32, int64, uint32, uint64, bool or enum, not below 0. */
  uint(field: number, value: number | bigint): void {
    this.#tag(field, VARINT);
    this.#varint(value);
  }

  /** Several of them in one field. */
  packed(field: number, values: readonly number[]): void {
    this.#tag(field, LENGTH_DELIMITED);
    this.#varint(values.reduce((sum, value) => sum + varintBytes(value), 0));
    for (const value of values) this.#varint(value);
  }

  fixed32(field: number, value: number): void {
    this.#tag(field, FIXED32);
    this.#reserve(FIXED32_BYTES);
    this.#length = this.#bytes.writeUInt32LE(value, this.#length);
  }

  bytes(field: number, value: Uint8Array): void {
    this.#tag(field, LENGTH_DELIMITED);
    this.#varint(value.length);
    this.#append(value);
  }

  string(field: number, value: string): void {
    this.bytes(field, Buffer.from(value));
  }

  /** What another writer has made so far, as a message within this one. */
  message(field: number, inner: ProtobufWriter): void {
    this.bytes(field, inner.#bytes.subarray(0, inner.#length));
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 2 ** FIELD_SHIFT + wireType);
  }

  #varint(value: number | bigint): void {
    this.#reserve(MAX_VARINT_BYTES);
    // Beyond 32 bits it is a time in most cases, and seldom.
    let rest = value < WORD ? Number(value) : this.#bigVarint(BigInt(value));
    while (rest >= CONTINUES) {
      this.#bytes[this.#length++] = (rest & 0x7f) | CONTINUES;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Writes all but the last byte, which it returns. */
  #bigVarint(value: bigint): number {
    let rest = value;
    while (rest >= BigInt(CONTINUES)) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | CONTINUES;
      rest >>= 7n;
    }
    return Number(rest);
  }

  #append(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= CONTINUES; rest = Math.floor(rest / CONTINUES)) count++;
  return count;
}
