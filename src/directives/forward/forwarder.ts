import type { Counter } from '../../observe/metrics.ts';
import { createPolicy, type Policy } from '../../upstream/policy.ts';
import type { TimerWheel } from '../../upstream/timer-wheel.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import type { UpstreamSet } from '../../upstream/upstream-set.ts';
import { RCODE_REFUSED, RCODE_SERVFAIL } from '../../wire/header.ts';
import type { Handler, MaybePromise, Outcome, Query, UpstreamWatcher } from '../contract.ts';
import { Attempts } from './attempts.ts';
import { type ForwardConfig, isForwarded } from './options.ts';

/** The table of queries in flight is full: the server counts that. */
const SHED: Outcome = { response: undefined, rcode: RCODE_SERVFAIL, source: '' };

/** Handlers of `forward`, by which one knows whether the next in the chain is one. */
const handlers = new WeakSet<Handler>();

export type ForwarderServices = {
  readonly nowMs: () => number;
  readonly wheel: TimerWheel;
  readonly watchers: readonly UpstreamWatcher[];
  readonly allDown: Counter;
  readonly rejected: Counter;
  /** After so long a query has its answer, SERVFAIL at worst. */
  readonly totalMs: number;
};

/** One `forward` at work. */
export class Forwarder {
  readonly config: ForwardConfig;
  readonly upstreams: UpstreamSet;
  readonly services: ForwarderServices;
  readonly #policy: Policy;
  readonly #refused: Outcome;
  #activeCount = 0;
  #onIdle: (() => void) | undefined;

  constructor(config: ForwardConfig, upstreams: UpstreamSet, services: ForwarderServices) {
    this.config = config;
    this.upstreams = upstreams;
    this.services = services;
    this.#policy = createPolicy(config.policy);
    const error = new Error(`concurrent queries exceeded maximum ${config.maxConcurrent}`);
    this.#refused = { response: undefined, rcode: RCODE_REFUSED, source: '', error };
  }

  /** Queries that wait for an upstream. */
  get activeCount(): number {
    return this.#activeCount;
  }

  /** The handler before `next` in a chain. */
  handler(next: Handler): Handler {
    const nextIsForward = handlers.has(next);
    const handler = (query: Query) =>
      isForwarded(query.qname, this.config) ? this.#forward(query, next, nextIsForward) : next(query);
    handlers.add(handler);
    return handler;
  }

  /** The upstreams in the order in which they shall be tried. */
  order(): readonly Upstream[] {
    return this.#policy(this.upstreams.upstreams);
  }

  /** Any one of them, since it may be the health checks that are broken; none if that is configured. */
  whenAllAreDown(upstreams: readonly Upstream[]): Upstream | undefined {
    this.services.allDown.inc();
    return this.config.failfast ? undefined : upstreams[Math.floor(Math.random() * upstreams.length)];
  }

  /** Resolves once no query waits. Connections close as they fall idle. */
  stop(): Promise<void> {
    this.upstreams.retire();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      if (this.#activeCount === 0) resolve();
    });
  }

  #forward(query: Query, next: Handler, nextIsForward: boolean): MaybePromise<Outcome> {
    const { maxConcurrent } = this.config;
    if (maxConcurrent > 0 && this.#activeCount >= maxConcurrent) {
      this.services.rejected.inc();
      return this.#refused;
    }
    if (!query.admit()) return SHED;
    this.#activeCount++;
    return new Promise((resolve) => {
      const attempts = new Attempts(this, query, nextIsForward, (outcome) => {
        if (--this.#activeCount === 0) this.#onIdle?.();
        resolve(outcome === 'next' ? next(query) : outcome);
      });
      attempts.begin();
    });
  }
}
