import type { ResponseClass } from '../../cache/classify.ts';
import { type CacheKey, KEY_CD, KEY_DO } from '../../cache/key.ts';
import { Lookup, type Stores, TRAIT_ANSWERS, TRAIT_ERROR, TRAIT_NXDOMAIN } from '../../cache/lookup.ts';
import type { Partition } from '../../cache/partition.ts';
import type { CacheStore } from '../../cache/store.ts';
import { HEADER_BYTES } from '../../wire/header.ts';
import { isSubdomain } from '../../wire/name.ts';
import { CLASS_IN } from '../../wire/types.ts';
import type { MessageView } from '../../wire/view.ts';
import type { Query } from '../contract.ts';
import type { CacheConfig, KindConfig } from './config.ts';

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
 * finds stays in `found` until something else is looked for.
 */
export class AnswerStore {
  readonly success: Partition;
  readonly denial: Partition;
  readonly stores: Stores;
  /** What was found last. */
  readonly found: Lookup;
  readonly #store: CacheStore;
  readonly #config: CacheConfig;
  readonly #prefersPositive: boolean;
  readonly #key: CacheKey;
  readonly #events: StoreEvents;
  #closed = false;

  constructor(store: CacheStore, config: CacheConfig, events: StoreEvents) {
    this.#store = store;
    this.#config = config;
    const staleSeconds = config.stale?.seconds ?? 0;
    this.#prefersPositive = config.stale?.preferPositive ?? false;
    this.#key = store.newKey();
    this.#events = events;
    const open = ({ capacity }: KindConfig, isDenial: boolean) =>
      store.openPartition({
        capacity,
        staleSeconds,
        observer: {
          removed(_entry, byEviction) {
            if (byEviction) events.evicted(isDenial);
          },
        },
      });
    this.success = open(config.success, false);
    this.denial = open(config.denial, true);
    const [success, denial] = [this.success.id, this.denial.id];
    this.stores = { success, denial, staleSeconds, prefersPositive: this.#prefersPositive };
    this.found = new Lookup(store.reader, this.stores);
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
    return this.found.find(this.#key, nowMs);
  }

  /** Whether a denial has not expired yet; what was found before is lost. */
  hasFreshDenial(nowMs: number): boolean {
    return this.found.look(this.#key, true, nowMs) && this.found.remaining > 0;
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
    const hits = found && isRefresh ? this.found.reader.hitsOf(this.found.entry) : 0;
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
    if (this.find(nowMs) && this.#prefersPositive && this.found.has(TRAIT_ANSWERS)) return;
    this.#store.remove(this.denial, this.#key);
    this.#store.remove(this.success, this.#key);
  }

  /** A refresh has failed: says when the next one may be tried. */
  setRecheckAt(nowMs: number, recheckAtMs: number): void {
    for (const isDenial of [false, true]) {
      if (this.found.look(this.#key, isDenial, nowMs)) this.#store.setRecheckAt(this.found.entry, recheckAtMs);
    }
  }

  /** Whether the answer found is to be kept rather than the new one. */
  #isBetterThan({ responseClass, answers }: KeptAnswer): boolean {
    if (responseClass === 'serverError') return !this.found.has(TRAIT_ERROR);
    const isSuccess = responseClass === 'success' || responseClass === 'delegation';
    return this.#prefersPositive && isSuccess && !answers && this.found.has(TRAIT_ANSWERS);
  }
}

function traitsOf({ responseClass, answers }: KeptAnswer): number {
  if (responseClass === 'serverError') return TRAIT_ERROR;
  if (responseClass === 'nxdomain') return TRAIT_NXDOMAIN;
  return answers ? TRAIT_ANSWERS : 0;
}
