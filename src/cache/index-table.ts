import { ENTRY_HASH, HEADER_INDEX_MASK, type Memory, SLOT_ENTRY_BITS, SLOT_ENTRY_MASK } from './layout.ts';

/** The writer's side of the index: from a hash to the entries that have it. */
export class IndexTable {
  readonly #memory: Memory;
  #count = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  insert(hash: number, entry: number): void {
    if (++this.#count * 2 > this.#memory.indexMask + 1) this.#grow();
    this.#put(hash, entry);
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
    this.#count--;
  }

  #put(hash: number, entry: number): void {
    const { words, indexStart, indexMask } = this.#memory;
    let slot = hash & indexMask;
    while (words[indexStart + slot] !== 0) slot = (slot + 1) & indexMask;
    const tag = (hash >>> SLOT_ENTRY_BITS) << SLOT_ENTRY_BITS;
    words[indexStart + slot] = tag | entry;
  }

  /** Puts all entries in twice as many slots, if there are more. */
  #grow(): void {
    const { words, indexStart, indexMask, indexSlots } = this.#memory;
    const slots = indexMask + 1;
    if (slots === indexSlots) return;
    const former = words.slice(indexStart, indexStart + slots);
    words.fill(0, indexStart, indexStart + slots);
    Atomics.store(words, HEADER_INDEX_MASK, slots * 2 - 1);
    for (const slot of former) {
      const entry = slot & SLOT_ENTRY_MASK;
      if (entry !== 0) this.#put(this.#hashOf(entry), entry);
    }
  }

  #hashOf(entry: number): number {
    return this.#memory.words[this.#memory.entryStart(entry) + ENTRY_HASH];
  }
}
