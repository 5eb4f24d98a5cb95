import type { ResponseClass } from '../../cache/classify.ts';
import { type CacheKey, KEY_CD, KEY_DO } from '../../cache/key.ts';
import type { Partition } from '../../cache/partition.ts';
import type { CacheReader } from '../../cache/reader.ts';
import type { CacheStore } from '../../cache/store.ts';
import { HEADER_BYTES } from '../../wire/header.ts';
import { isSubdomain } from '../../wire/name.ts';
import { CLASS_IN } from '../../wire/types.ts';
import type { MessageView } from '../../wire/view.ts';
import type { Query } from '../contract.ts';
import type { CacheConfig, KindConfig } from './config.ts';

// Traits of stored answers.
/** SERVFAIL or NOTIMP. */
export const TRAIT_ERROR = 1;
export const TRAIT_NXDOMAIN = 2;
/** It has records of the type asked for; only told apart where a policy asks. */
export const TRAIT_ANSWERS = 4;

const MS_PER_SECOND = 1000;

export type KeptAnswer = {
  /** Without OPT. */
  readonly message: MessageView;
  readonly responseClass: ResponseClass;
  readonly durationSeconds: number;
  readonly answers: boolean;
};

/** What is counted. */
export type StoreEvents = {
  evicted(isDenial: boolean): void;
  /** An answer was too large. */
  refused(): void;
};

/**
 * What one cache holds: a store for success and one for denial. `select` says which query it is about, and what `find`
 * finds stays in the fields and in `reader` until something else is looked for.
 */
export class AnswerStore {
  readonly success: Partition;
  readonly denial: Partition;
  readonly reader: CacheReader;
  /** The entry found, and whether it stems from the denial store. */
  entry = 0;
  isDenial = false;
  /** Whole seconds that the answer found is good for; from 0 down it is stale. */
  remaining = 0;

  readonly #store: CacheStore;
  readonly #config: CacheConfig;
  readonly #staleSeconds: number;
  readonly #prefersPositive: boolean;
  readonly #key: CacheKey;
  readonly #events: StoreEvents;
  #closed = false;

  constructor(store: CacheStore, config: CacheConfig, events: StoreEvents) {
    this.#store = store;
    this.#config = config;
    this.#staleSeconds = config.stale?.seconds ?? 0;
    this.#prefersPositive = config.stale?.preferPositive ?? false;
    this.#key = store.newKey();
    this.#events = events;
    this.reader = store.reader;
    const open = ({ capacity }: KindConfig, isDenial: boolean) =>
      store.openPartition({
        capacity,
        staleSeconds: this.#staleSeconds,
        observer: {
          removed(_entry, byEviction) {
            if (byEviction) events.evicted(isDenial);
          },
        },
      });
    this.success = open(config.success, false);
    this.denial = open(config.denial, true);
  }

  /** Gives all memory back; from then on nothing is stored. */
  close(): void {
    this.#closed = true;
    this.#store.closePartition(this.success);
    this.#store.closePartition(this.denial);
  }

  /** False if nothing is ever stored for such a query: other classes than IN share no names with it. */
  select({ request, qtype, qclass, dnssecOk }: Query): boolean {
    const flags = (dnssecOk ? KEY_DO : 0) | (request.cd ? KEY_CD : 0);
    return qclass === CLASS_IN && this.#key.set(request.bytes, HEADER_BYTES, request.bytes.length, qtype, flags);
  }

  /** Finds the answer to serve, be it a stale one; false if there is none. */
  find(nowMs: number): boolean {
    if (this.#prefersPositive && this.#look(false, nowMs) && this.#has(TRAIT_ANSWERS)) return true;
    if (!this.#look(true, nowMs)) return this.#look(false, nowMs);
    // An error hides no answer that is still of use.
    return !this.#has(TRAIT_ERROR) || this.#look(false, nowMs) || this.#look(true, nowMs);
  }

  /** Whether a denial has not expired yet; what was found before is lost. */
  hasFreshDenial(nowMs: number): boolean {
    return this.#look(true, nowMs) && this.remaining > 0;
  }

  /**
   * Stores an answer as the one for its question; false if it is not to be stored, or if there is a better one. Hits are
   * counted on if it is a refresh.
   */
  keep(answer: KeptAnswer, qname: string, isRefresh: boolean, nowMs: number): boolean {
    const isSuccess = answer.responseClass === 'success' || answer.responseClass === 'delegation';
    const { disabledZones } = isSuccess ? this.#config.success : this.#config.denial;
    if (this.#closed || disabledZones.some((zone) => isSubdomain(qname, zone))) return false;
    const found = this.find(nowMs);
    if (found && this.#isBetterThan(answer)) return false;

    const { message, durationSeconds } = answer;
    const hits = found && isRefresh ? this.reader.hitsOf(this.entry) : 0;
    const partition = isSuccess ? this.success : this.denial;
    const stored = { message, durationSeconds, traits: traitsOf(answer), hits };
    if (this.#store.put(partition, this.#key, stored, nowMs) === 0) {
      this.#events.refused();
      return false;
    }
    if (isSuccess) this.#store.remove(this.denial, this.#key);
    else if (!this.#prefersPositive) this.#store.remove(this.success, this.#key);
    return true;
  }

  /** Drops what there is for the question, since it is no longer true; but not what the policy prefers to the truth. */
  forget(nowMs: number): void {
    if (this.find(nowMs) && this.#prefersPositive && this.#has(TRAIT_ANSWERS)) return;
    this.#store.remove(this.denial, this.#key);
    this.#store.remove(this.success, this.#key);
  }

  /** A refresh has failed: says when the next one may be tried. */
  setRecheckAt(nowMs: number, recheckAtMs: number): void {
    for (const isDenial of [false, true]) {
      if (this.#look(isDenial, nowMs)) this.#store.setRecheckAt(this.entry, recheckAtMs);
    }
  }

  /** Whether the answer found is to be kept rather than the new one. */
  #isBetterThan({ responseClass, answers }: KeptAnswer): boolean {
    if (responseClass === 'serverError') return !this.#has(TRAIT_ERROR);
    const isSuccess = responseClass === 'success' || responseClass === 'delegation';
    return this.#prefersPositive && isSuccess && !answers && this.#has(TRAIT_ANSWERS);
  }

  #has(trait: number): boolean {
    return (this.reader.traits & trait) !== 0;
  }

  #look(isDenial: boolean, nowMs: number): boolean {
    const { reader } = this;
    this.isDenial = isDenial;
    this.entry = reader.find(this.#key, (isDenial ? this.denial : this.success).id);
    if (this.entry === 0) return false;
    const elapsed = Math.floor((nowMs - reader.storedAtMs) / MS_PER_SECOND);
    this.remaining = reader.durationSeconds - elapsed;
    if (this.remaining > 0) return true;
    return this.remaining > -this.#staleSeconds && !this.#has(TRAIT_ERROR);
  }
}

function traitsOf({ responseClass, answers }: KeptAnswer): number {
  if (responseClass === 'serverError') return TRAIT_ERROR;
  if (responseClass === 'nxdomain') return TRAIT_NXDOMAIN;
  return answers ? TRAIT_ANSWERS : 0;
}
