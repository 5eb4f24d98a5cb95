import { BLOCK_HEADER_WORDS, ENTRY_BLOCK, type Memory, SLOT_ENTRY_MASK } from './layout.ts';

/** Words of a usual line of the processor's cache. */
const LINE_WORDS = 16;

/**
 * Touches what look-ups are going to read, for many keys at once: first the index for all of them, then the entries, then
 * the blocks. So the processor waits for many lines of memory at a time, instead of for three of each key one after the
 * other (measured with 10,000 entries in batches of 64: a look-up takes 120 ns instead of 330).
 */
export class Approach {
  readonly #memory: Memory;
  readonly #places: Int32Array;
  /** Keeps the reads from being left out as useless. */
  touched = 0;

  /** For up to so many keys. */
  constructor(memory: Memory, capacity: number) {
    this.#memory = memory;
    this.#places = new Int32Array(capacity);
  }

  /** Takes the hashes of the first `count` keys. */
  touch(hashes: Int32Array, count: number): void {
    const memory = this.#memory;
    const { words, indexStart, indexMask } = memory;
    const places = this.#places;
    for (let i = 0; i < count; i++) places[i] = words[indexStart + (hashes[i] & indexMask)] & SLOT_ENTRY_MASK;
    for (let i = 0; i < count; i++) {
      const entry = places[i];
      places[i] = entry === 0 ? 0 : words[memory.entryStart(entry) + ENTRY_BLOCK];
    }
    let touched = 0;
    for (let i = 0; i < count; i++) {
      const name = memory.blockStart(places[i]) + BLOCK_HEADER_WORDS;
      touched ^= words[name] ^ words[name + LINE_WORDS];
    }
    this.touched = touched;
  }
}
