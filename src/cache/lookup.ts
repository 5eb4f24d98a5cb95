import type { CacheKey } from './key.ts';
import type { CacheReader } from './reader.ts';

// Traits of stored answers.
/** SERVFAIL or NOTIMP. */
export const TRAIT_ERROR = 1;
export const TRAIT_NXDOMAIN = 2;
/** It has records of the type asked for; only told apart where a policy asks. */
export const TRAIT_ANSWERS = 4;

const MS_PER_SECOND = 1000;

/** Where the answers of one cache are, and which of them may be served. */
export type Stores = {
  /** Ids of its partitions. */
  readonly success: number;
  readonly denial: number;
  /** How long an answer may be served after it has expired; 0 is not at all. */
  readonly staleSeconds: number;
  /** A stale answer that has records beats a fresh denial. */
  readonly prefersPositive: boolean;
};

/** Finds the answer that a cache has for a key, in any thread. What `find` finds stays here and in `reader`. */
export class Lookup {
  /** The entry found, and whether it stems from the denial store. */
  entry = 0;
  isDenial = false;
  /** Whole seconds that the answer found is good for; from 0 down it is stale. */
  remaining = 0;
  readonly reader: CacheReader;
  readonly #stores: Stores;

  constructor(reader: CacheReader, stores: Stores) {
    this.reader = reader;
    this.#stores = stores;
  }

  /** Finds the answer to serve, be it a stale one; false if there is none. */
  find(key: CacheKey, nowMs: number): boolean {
    const { reader } = this;
    const { success, denial, prefersPositive } = this.#stores;
    reader.locate(key, denial, success);
    // Most names have no denial: then there is nothing to be weighed.
    if (reader.first === 0 && reader.second !== 0 && reader.load(reader.second, key, success)) {
      this.entry = reader.second;
      this.isDenial = false;
      return this.#isServable(nowMs);
    }
    if (prefersPositive && this.look(key, false, nowMs) && this.has(TRAIT_ANSWERS)) return true;
    if (!this.look(key, true, nowMs)) return this.look(key, false, nowMs);
    // An error hides no answer that is still of use.
    return !this.has(TRAIT_ERROR) || this.look(key, false, nowMs) || this.look(key, true, nowMs);
  }

  /** Looks into one of the two stores; true if what is there may be served. */
  look(key: CacheKey, isDenial: boolean, nowMs: number): boolean {
    this.isDenial = isDenial;
    this.entry = this.reader.find(key, isDenial ? this.#stores.denial : this.#stores.success);
    return this.entry !== 0 && this.#isServable(nowMs);
  }

  #isServable(nowMs: number): boolean {
    const { reader } = this;
    // The clocks of two threads may be some microseconds apart.
    const elapsed = Math.max(0, Math.floor((nowMs - reader.storedAtMs) / MS_PER_SECOND));
    this.remaining = reader.durationSeconds - elapsed;
    if (this.remaining > 0) return true;
    return this.remaining > -this.#stores.staleSeconds && !this.has(TRAIT_ERROR);
  }

  has(trait: number): boolean {
    return (this.reader.traits & trait) !== 0;
  }
}

/** Whether so little is left of a duration, at most that part of it, that it is time to ask again. */
export function isEnding(remaining: number, durationSeconds: number, percent: number): boolean {
  return remaining <= Math.ceil((percent / 100) * durationSeconds);
}
