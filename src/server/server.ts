import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheStore } from '../cache/store.ts';
import type { Corefile } from '../corefile/cursor.ts';
import { ConfigError, messageOf } from '../corefile/errors.ts';
import { fingerprint } from '../corefile/fingerprint.ts';
import type { Clock, Configuration, ProcessServices } from '../directives/contract.ts';
import type { HeldListeners } from '../node/holding.ts';
import { type NodeFlags, type Plan, planOf } from '../node/plan.ts';
import type { Endpoint } from '../node/rules/rules.ts';
import type { HttpListeners } from '../observe/http-listeners.ts';
import type { Logger } from '../observe/logger.ts';
import type { Counter, Metrics } from '../observe/metrics.ts';
import { RequestMetrics } from '../observe/request-metrics.ts';
import type { Poller } from '../sys/poller.ts';
import { canonicalAddress } from '../sys/sockaddr.ts';
import { bannerLines } from './banner.ts';
import { type CachedAnswer, cachedAnswers } from './cached.ts';
import { configure } from './configure.ts';
import { InflightTable } from './inflight.ts';
import { Listener, type ListenerServices } from './listener.ts';
import { Load } from './load.ts';
import type { NodeHolder } from './node-holder.ts';
import { ReloadMetrics } from './reload-metrics.ts';
import { Responders } from './responder/responders.ts';
import { serverId, type Target } from './targets.ts';

/** How long queries in flight may still take when their listener or their configuration goes; none lives longer. */
const GRACE_MS = 5_000;
/** Rules and link go in a millisecond, by iptables in some tens; its lock may be held by somebody else. */
const LEAVE_MS = 2_000;

export type ServerOptions = {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly http: HttpListeners;
  readonly cacheStore: CacheStore;
  readonly poller: Poller;
  readonly log: Logger;
  /** Reads and parses the Corefile, anew at each call. Rejects with a ConfigError, or where a file cannot be read. */
  readonly readCorefile: () => Promise<Corefile>;
  readonly maxInflight: number;
  readonly maxTcpConnections: number;
  /** Threads that answer hits; 0: all is answered by the thread that this is. */
  readonly responderCount: number;
  /** What node-cache's flags say of the node. */
  readonly nodeFlags?: NodeFlags | undefined;
  /** Makes what holds the addresses that are claimed; without it nobody does. */
  readonly holdNode?: (listeners: HeldListeners) => NodeHolder;
  /** Ends the process with exit code 1 after it has logged the line. */
  readonly fatal: (text: string) => void;
};

/** The whole DNS server: it holds the listeners and the running configuration, and exchanges the latter on a reload. */
export class Server implements Configuration {
  readonly #options: ServerOptions;
  readonly #process: ProcessServices;
  readonly #listenerServices: ListenerServices;
  readonly #responders: Responders | undefined;
  readonly #reloadMetrics: ReloadMetrics;
  readonly #node: NodeHolder | undefined;
  readonly #listeners = new Map<string, Listener>();
  /** What goes on with configurations and listeners that are no longer in use. */
  readonly #retiring = new Set<Promise<void>>();
  #load: Load | undefined;
  /** From the moment at which there is something to take down. */
  #starting: Promise<void> | undefined;
  readonly #started = Promise.withResolvers<void>();
  #lastReload = this.#started.promise;
  #shuttingDown = false;

