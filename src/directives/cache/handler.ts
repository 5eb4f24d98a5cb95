import { isEnding, TRAIT_ANSWERS, TRAIT_NXDOMAIN } from '../../cache/lookup.ts';
import { EDE_STALE_ANSWER, EDE_STALE_NXDOMAIN } from '../../wire/edns.ts';
import { FLAG_AD, FLAG_CD, FLAG_RD, OPCODE_QUERY, RCODE_SERVFAIL, setFlags } from '../../wire/header.ts';
import { isSubdomain } from '../../wire/name.ts';
import { MessageView } from '../../wire/view.ts';
import type { Clock, Handler, MaybePromise, Outcome, Query } from '../contract.ts';
import { within } from '../deadline.ts';
import { AnswerPool } from './answer-pool.ts';
import type { AnswerStore } from './answer-store.ts';
import type { Asking } from './asking.ts';
import type { CacheConfig, StaleConfig } from './config.ts';
import { type CacheMetrics, type ServerCounters, SOURCE } from './metrics.ts';
import { type Reply, replyTo } from './reply.ts';

/** Too many queries wait already. The server counts it. */
const SHED: Outcome = { response: undefined, rcode: RCODE_SERVFAIL, source: SOURCE };
const STALE_ANSWER = { code: EDE_STALE_ANSWER, text: '' };
const STALE_NXDOMAIN = { code: EDE_STALE_NXDOMAIN, text: '' };

export type CacheParts = {
  readonly config: CacheConfig;
  readonly clock: Clock;
  readonly metrics: CacheMetrics;
  readonly answers: AnswerStore;
  readonly asking: Asking;
  readonly next: Handler;
  /** Zones of the block: no query is for another name. */
  readonly blockZones: readonly string[];
};

/** The cache of one block: answers from what is stored, or asks the rest of the chain. */
export class CacheHandler {
  readonly #config: CacheConfig;
  readonly #clock: Clock;
  readonly #metrics: CacheMetrics;
  readonly #answers: AnswerStore;
  readonly #asking: Asking;
  readonly #next: Handler;
  readonly #coversBlock: boolean;
  readonly #pool = new AnswerPool();

  constructor({ config, clock, metrics, answers, asking, next, blockZones }: CacheParts) {
    this.#config = config;
    this.#clock = clock;
    this.#metrics = metrics;
    this.#answers = answers;
    this.#asking = asking;
    this.#next = next;
    this.#coversBlock = blockZones.every((zone) => this.#covers(zone));
  }

  /** A hit is answered at once, and never rejects. */
  handle(query: Query): MaybePromise<Outcome> {
    const { request } = query;
    if (request.opcode !== OPCODE_QUERY || !(this.#coversBlock || this.#covers(query.qname))) return this.#next(query);
    const counters = this.#metrics.of(query.server);
    counters.requests.inc();
    const nowMs = this.#clock.nowMs();
    const answers = this.#answers;
    if (!answers.select(query) || !answers.find(nowMs)) {
      counters.misses.inc();
      return this.#miss(query);
    }
    if (answers.found.isDenial) counters.denialHits.inc();
    else counters.successHits.inc();
    if (answers.found.remaining > 0 || this.#config.stale === undefined) return this.#hit(query, nowMs, counters);
    return this.#stale(query, this.#config.stale, nowMs, counters);
  }

  /**
   * A responder has answered such a query with what is stale, or about to expire. By now it may have been refreshed for
   * another one.
   */
  refresh(query: Query): void {
    const answers = this.#answers;
    const nowMs = this.#clock.nowMs();
    if (!answers.select(query) || !answers.find(nowMs)) return;
    const { remaining, reader } = answers.found;
    const { amount, percent } = this.#config.prefetch;
    const isToPrefetch = amount > 0 && isEnding(remaining, reader.durationSeconds, percent);
    if (remaining > 0 ? isToPrefetch : nowMs >= reader.recheckAtMs)
      this.#refresh(query, this.#metrics.of(query.server));
  }

  #covers(name: string): boolean {
    return this.#config.zones.some((zone) => isSubdomain(name, zone));
  }

  #hit(query: Query, nowMs: number, counters: ServerCounters): Outcome {
    const { prefetch, keepTtl } = this.#config;
    const { entry, reader, remaining } = this.#answers.found;
    const duration = reader.durationSeconds;
    const response = this.#copy(query, keepTtl ? duration : remaining);
    if (prefetch.amount > 0) {
      const hits = reader.countHit(entry, nowMs, prefetch.windowMs);
      if (hits >= prefetch.amount && isEnding(remaining, duration, prefetch.percent)) this.#refresh(query, counters);
    }
    return { response, rcode: response.rcode, source: SOURCE };
  }

  #miss(query: Query): MaybePromise<Outcome> {
    if (!query.admit()) return SHED;
    const wantsAd = wantsAuthentic(query);
    const reply = this.#asking.ask(query);
    if (reply instanceof Promise) return reply.then((settled) => replyTo(query, wantsAd, settled));
    return replyTo(query, wantsAd, reply);
  }

