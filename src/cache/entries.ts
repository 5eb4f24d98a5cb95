import { ENTRY_NEWER, ENTRY_PARTITION, ENTRY_SEQUENCE, type Memory } from './layout.ts';

/** The writer's table of entries: which are free, and the sequence numbers that guard them. */
export class EntryTable {
  readonly #memory: Memory;
  /** Given back, linked by `ENTRY_NEWER`; those above `#untouched` have never been in use. */
  #free = 0;
  #untouched = 0;
  #used = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  get used(): number {
    return this.#used;
  }

  /** A free entry, 0 if there is none. */
  take(): number {
    const entry = this.#free;
    if (entry !== 0) {
      this.#free = this.#memory.words[this.#memory.entryStart(entry) + ENTRY_NEWER];
    } else if (this.#untouched === this.#memory.entryCount) {
      return 0;
    }
    this.#used++;
    return entry === 0 ? ++this.#untouched : entry;
  }

  /** Makes the entry nobody's. */
  giveBack(entry: number): void {
    const { words } = this.#memory;
    const start = this.#memory.entryStart(entry);
    this.beginWrite(entry);
    words[start + ENTRY_PARTITION] = 0;
    words[start + ENTRY_NEWER] = this.#free;
    this.endWrite(entry);
    this.#free = entry;
    this.#used--;
  }

  /** Before the entry or its block are written (see `layout.ts` for the order). */
  beginWrite(entry: number): void {
    const { words } = this.#memory;
    const sequence = this.#memory.entryStart(entry) + ENTRY_SEQUENCE;
    const odd = Atomics.load(words, sequence) + 1;
    Atomics.store(words, sequence, odd);
    if (Atomics.load(words, sequence) !== (odd | 0)) throw new Error('the cache has a second writer');
  }

  endWrite(entry: number): void {
    const { words } = this.#memory;
    const sequence = this.#memory.entryStart(entry) + ENTRY_SEQUENCE;
    Atomics.store(words, sequence, Atomics.load(words, sequence) + 1);
  }
}
