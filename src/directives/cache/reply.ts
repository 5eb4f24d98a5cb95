import { answersQuestion } from '../../cache/answers.ts';
import { classify, isCacheable, type ResponseClass } from '../../cache/classify.ts';
import { durationSeconds } from '../../cache/ttl.ts';
import { copyBytes, writeU32 } from '../../wire/bytes.ts';
import { compressMessage } from '../../wire/compress.ts';
import { MIN_UDP_PAYLOAD_BYTES } from '../../wire/edns.ts';
import { FLAG_AD, FLAG_RD, MAX_MESSAGE_BYTES, RCODE_NOERROR, RCODE_NXDOMAIN, setFlags } from '../../wire/header.ts';
import { MessageView, sameQuestion } from '../../wire/view.ts';
import type { Clock, Outcome, Query } from '../contract.ts';
import type { AnswerStore, KeptAnswer } from './answer-store.ts';
import type { CacheConfig } from './config.ts';
import { type CacheMetrics, SOURCE } from './metrics.ts';

/** What came of asking the rest of the chain, for all who wait for it. */
export type Reply = {
  /** Its response has no OPT, and one TTL for all records. It is nobody's own: see `replyTo`. */
  readonly outcome: Outcome;
  /** `fresh`: the upstream knows whether there is such a name. `truncated`: it does, but has not told all. */
  readonly verdict: 'fresh' | 'truncated' | 'failed';
  /** Whether it has records of the type asked for; only told apart where a policy asks. */
  readonly answers: boolean;
  /** Of the query that it answers: the longest answer it could get, RD, and what the directives below have left there. */
  readonly limitBytes: number;
  readonly rd: boolean;
  readonly metadata: Query['metadata'];
};

/** Makes replies of outcomes, and stores what may be stored. */
export class ReplyKeeper {
  readonly #config: CacheConfig;
  readonly #clock: Clock;
  readonly #answers: AnswerStore;
  readonly #metrics: CacheMetrics;

  constructor(config: CacheConfig, clock: Clock, answers: AnswerStore, metrics: CacheMetrics) {
    this.#config = config;
    this.#clock = clock;
    this.#answers = answers;
    this.#metrics = metrics;
  }

  /** `isRefresh`: the query is the server's own. */
  settle(query: Query, outcome: Outcome, isRefresh: boolean): Reply {
    const { response } = outcome;
    const asked = { limitBytes: limitOf(query), rd: query.request.rd, metadata: query.metadata };
    if (response === undefined || outcome.drop) {
      this.#failed(query);
      return { ...asked, outcome, verdict: 'failed', answers: false };
    }
    const responseClass = classify(response, this.#clock.unixSeconds());
    const duration = this.#durationOf(response, responseClass);
    const message = withoutOpt(response, duration);
    const answers = this.#config.stale?.preferPositive === true && answersQuestion(response);
    const verdict = verdictOf(query, response, responseClass);
    const kept = { message, responseClass, durationSeconds: duration, answers };
    if (!this.#keep(query, response, kept, isRefresh) && verdict !== 'truncated') {
      if (verdict === 'fresh') this.#forget(query);
      this.#failed(query);
    }
    return { ...asked, outcome: { ...outcome, response: message, source: SOURCE }, verdict, answers };
  }

  #durationOf(response: MessageView, responseClass: ResponseClass): number {
    if (responseClass === 'serverError') return this.#config.servfailSeconds;
    const isDenial = responseClass === 'nodata' || responseClass === 'nxdomain';
    return durationSeconds(response, responseClass, isDenial ? this.#config.denial : this.#config.success);
  }

  /** Stores the answer if it may be. */
  #keep(query: Query, response: MessageView, answer: KeptAnswer, isRefresh: boolean): boolean {
    if (response.tc || answer.durationSeconds === 0 || !isCacheable(response, answer.responseClass)) return false;
    if (!isReplyTo(query, response)) {
      this.#metrics.of(query.server).drops.inc();
      return false;
    }
    return this.#answers.select(query) && this.#answers.keep(answer, query.qname, isRefresh, this.#clock.nowMs());
  }

  /** The upstream has said something else than what is stored, and that cannot be stored in its place. */
  #forget(query: Query): void {
    if (this.#answers.select(query)) this.#answers.forget(this.#clock.nowMs());
  }

  /** What is stored has not been refreshed. */
  #failed(query: Query): void {
    const { stale } = this.#config;
    if (stale === undefined || !this.#answers.select(query)) return;
    const nowMs = this.#clock.nowMs();
    this.#answers.setRecheckAt(nowMs, nowMs + stale.recheckMs);
  }
}

/** The longest answer that the upstream may give to a query, in bytes. */
export function limitOf({ protocol, udpPayloadBytes }: Query): number {
  return protocol === 'udp' ? Math.max(MIN_UDP_PAYLOAD_BYTES, udpPayloadBytes) : MAX_MESSAGE_BYTES;
}

/** The outcome for one who asked, with an answer of its own. `wantsAd`: its query had DO or AD. */
export function replyTo(query: Query, wantsAd: boolean, { outcome, rd, metadata }: Reply): Outcome {
  const { request } = query;
  const { response } = outcome;
  if (metadata !== query.metadata) for (const [name, value] of metadata) query.metadata.set(name, value);
  if (response === undefined) return outcome;
  const bytes = copyBytes(response.bytes, 0, response.bytes.length);
  let { flags } = response;
  if (!wantsAd) flags &= ~FLAG_AD;
  if (rd !== request.rd) flags ^= FLAG_RD;
  setFlags(bytes, flags);
  return { ...outcome, response: MessageView.trusted(bytes) };
}

function verdictOf(query: Query, response: MessageView, responseClass: ResponseClass): Reply['verdict'] {
  const { rcode } = response;
  if (!isReplyTo(query, response) || (rcode !== RCODE_NOERROR && rcode !== RCODE_NXDOMAIN)) return 'failed';
  if (response.tc) return 'truncated';
  // Bad signatures tell nothing; a denial that comes with records is not stored, but a denial.
  const isOddDenial = rcode === RCODE_NXDOMAIN && response.answerCount > 0;
  return responseClass !== 'otherError' || isOddDenial ? 'fresh' : 'failed';
}

function isReplyTo({ request }: Query, response: MessageView): boolean {
  return response.qr && sameQuestion(request, response);
}

/** A copy of the message with that TTL in all records. */
function withoutOpt(response: MessageView, ttl: number): MessageView {
  const message = MessageView.trusted(compressMessage(response));
  const { recordCount } = message;
  for (let i = 0; i < recordCount; i++) writeU32(message.bytes, message.ttlOffset(i), ttl);
  return message;
}
