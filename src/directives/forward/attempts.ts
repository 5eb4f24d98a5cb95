import type { Asker } from '../../upstream/exchange.ts';
import { shortened } from '../../upstream/random.ts';
import type { Timed, TimerWheel } from '../../upstream/timer-wheel.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { MIN_UDP_PAYLOAD_BYTES } from '../../wire/edns.ts';
import { MAX_MESSAGE_BYTES, RCODE_NOERROR, RCODE_SERVFAIL } from '../../wire/header.ts';
import type { MessageView } from '../../wire/view.ts';
import type { Outcome, Query, UpstreamWatcher } from '../contract.ts';
import type { ForwardConfig } from './options.ts';

/** Before all upstreams are tried again; doubled each time. */
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 400;
const PAUSE_SPREAD = 0.5;

/** The `forward` that a query goes through, as far as its attempts must know it. */
export type Forwarding = {
  readonly config: ForwardConfig;
  readonly services: {
    readonly nowMs: () => number;
    readonly wheel: TimerWheel;
    readonly watchers: readonly UpstreamWatcher[];
    readonly totalMs: number;
  };
  /** The upstreams in the order in which they shall be tried. */
  order(): readonly Upstream[];
  whenAllAreDown(upstreams: readonly Upstream[]): Upstream | undefined;
};

/** The way of one query through the upstreams: asks one after the other until it has an answer or the time is up. */
export class Attempts implements Asker, Timed {
  readonly #forwarder: Forwarding;
  readonly #query: Query;
  readonly #nextIsForward: boolean;
  readonly #finish: (outcome: Outcome | 'next') => void;
  readonly #upstreams: readonly Upstream[];
  readonly #maxFailures: number;
  readonly #deadlineMs: number;
  readonly #protocol: 'udp' | 'tcp';
  /** Of the next one in the list, and how often the list has been gone through. */
  #position = 0;
  #round = 0;
  #roundStartedAtMs: number;
  /** Upstreams passed over in this round because they are down. */
  #skippedCount = 0;
  #failureCount = 0;
  #failoverCount = 0;
  #upstream: Upstream | undefined;
  #askedOver: 'udp' | 'tcp' = 'udp';
  #askedAtMs = 0;
  #lastReply: MessageView | undefined;
  #lastError: Error | undefined;
  dueAtMs = 0;
  wheelSlot = -1;
  wheelPrevious: Timed | undefined;
  wheelNext: Timed | undefined;

  /** `finish` gets the outcome, or `next` when the next `forward` shall answer. */
  constructor(
    forwarder: Forwarding,
    query: Query,
    nextIsForward: boolean,
    finish: (outcome: Outcome | 'next') => void,
  ) {
    const { config, services } = forwarder;
    const nowMs = services.nowMs();
    this.#forwarder = forwarder;
    this.#query = query;
    this.#nextIsForward = nextIsForward;
    this.#finish = finish;
    this.#upstreams = forwarder.order();
    this.#maxFailures = config.maxAttempts ?? 2 * this.#upstreams.length;
    this.#deadlineMs = nowMs + services.totalMs;
    this.#roundStartedAtMs = nowMs;
    this.#protocol = config.forceTcp ? 'tcp' : config.preferUdp ? 'udp' : query.protocol;
  }

  begin(): void {
    this.#askNext(this.#roundStartedAtMs);
  }

