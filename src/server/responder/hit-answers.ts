import { Approach } from '../../cache/approach.ts';
import type { Memory } from '../../cache/layout.ts';
import { isEnding, Lookup, TRAIT_ERROR } from '../../cache/lookup.ts';
import { CacheReader } from '../../cache/reader.ts';
import type { DatagramBatch } from '../../sys/datagrams.ts';
import type { DirectReplies } from '../../sys/direct-replies.ts';
import { TYPE_AAAA } from '../../wire/types.ts';
import { HitReply } from './hit-reply.ts';
import { PLAIN, PlainQuery, UNANSWERABLE } from './plain-query.ts';
import type { BlockPlan, ListenerPlan, Plan } from './plan.ts';
import { HitTally } from './tally.ts';
import { ZoneTable } from './zone-table.ts';

/**
 * How many queries are read at a time: about as many lines of memory as the processor can wait for together. 64 are no
 * faster, and take more room in its caches.
 */
export const GROUP_SLOTS = 16;

/** What became of a datagram. */
export const ANSWERED = 0;
/** Answered, with something that the resolver should refresh. */
export const ANSWERED_DUE = 1;
export const HAND_OVER = 2;
export const IGNORED = 3;

type Block = BlockPlan & { readonly lookup: Lookup };
type Zone = { readonly name: Uint8Array; readonly block: Block | undefined; readonly tally: HitTally };

/** A listener as its responder knows it. */
export type HitListener = { readonly id: number; readonly fd: number; readonly zones: ZoneTable<Zone> };

/**
 * Answers the queries of a batch that the cache holds an answer for, as the block's chain would. For a hit nothing is
 * allocated, but where the reply has to be written anew.
 */
export class HitAnswers {
  readonly #batch: DatagramBatch;
  readonly #reply: HitReply;
  readonly #reader: CacheReader;
  readonly #approach: Approach;
  /** Of the group. */
  readonly #queries: readonly PlainQuery[];
  readonly #hashes = new Int32Array(GROUP_SLOTS);
  /** Those that wait for the end of the batch: the first ones. */
  readonly #unsettled: HitTally[] = [];
  #unsettledCount = 0;
  #entry = 0;
  #isStale = false;
  #isDue = false;

  constructor(memory: Memory, batch: DatagramBatch, replies: DirectReplies) {
    this.#batch = batch;
    this.#reply = new HitReply(batch, replies);
    this.#reader = new CacheReader(memory);
    this.#approach = new Approach(memory, GROUP_SLOTS);
    this.#queries = Array.from({ length: GROUP_SLOTS }, () => new PlainQuery(memory));
  }

  /** The listeners of a plan, ready to be answered by. */
  prepare({ blocks, listeners, tallies }: Plan): HitListener[] {
    const cells = new Float64Array(tallies);
    const prepared = blocks.map((block): Block => ({ ...block, lookup: new Lookup(this.#reader, block.stores) }));
    const zoneOf = ({ name, block: index, tally }: ListenerPlan['zones'][number]): Zone => {
      const block = prepared[index];
      return { name, block, tally: new HitTally(cells, tally, block?.countsRequests ?? false) };
    };
    return listeners.map(({ id, fd, zones }) => ({ id, fd, zones: new ZoneTable(zones.map(zoneOf)) }));
  }

  /** The entry of the cache that the last answer stems from. */
  get entry(): number {
    return this.#entry;
  }

  /** Reads the queries of a group, the slots from `first` to `end`. */
  read(first: number, end: number): void {
    for (let slot = first; slot < end; slot++) {
      const query = this.#queries[slot - first];
      query.read(this.#batch, slot);
      this.#hashes[slot - first] = query.key.hash;
    }
    if (end - first > 1) this.#approach.touch(this.#hashes, end - first);
  }

  /** Answers query `index` of the group, if it can. There must be room for MAX_REPLY_BYTES in the replies. */
  answer({ zones }: HitListener, slot: number, index: number, nowMs: number): number {
    const query = this.#queries[index];
    const { key, kind } = query;
    if (kind !== PLAIN) return kind === UNANSWERABLE ? IGNORED : HAND_OVER;
    const zone = zones.find(key.name, key.nameBytes);
    const block = zone?.block;
    if (zone === undefined || block === undefined) return HAND_OVER;
    if (block.aaaaInChain.length > 0 && this.#isForChain(block, query, slot)) return HAND_OVER;
    const { lookup } = block;
    if (!lookup.find(key, nowMs)) return HAND_OVER;
    const ttl = this.#ttlOf(block, nowMs);
    if (ttl < 0 || !this.#reply.write(query, slot, lookup, ttl, block)) return HAND_OVER;
    this.#entry = lookup.entry;
    this.#count(zone, query, lookup, slot);
    if (this.#isStale) return this.#isDue ? ANSWERED_DUE : ANSWERED;
    return block.prefetch.amount > 0 && this.#isTimeToPrefetch(block, nowMs) ? ANSWERED_DUE : ANSWERED;
  }

  /** What has been answered since the last time took so long. */
  settle(seconds: number): void {
    for (let i = 0; i < this.#unsettledCount; i++) this.#unsettled[i].settle(seconds);
    this.#unsettledCount = 0;
  }

  /** The TTL to answer with what was found; -1 if that is not for us to serve. */
  #ttlOf(block: Block, nowMs: number): number {
    const { lookup, stale } = block;
    const { reader, remaining } = lookup;
    this.#isStale = remaining <= 0;
    if (block.errorsInChain && lookup.has(TRAIT_ERROR)) return -1;
    if (remaining > 0) return block.keepTtl ? reader.durationSeconds : remaining;
    // A fresh denial may stand beside what is preferred to it.
    if (stale === undefined || block.stores.prefersPositive) return -1;
    // If the upstream has just failed, it is not asked again for a while.
    this.#isDue = nowMs >= reader.recheckAtMs;
    return this.#isDue && stale.verify ? -1 : stale.responseTtl;
  }

  #isForChain({ aaaaInChain }: Block, { qtype }: PlainQuery, slot: number): boolean {
    return qtype === TYPE_AAAA && aaaaInChain.includes(this.#batch.family(slot));
  }

  #count({ tally }: Zone, query: PlainQuery, lookup: Lookup, slot: number): void {
    const family = this.#batch.family(slot);
    const { messageBytes } = lookup.reader;
    const { rcode } = this.#reply;
    const isFirst = tally.count(query, family, lookup.isDenial, this.#isStale, rcode, messageBytes);
    if (isFirst) this.#unsettled[this.#unsettledCount++] = tally;
  }

  #isTimeToPrefetch({ lookup, prefetch }: Block, nowMs: number): boolean {
    const hits = lookup.reader.countHit(lookup.entry, nowMs, prefetch.windowMs);
    return hits >= prefetch.amount && isEnding(lookup.remaining, lookup.reader.durationSeconds, prefetch.percent);
  }
}
