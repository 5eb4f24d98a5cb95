import { MAX_LABEL_BYTES, MAX_NAME_BYTES } from '../wire/name.ts';
import { HEADER_SALT_0, HEADER_SALT_1, type Memory, packShape } from './layout.ts';

/** Flags that are part of a key. */
export const KEY_DO = 1;
export const KEY_CD = 2;

const SIP_2 = 0x6c796765;
const SIP_3 = 0x74656462;
const FINAL_ROUNDS = 3;

/** What is looked up: name, qtype, DO and CD. Made once and set for each query; setting it allocates nothing. */
export class CacheKey {
  /** The name in wire form, lower case, padded with zeros to whole words; behind it a word with all else. */
  readonly nameWords = new Int32Array(Math.ceil(MAX_NAME_BYTES / 4) + 1);
  /** The same memory in bytes. */
  readonly name = new Uint8Array(this.nameWords.buffer);
  hash = 0;
  qtype = 0;
  /** The length of the name and the flags, as an entry's shape has them. */
  shape = 0;
  nameBytes = 0;
  /** Whether a name that `takeName` took was in lower case as it is. */
  isLower = false;
  // Names come from anybody. With a hash that is secret nobody can choose names that meet in one place of the index.
  readonly #salt0: number;
  readonly #salt1: number;

  constructor(memory: Memory) {
    this.#salt0 = memory.words[HEADER_SALT_0];
    this.#salt1 = memory.words[HEADER_SALT_1];
  }

  /**
   * Takes the uncompressed name at `offset`, which must end by `end`. False if there is none: the key is then useless.
   */
  set(bytes: Uint8Array, offset: number, end: number, qtype: number, flags: number): boolean {
    const nameBytes = wholeNameBytes(bytes, offset, end);
    if (nameBytes === -1) return false;
    const { nameWords } = this;
    const count = (nameBytes + 3) >>> 2;
    for (let i = 0, at = offset; i < count; i++, at += 4) {
      nameWords[i] = lowerWord(bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24));
    }
    this.#endName(nameBytes);
    this.seal(qtype, flags);
    return true;
  }

  /**
   * Takes the uncompressed name at `offset`, a multiple of 4, of memory that `bytes` and `words` both show; it must end
   * by `end`. Returns its length, -1 if there is none; `seal` makes a key of it. Reads up to three bytes beyond the name.
   */
  takeName(bytes: Uint8Array, words: Int32Array, offset: number, end: number): number {
    const nameBytes = wholeNameBytes(bytes, offset, end);
    if (nameBytes === -1) return -1;
    const { nameWords } = this;
    const count = (nameBytes + 3) >>> 2;
    let changed = 0;
    for (let i = 0, at = offset >>> 2; i < count; i++, at++) {
      const word = words[at];
      const lower = lowerWord(word);
      nameWords[i] = lower;
      changed |= word ^ lower; // Also if it was changed behind the name, which does no harm.
    }
    this.isLower = changed === 0;
    this.#endName(nameBytes);
    return nameBytes;
  }

  /** Adds to the name what else belongs to the key. */
  seal(qtype: number, flags: number): void {
    const { nameBytes } = this;
    const count = (nameBytes + 3) >>> 2;
    this.qtype = qtype;
    this.shape = packShape(nameBytes, flags, 0, 0);
    this.nameWords[count] = (nameBytes << 24) | (flags << 16) | qtype;
    this.hash = this.#hash(count + 1);
  }

  /** Clears what was read beyond the name. */
  #endName(nameBytes: number): void {
    this.nameBytes = nameBytes;
    this.nameWords[(nameBytes - 1) >>> 2] &= -1 >>> (-nameBytes << 3); // Shifts count modulo 32: a full word stays.
  }

  /** HalfSipHash-1-3 of the first words; the last of them has the length, which ends the input as well as its mark. */
  #hash(count: number): number {
    const { nameWords } = this;
    let v0 = this.#salt0;
    let v1 = this.#salt1;
    let v2 = SIP_2 ^ v0;
    let v3 = SIP_3 ^ v1;
    for (let i = 0; i < count + FINAL_ROUNDS; i++) {
      const word = i < count ? nameWords[i] : 0;
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    return v1 ^ v3;
  }
}

/** The length of an uncompressed name; -1 if it is not one, or goes beyond `end`. */
function wholeNameBytes(bytes: Uint8Array, offset: number, end: number): number {
  let position = offset;
  while (position < end) {
    const length = bytes[position];
    if (length === 0) {
      const nameBytes = position + 1 - offset;
      return nameBytes <= MAX_NAME_BYTES ? nameBytes : -1;
    }
    if (length > MAX_LABEL_BYTES) return -1;
    position += length + 1;
  }
  return -1;
}

/** Lowers A-Z in four bytes at once. The lengths of labels are below "A". */
function lowerWord(word: number): number {
  const low = word & 0x7f7f7f7f;
  const fromA = low + 0x3f3f3f3f; // Sets the high bit of bytes from "A" on,
  const beyondZ = low + 0x25252525; // of those beyond "Z".
  return word | (((fromA ^ beyondZ) & ~word & 0x80808080) >>> 2);
}