  onReply(reply: MessageView): void {
    const { config, services } = this.#forwarder;
    const nowMs = services.nowMs();
    const upstream = this.#upstream;
    const rcode = reply.extendedRcode;
    upstream?.answered(rcode, nowMs - this.#askedAtMs);
    this.#lastReply = reply;
    this.#tell(nowMs, reply);
    const mayRetry = config.preferUdp && this.#askedOver === 'udp' && nowMs < this.#deadlineMs;
    if (upstream !== undefined && reply.tc && mayRetry) {
      this.#ask(upstream, 'tcp', nowMs);
      return;
    }
    if (config.failoverRcodes.has(rcode) && ++this.#failoverCount < this.#upstreams.length) {
      this.#askNext(nowMs);
      return;
    }
    if (this.#nextIsForward && this.#isForNext(reply, rcode)) this.#finish('next');
    else this.#end();
  }

  onFailure(error: Error): void {
    const { nowMs: now, wheel } = this.#forwarder.services;
    const nowMs = now();
    this.#lastError = error;
    this.#failureCount++;
    this.#upstream?.failed();
    this.#tell(nowMs, undefined, error);
    const isLast = this.#maxFailures > 0 && this.#failureCount >= this.#maxFailures;
    // Where all are down, the one picked nevertheless was the last hope.
    const areAllDown = this.#skippedCount >= this.#upstreams.length;
    const pauseMs = this.#position < this.#upstreams.length ? 0 : this.#pauseMs(nowMs);
    if (isLast || areAllDown) this.#end();
    else if (pauseMs <= 0) this.#askNext(nowMs);
    else wheel.add(this, Math.min(nowMs + pauseMs, this.#deadlineMs));
  }

  /** The pause is over. */
  onDue(nowMs: number): void {
    this.#askNext(nowMs);
  }

  #askNext(nowMs: number): void {
    const upstream = nowMs < this.#deadlineMs ? this.#select(nowMs) : undefined;
    if (upstream === undefined) this.#end();
    else this.#ask(upstream, this.#protocolOfRound(), nowMs);
  }

  /** Some upstreams have no TCP: where that has failed with all of them, every other round is over UDP. */
  #protocolOfRound(): 'udp' | 'tcp' {
    return this.#round % 2 === 1 && !this.#forwarder.config.forceTcp ? 'udp' : this.#protocol;
  }

  /** The next one that is not down. */
  #select(nowMs: number): Upstream | undefined {
    const upstreams = this.#upstreams;
    for (;;) {
      if (this.#position === upstreams.length) {
        this.#position = 0;
        this.#round++;
        this.#roundStartedAtMs = nowMs;
        this.#skippedCount = 0;
      }
      const upstream = upstreams[this.#position++];
      if (!upstream.isDown) return upstream;
      if (++this.#skippedCount < upstreams.length) continue;
      return this.#forwarder.whenAllAreDown(upstreams);
    }
  }

  #ask(upstream: Upstream, protocol: 'udp' | 'tcp', nowMs: number): void {
    const { request, protocol: clientProtocol, udpPayloadBytes } = this.#query;
    this.#upstream = upstream;
    this.#askedOver = protocol;
    this.#askedAtMs = nowMs;
    const receiveLimitBytes =
      clientProtocol === 'udp' ? Math.max(MIN_UDP_PAYLOAD_BYTES, udpPayloadBytes) : MAX_MESSAGE_BYTES;
    const deadlineMs = this.#deadlineMs;
    upstream.exchange({ request, asker: this, receiveLimitBytes, deadlineMs, protocol }, nowMs);
  }

  /** Tells those who look on that an attempt has ended. */
  #tell(endedAtMs: number, reply: MessageView | undefined, error?: Error): void {
    const { watchers } = this.#forwarder.services;
    if (watchers.length === 0 || this.#upstream === undefined) return;
    const { endpoint } = this.#upstream;
    const protocol = endpoint.protocol === 'dns' ? this.#askedOver : endpoint.protocol;
    const attempt = { query: this.#query, endpoint, protocol, startedAtMs: this.#askedAtMs, endedAtMs, reply, error };
    for (const see of watchers) see(attempt);
  }

  /** Those who refuse do so within microseconds: what is left of the time that a round takes at least. */
  #pauseMs(nowMs: number): number {
    const pauseMs = shortened(Math.min(FIRST_PAUSE_MS * 2 ** this.#round, MAX_PAUSE_MS), PAUSE_SPREAD);
    return this.#roundStartedAtMs + pauseMs - nowMs;
  }

  #isForNext(reply: MessageView, rcode: number): boolean {
    const { nextRcodes, nextOnNodata } = this.#forwarder.config;
    return nextRcodes.has(rcode) || (nextOnNodata && rcode === RCODE_NOERROR && reply.answerCount === 0);
  }

  #end(): void {
    const response = this.#lastReply;
    if (this.#upstream !== undefined) this.#query.metadata.set('forward/upstream', this.#upstream.endpoint.text);
    if (response !== undefined) {
      this.#finish({ response, rcode: response.extendedRcode, source: 'forward' });
      return;
    }
    const error = this.#lastError ?? new Error('no healthy proxies');
    this.#finish({ response: undefined, rcode: RCODE_SERVFAIL, source: '', error });
  }
}