  constructor(options: ServerOptions) {
    const { metrics, log } = options;
    const isShuttingDown = () => this.#shuttingDown;
    const illness = () => this.#responders?.illness ?? this.#node?.illness;
    this.#options = options;
    this.#process = {
      clock: options.clock,
      metrics,
      http: options.http,
      cacheStore: options.cacheStore,
      poller: options.poller,
      configuration: this,
      fatal: options.fatal,
      get shuttingDown() {
        return isShuttingDown();
      },
      get illness() {
        return illness();
      },
    };
    this.#reloadMetrics = new ReloadMetrics(metrics);
    const requests = new RequestMetrics(metrics);
    const unsentReplies = metrics
      .counter('nodens_udp_unsent_replies_total', 'UDP replies that the kernel did not take.', [])
      .labels();
    this.#responders = startResponders(options, requests, unsentReplies);
    this.#node = options.holdNode?.({
      selfQuery: (address, deadlineMs) => this.#selfQuery(address, deadlineMs),
      mark: (endpoints) => this.#mark(endpoints),
    });
    this.#listenerServices = {
      process: this.#process,
      log,
      inflight: new InflightTable(options.maxInflight, metrics),
      requests,
      panics: metrics
        .counter('coredns_panics_total', 'Faults in a directive that cost a query its answer.', [])
        .labels(),
      maxTcpConnections: options.maxTcpConnections,
      rejectedConnections: metrics
        .counter('nodens_tcp_rejected_connections_total', 'TCP connections closed at once because of their number.', [])
        .labels(),
      unsentReplies,
      receiveDrops: metrics.counter(
        'nodens_udp_receive_drops_total',
        'UDP queries that the kernel dropped because the receive buffer was full.',
        ['server'],
      ),
      responders: this.#responders,
    };
  }

  /** Where it listens, a line for each zone. */
  get banner(): string[] {
    return [...this.#listeners.values()].flatMap(({ target, port }) => bannerLines(target, port));
  }

  get fingerprint(): string {
    return this.#load?.fingerprint ?? '';
  }

  /** What the caches of this configuration hold for a question. */
  cached(qname: string, qtype: number): CachedAnswer[] {
    const { cacheStore, clock } = this.#options;
    return cachedAnswers(cacheStore, this.#load?.targets.values() ?? [], qname, qtype, clock.nowMs());
  }

  async readFingerprint(): Promise<string> {
    return fingerprint(await this.#options.readCorefile());
  }

  /**
   * Reads the configuration and answers by it; rejects, with nothing left open, if that cannot be. `listening` is called
   * once queries are answered, before the directives hear of it.
   */
  async start(listening?: () => void): Promise<void> {
    const corefile = await this.#options.readCorefile();
    this.#starting = this.#run(corefile, listening);
    await this.#starting;
    this.#started.resolve();
  }

  /** One at a time, after the start: a second one reads the files after the first has ended. */
  reload(): Promise<void> {
    const reload = this.#lastReload.then(() => this.#reloadOnce());
    this.#lastReload = reload.catch(() => undefined);
    return reload;
  }

  /**
   * Ends without a lost query: while directives take their leave (`health` waits for its lame-duck time) all is answered;
   * then no more is taken, and what is in flight is finished. Rejects with what failed after all has been tried.
   */
  async stop(): Promise<void> {
    this.#shuttingDown = true;
    // Queries may be answered before all is set up that is to be taken down.
    await Promise.race([this.#starting?.catch(() => undefined), sleep(GRACE_MS, undefined, { ref: false })]);
    if (this.#load !== undefined) await this.#lastReload;
    const load = this.#load;
    const failures: unknown[] = [];
    const attempt = (step: Promise<void> | undefined) => step?.catch((error: unknown) => failures.push(error));
    await attempt(load?.shutdown());
    await attempt(this.#node?.release());
    await Promise.all([...this.#listeners.values()].map((listener) => attempt(listener.close(GRACE_MS))));
    await attempt(this.#node?.giveBack());
    await load?.idle(GRACE_MS);
    await attempt(load?.stop());
    await Promise.all(this.#retiring);
    await this.#responders?.stop();
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('; '));
  }

  /**
   * Gives the node back at once, whatever is still under way: the process is about to end without its last answers.
   * Rejects with what failed, or after two seconds.
   */
  async leaveNode(): Promise<void> {
    this.#shuttingDown = true;
    const leave = async () => {
      await this.#node?.release();
      await this.#node?.giveBack();
    };
    const late = sleep(LEAVE_MS, undefined, { ref: false }).then(() => {
      throw new Error(`the node was not given back within ${LEAVE_MS / 1000} s`);
    });
    await Promise.race([leave(), late]);
  }

  /** Has the threads end, so that the process, which waits for them, can end at once. Nothing is answered any more. */
  halt(): void {
    this.#responders?.halt();
  }

  /** A fault of ours outside of any query: it is said and counted, and DNS goes on; under `debug` it ends the process. */
  recover(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if ([...this.#listeners.values()].some(({ target }) => target.debug)) this.#options.fatal(text);
    this.#listenerServices.panics.inc();
    this.#options.log.error(`Recovered from panic: ${text}`);
  }

  async #reloadOnce(): Promise<void> {
    if (this.#shuttingDown) return;
    const { log, readCorefile } = this.#options;
    log.info('Reloading');
    try {
      const corefile = await readCorefile();
      this.#reloadMetrics.attempted(fingerprint(corefile));
      await this.#run(corefile);
      log.info('Reloading complete');
    } catch (error) {
      this.#reloadMetrics.failed.inc();
      log.error(`Restart failed: ${messageOf(error)}`);
      throw error;
    }
  }

  /** Builds a configuration beside the running one and swaps it in; if it cannot be, all stays as it was. */
  async #run(corefile: Corefile, listening?: () => void): Promise<void> {
    const { log } = this.#options;
    for (const warning of corefile.warnings) log.warning(warning);
    const load = new Load(configure(corefile.blocks), fingerprint(corefile), this.#process, log);
    const plan = await this.#planned(load);
    await load.start();
    const opened = await this.#open(load, plan);
    await this.#hold(load, plan, opened);
    const old = this.#load;
    this.#load = load;
    for (const [id, listener] of this.#listeners) {
      const target = load.targets.get(id);
      if (target !== undefined) listener.serve(target);
    }
    await this.#responders?.publish();
    listening?.();
    load.serving();
    if (old !== undefined) this.#retire(old, load);
  }

  /** What is to be held of the node; rejects, and gives the load up, where that cannot be. */
  async #planned(load: Load): Promise<Plan | undefined> {
    try {
      const { claims, http } = load;
      const plan = planOf({ claims, http, places: [...load.targets.values()], flags: this.#options.nodeFlags });
      await this.#node?.prepare(plan);
      return plan;
    } catch (error) {
      await load.stop();
      throw error;
    }
  }

  /** The listeners that the load needs and that are not there yet. */
  async #open(load: Load, plan: Plan | undefined): Promise<Listener[]> {
    const opened: Listener[] = [];
    const held = new Set(plan?.endpoints.map(({ address, port }) => serverId(address, port)));
    try {
      for (const target of load.targets.values()) {
        if (this.#listeners.has(target.id)) continue;
        opened.push(this.#listen(target, held.has(serverId(canonicalAddress(target.address), target.port))));
      }
    } catch (error) {
      await this.#abandon(load, opened);
      throw error;
    }
    return opened;
  }

  /** Has the new listeners answer, and takes the addresses of the node for them. */
  async #hold(load: Load, plan: Plan | undefined, opened: readonly Listener[]): Promise<void> {
    for (const listener of opened) {
      this.#listeners.set(listener.server, listener);
      listener.start();
    }
    await this.#responders?.publish();
    try {
      await this.#node?.apply(plan);
    } catch (error) {
      for (const { server } of opened) this.#listeners.delete(server);
      await this.#abandon(load, opened);
      throw plan?.line === undefined || error instanceof ConfigError ? error : plan.line.error(messageOf(error));
    }
  }

  async #abandon(load: Load, opened: readonly Listener[]): Promise<void> {
    await Promise.all(opened.map((listener) => listener.close(0)));
    await load.stop();
  }

  #listen(target: Target, mayComeLater: boolean): Listener {
    try {
      return new Listener(target, this.#listenerServices, mayComeLater);
    } catch (cause) {
      const error = new ConfigError(target.token, messageOf(cause));
      error.cause = cause;
      throw error;
    }
  }

  async #selfQuery(address: string, deadlineMs: number): Promise<boolean> {
    const listeners = [...this.#listeners.values()].filter(
      ({ target }) => canonicalAddress(target.address) === address,
    );
    const answers = await Promise.all(listeners.map((listener) => listener.selfQuery(deadlineMs)));
    return answers.length > 0 && answers.every(Boolean);
  }

  #mark(endpoints: readonly Endpoint[]): void {
    const marked = new Set(endpoints.map(({ address, port }) => serverId(address, port)));
    for (const listener of this.#listeners.values()) {
      listener.mark(marked.has(serverId(canonicalAddress(listener.target.address), listener.port)));
    }
  }

  /** Lets queries of the old configuration end, then gives back what it held. */
  #retire(old: Load, load: Load): void {
    const unused = [...this.#listeners].filter(([id]) => !load.targets.has(id));
    for (const [id] of unused) this.#listeners.delete(id);
    const retired = (async () => {
      await Promise.all(unused.map(([, listener]) => listener.close(GRACE_MS)));
      await this.#node?.settle();
      await old.idle(GRACE_MS);
      await old.stop();
    })().catch((error) => this.#options.log.error(`stopping the old configuration: ${error}`));
    this.#retiring.add(retired);
    void retired.finally(() => this.#retiring.delete(retired));
  }
}

function startResponders(
  { responderCount, cacheStore, clock, metrics, log }: ServerOptions,
  requests: RequestMetrics,
  unsentReplies: Counter,
): Responders | undefined {
  if (responderCount === 0) return undefined;
  const nowMs = () => clock.nowMs();
  return new Responders({
    count: responderCount,
    cache: cacheStore.buffer,
    nowMs,
    metrics,
    requests,
    unsentReplies,
    log,
  });
}
