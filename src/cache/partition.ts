import { ENTRY_DURATION, ENTRY_NEWER, ENTRY_OLDER, ENTRY_STORED_AT, ENTRY_VISITED, type Memory } from './layout.ts';

/** Told of what happens to the entries of a partition; `entry` is a number in the shared memory. */
export type PartitionObserver = {
  /** There is a new entry, or one has got another message. */
  stored?(entry: number, replaced: boolean): void;
  /** The entry, which can still be read, goes: `evicted` to make room, otherwise because it was removed. */
  removed?(entry: number, evicted: boolean): void;
};

export type PartitionOptions = {
  /** How many entries it may hold. */
  readonly capacity: number;
  /** How long an expired entry is still worth something. */
  readonly staleSeconds?: number;
  readonly observer?: PartitionObserver;
};

/**
 * A share of the store with a capacity of its own, and the queue of SIEVE (Zhang et al., NSDI 2024) by which it evicts:
 * a hand goes from the oldest to the newest entry and again, spares once what was served since it last came by, and
 * takes the first that was not. The queue itself stands still at a hit, which is why readers need no lock for it.
 */
export class Partition {
  /** Never used for another partition of the store. */
  readonly id: number;
  readonly capacity: number;
  readonly staleSeconds: number;
  readonly observer: PartitionObserver;
  /** Of the heap, in granules. */
  granules = 0;
  readonly #memory: Memory;
  #count = 0;
  #newest = 0;
  #oldest = 0;
  #hand = 0;

  constructor(memory: Memory, id: number, { capacity, staleSeconds = 0, observer = {} }: PartitionOptions) {
    this.#memory = memory;
    this.id = id;
    this.capacity = capacity;
    this.staleSeconds = staleSeconds;
    this.observer = observer;
  }

  /** How many entries it holds. */
  get count(): number {
    return this.#count;
  }

  /** The entry that is there longest, 0 if there is none. */
  get oldest(): number {
    return this.#oldest;
  }

  append(entry: number): void {
    const newest = this.#newest;
    this.#setWord(entry, ENTRY_NEWER, 0);
    this.#setWord(entry, ENTRY_OLDER, newest);
    if (newest === 0) this.#oldest = entry;
    else this.#setWord(newest, ENTRY_NEWER, entry);
    this.#newest = entry;
    this.#count++;
  }

  remove(entry: number): void {
    const newer = this.#word(entry, ENTRY_NEWER);
    const older = this.#word(entry, ENTRY_OLDER);
    if (this.#hand === entry) this.#hand = newer;
    if (newer === 0) this.#newest = older;
    else this.#setWord(newer, ENTRY_OLDER, older);
    if (older === 0) this.#oldest = newer;
    else this.#setWord(older, ENTRY_NEWER, newer);
    this.#count--;
  }

  /** The entry to evict, 0 if there is none. What has expired for good is taken even if it was served. */
  victim(nowMs: number): number {
    let entry = this.#hand === 0 ? this.#oldest : this.#hand;
    while (entry !== 0 && this.#word(entry, ENTRY_VISITED) !== 0 && !this.#isUseless(entry, nowMs)) {
      this.#setWord(entry, ENTRY_VISITED, 0);
      const newer = this.#word(entry, ENTRY_NEWER);
      entry = newer === 0 ? this.#oldest : newer;
    }
    this.#hand = entry;
    return entry;
  }

  #isUseless(entry: number, nowMs: number): boolean {
    const storedAtMs = this.#memory.doubles[(this.#memory.entryStart(entry) + ENTRY_STORED_AT) >>> 1];
    const usefulSeconds = this.#word(entry, ENTRY_DURATION) + this.staleSeconds;
    return nowMs - storedAtMs >= usefulSeconds * 1000;
  }

  #word(entry: number, word: number): number {
    return this.#memory.words[this.#memory.entryStart(entry) + word];
  }

  #setWord(entry: number, word: number, value: number): void {
    this.#memory.words[this.#memory.entryStart(entry) + word] = value;
  }
}
