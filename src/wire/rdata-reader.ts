import { readU16, readU32 } from './bytes.ts';
import { readName, skipName, type WireName } from './name.ts';

/** Takes rdata without compressed names apart, field by field; each is undefined if it is not there in full. */
export class RdataReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(rdata: Uint8Array) {
    this.#bytes = rdata;
  }

  get atEnd(): boolean {
    return this.#position === this.#bytes.length;
  }

  take(length: number): Uint8Array | undefined {
    const start = this.#position;
    if (start + length > this.#bytes.length) return undefined;
    this.#position += length;
    return this.#bytes.subarray(start, this.#position);
  }

  rest(): Uint8Array {
    const start = this.#position;
    this.#position = this.#bytes.length;
    return this.#bytes.subarray(start);
  }

  u8(): number | undefined {
    return this.take(1)?.[0];
  }

  u16(): number | undefined {
    const bytes = this.take(2);
    return bytes && readU16(bytes, 0);
  }

  u32(): number | undefined {
    const bytes = this.take(4);
    return bytes && readU32(bytes, 0);
  }

  /** A length byte and so many bytes, which are given without it. */
  string(): Uint8Array | undefined {
    const length = this.u8();
    return length === undefined ? undefined : this.take(length);
  }

  name(): WireName | undefined {
    const end = skipName(this.#bytes, this.#position, this.#bytes.length);
    if (end === -1) return undefined;
    const name = readName(this.#bytes, this.#position);
    if (name?.length !== end - this.#position) return undefined;
    this.#position = end;
    return name;
  }
}
