import { ENTRY_HASH, type Memory, SLOT_ENTRY_BITS, SLOT_ENTRY_MASK } from './layout.ts';

/** The writer's side of the index: from a hash to the entries that have it. */
export class IndexTable {
  readonly #memory: Memory;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  insert(hash: number, entry: number): void {
    const { words, indexStart, indexMask } = this.#memory;
    let slot = hash & indexMask;
    while (words[indexStart + slot] !== 0) slot = (slot + 1) & indexMask;
    const tag = (hash >>> SLOT_ENTRY_BITS) << SLOT_ENTRY_BITS;
    words[indexStart + slot] = tag | entry;
  }

  /** Takes an entry out and moves those behind it up, so that no probing ever has to pass a slot that was in use. */
  remove(hash: number, entry: number): void {
    const { words, indexStart, indexMask } = this.#memory;
    let hole = hash & indexMask;
    while ((words[indexStart + hole] & SLOT_ENTRY_MASK) !== entry) hole = (hole + 1) & indexMask;
    for (let slot = hole; ; ) {
      slot = (slot + 1) & indexMask;
      const moved = words[indexStart + slot];
      if (moved === 0) break;
      const home = this.#hashOf(moved & SLOT_ENTRY_MASK) & indexMask;
      // It may move up if that does not put it before the slot where probing for it starts.
      if (((slot - home) & indexMask) < ((slot - hole) & indexMask)) continue;
      words[indexStart + hole] = moved;
      hole = slot;
    }
    words[indexStart + hole] = 0;
  }

  #hashOf(entry: number): number {
    return this.#memory.words[this.#memory.entryStart(entry) + ENTRY_HASH];
  }
}
