import type { Logger } from '../../observe/logger.ts';
import type { Counter, Metrics } from '../../observe/metrics.ts';
import type { RequestMetrics } from '../../observe/request-metrics.ts';
import { ResponderHandle } from './handle.ts';
import type { Plan } from './plan.ts';
import { type HitSink, type PlannedListener, planFor } from './planning.ts';
import { KIND_REFRESH, type RingReader } from './ring.ts';
import { TallyCollector } from './tally-collector.ts';

const PING_INTERVAL_MS = 1000;
/** A responder that gives no sign of life for so long makes `/health` bad. */
const HUNG_MS = 3000;

/** A listener that responders serve. */
export interface ServedListener extends PlannedListener {
  /** Takes a query that responder `responder` has handed over. */
  deliver(responder: number, reader: RingReader): void;
  /** Takes a query that has been answered with something that is to be refreshed. */
  refresh(responder: number, reader: RingReader): void;
}

export type RespondersOptions = {
  readonly count: number;
  readonly cache: SharedArrayBuffer;
  readonly nowMs: () => number;
  readonly metrics: Metrics;
  readonly requests: RequestMetrics;
  readonly unsentReplies: Counter;
  readonly log: Logger;
  /** For tests. */
  readonly script?: URL;
  readonly pingIntervalMs?: number;
  readonly hungMs?: number;
};

type Member = { readonly handle: ResponderHandle; collectors: TallyCollector[]; dropped: number; unsent: number };

/** All responders, what they serve, and what they count. */
export class Responders {
  readonly #options: RespondersOptions;
  readonly #members: readonly Member[];
  readonly #listeners = new Map<number, ServedListener>();
  /** Of these listeners only what is under way is still taken. */
  readonly #leaving = new Set<number>();
  readonly #dropped: Counter;
  readonly #restarts: Counter;
  readonly #uncollect: () => void;
  readonly #pings: NodeJS.Timeout;
  #lastId = 0;
  #illness: string | undefined;

  /** Starts the threads, with nothing to serve yet. */
  constructor(options: RespondersOptions) {
    const { count, cache, nowMs, metrics, requests, script, pingIntervalMs = PING_INTERVAL_MS } = options;
    const counter = (name: string, help: string) => metrics.counter(name, help).labels();
    this.#options = options;
    this.#dropped = counter(
      'nodens_ring_dropped_total',
      'Queries dropped on their way from responders to the resolver.',
    );
    this.#restarts = counter('nodens_responder_restarts_total', 'Responders that died and were started again.');
    const { plans } = planFor(count, [], requests);
    this.#members = plans.map((plan, responder): Member => {
      const onRecord = (reader: RingReader) => this.#dispatch(responder, reader);
      const onDeath = (reason: string) => this.#onDeath(responder, reason);
      const handle = new ResponderHandle(plan, { cache, nowMs, onRecord, onDeath, ...(script && { script }) });
      return { handle, collectors: [], dropped: 0, unsent: 0 };
    });
    this.#uncollect = metrics.beforeExposing(() => this.#collect());
    this.#pings = setInterval(() => this.#ping(), pingIntervalMs).unref();
  }

  get count(): number {
    return this.#members.length;
  }

  /** What is wrong with them, for `/health`. */
  get illness(): string | undefined {
    return this.#illness;
  }

  /** A number for a listener: no other one has it, or ever will. */
  takeId(): number {
    return ++this.#lastId;
  }

  /** From the next `publish` on its queries are answered. */
  add(listener: ServedListener): void {
    this.#listeners.set(listener.id, listener);
  }

  /**
   * Resolves when the responders read its sockets no more, and all that they have handed over has been delivered. False:
   * one of them hangs, and will still read them should it ever go on.
   */
  async remove(listener: ServedListener): Promise<boolean> {
    this.#leaving.add(listener.id);
    const isReleased = await this.publish();
    for (const { handle } of this.#members) handle.drain(Number.POSITIVE_INFINITY);
    this.#listeners.delete(listener.id);
    this.#leaving.delete(listener.id);
    return isReleased;
  }

  /** Tells the responders what is to be served by now. Resolves when all do, to false after a second in which one did not. */
  async publish(): Promise<boolean> {
    const served = [...this.#listeners.values()].filter(({ id }) => !this.#leaving.has(id));
    const { plans, sinks } = planFor(this.count, served, this.#options.requests);
    const taken = this.#members.map((member, responder) => this.#send(member, plans[responder], sinks));
    return (await Promise.all(taken)).every(Boolean);
  }

  /** Tells the threads to end, and waits for nothing. */
  halt(): void {
    for (const { handle } of this.#members) handle.halt();
  }

  async stop(): Promise<void> {
    clearInterval(this.#pings);
    await Promise.all(this.#members.map(({ handle }) => handle.stop()));
    this.#collect();
    this.#uncollect();
  }

  async #send(member: Member, plan: Plan, sinks: readonly HitSink[]): Promise<boolean> {
    const former = member.collectors;
    member.collectors = [...former, new TallyCollector(plan.tallies, sinks)];
    if (!(await member.handle.send(plan))) return false;
    // Nothing more is counted by the plans before this one.
    for (const old of former) old.collect();
    member.collectors = member.collectors.filter((kept) => !former.includes(kept));
    return true;
  }

  #dispatch(responder: number, reader: RingReader): void {
    const listener = this.#listeners.get(reader.listener);
    if (reader.kind === KIND_REFRESH) listener?.refresh(responder, reader);
    else listener?.deliver(responder, reader);
  }

  #onDeath(responder: number, reason: string): void {
    this.#restarts.inc();
    this.#options.log.error(`responder ${responder} died and is started again: ${reason}`);
  }

  #ping(): void {
    const { hungMs = HUNG_MS, log } = this.#options;
    const silent = this.#members.map(({ handle }) => handle.ping());
    const worst = silent.indexOf(Math.max(...silent));
    const seconds = (silent[worst] / 1000).toFixed(0);
    const illness =
      silent[worst] < hungMs ? undefined : `responder ${worst} has given no sign of life for ${seconds} s`;
    if (illness !== undefined && this.#illness === undefined) log.error(illness);
    this.#illness = illness;
  }

  #collect(): void {
    for (const member of this.#members) {
      for (const collector of member.collectors) collector.collect();
      const { dropped, unsent } = member.handle;
      this.#dropped.inc((dropped - member.dropped) >>> 0);
      this.#options.unsentReplies.inc((unsent - member.unsent) >>> 0);
      member.dropped = dropped;
      member.unsent = unsent;
    }
  }
}