  /** What was found has expired but may still be served: at once, or if asking leads to nothing better. */
  #stale(query: Query, stale: StaleConfig, nowMs: number, counters: ServerCounters): MaybePromise<Outcome> {
    const { reader } = this.#answers.found;
    const { traits } = reader;
    const isRecent = nowMs < reader.recheckAtMs;
    const isPreferred = stale.preferPositive && (traits & TRAIT_ANSWERS) !== 0;
    const response = this.#copy(query, stale.responseTtl);
    const extendedError = (traits & TRAIT_NXDOMAIN) !== 0 ? STALE_NXDOMAIN : STALE_ANSWER;
    const serve = (): Outcome => {
      counters.servedStale.inc();
      return { response, rcode: response.rcode, source: SOURCE, extendedError };
    };
    // The upstream has just failed, or denied what is served all the same: no use in asking it for every query.
    if (isRecent || (isPreferred && this.#answers.hasFreshDenial(nowMs))) return serve();
    if (!stale.verify) {
      this.#refresh(query, counters);
      return serve();
    }
    if (!query.admit()) return serve();
    const wantsAd = wantsAuthentic(query);
    const conclude = (reply: Reply | undefined): Outcome => {
      const isBetter = reply !== undefined && reply.verdict !== 'failed' && (reply.answers || !isPreferred);
      return isBetter ? replyTo(query, wantsAd, reply) : serve();
    };
    const asked = this.#verify(query, stale.verifyTimeoutMs);
    return asked instanceof Promise ? asked.then(conclude, serve) : conclude(asked);
  }

  /** The reply, if there is one in time. One that comes later is stored. */
  #verify(query: Query, timeoutMs: number): MaybePromise<Reply | undefined> {
    if (timeoutMs === 0) return this.#asking.ask(query);
    const isAsking = this.#asking.isAsking(query);
    // The answer is for this client, so it is asked for as this client asks.
    const asked = isAsking ? this.#asking.ask(query) : this.#asking.askAside(query, { protocol: query.protocol });
    return asked instanceof Promise ? within(timeoutMs, asked) : asked;
  }

  /** Asks again on the side, unless that is being done. */
  #refresh(query: Query, { prefetches }: ServerCounters): void {
    if (!this.#asking.isAsking(query)) void this.#asking.askAside(query, { onStart: () => prefetches.inc() });
  }

  /**
   * The answer that `find` has found, in bytes of its own. Its id is 0 and its question is spelled as it was when the
   * answer was stored, as are the owner names that point to it: the server puts the client's id, and rebuilds the message
   * if the client spells the question otherwise.
   */
  #copy(query: Query, ttl: number): MessageView {
    const { entry, reader } = this.#answers.found;
    const pool = this.#pool;
    const { messageBytes } = reader;
    const offset = pool.take(messageBytes);
    if (!reader.copyMessage(entry, pool.words, pool.bytes, offset, ttl)) throw new Error('the cache has two writers');
    const response = MessageView.trusted(new Uint8Array(pool.bytes.buffer, offset, messageBytes));
    const kept = wantsAuthentic(query) ? response.flags : response.flags & ~FLAG_AD;
    setFlags(response.bytes, kept | (query.request.flags & (FLAG_RD | FLAG_CD)));
    return response;
  }
}

/** RFC 6840 §5.7, §5.8: only who asks with DO or AD is told whether the answer is authentic. */
function wantsAuthentic({ dnssecOk, request }: Query): boolean {
  return dnssecOk || request.ad;
}
