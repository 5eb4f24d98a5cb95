/** What tests need to run a whole server within their own process. */
import { CacheStore } from '../cache/store.ts';
import { parseCorefile } from '../corefile/parse.ts';
import { newHitRules } from '../directives/hit-rules.ts';
import { COREDNS_DIRECTIVES } from '../directives/order.ts';
import type { HeldListeners } from '../node/holding.ts';
import type { Plan } from '../node/plan.ts';
import { HttpListeners } from '../observe/http-listeners.ts';
import { Metrics } from '../observe/metrics.ts';
import { fakeLog } from '../observe/testing.ts';
import { Poller } from '../sys/poller.ts';
import type { RunningBlock } from './block.ts';
import type { InflightTable } from './inflight.ts';
import type { NodeHolder } from './node-holder.ts';
import type { Arrival } from './query.ts';
import { Server, type ServerOptions } from './server.ts';

const CACHE_BYTES = 2 ** 20;

/** A block of which only the names of its handlers matter. */
export function blockOf(handlers: readonly string[]): RunningBlock {
  return {
    handler: () => ({ response: undefined, rcode: 0, source: '' }),
    handlers,
    anyClass: false,
    load: { enter: () => undefined, leave: () => undefined },
    zones: ['.'],
    hits: newHitRules(),
  };
}

/** Where a query of a test arrives; `resolve` is what the server has for its other questions. */
export function arrivalOf(inflight: InflightTable, more: Partial<Arrival> = {}): Arrival {
  const nothing = { response: undefined, rcode: 0, source: '' };
  return { server: 'dns://127.0.0.1:53', inflight, resolve: () => Promise.resolve(nothing), ...more };
}

type NodeStep = 'prepare' | 'apply' | 'settle' | 'release' | 'giveBack';

/** Holds nothing; each step that it is told is noted, and does what the test has put into `on`. */
export class FakeNodeHolder implements NodeHolder {
  readonly steps: string[] = [];
  readonly on: { [Step in NodeStep]?: (plan: Plan | undefined) => Promise<void> | void } = {};
  illness: string | undefined;
  #listeners: HeldListeners | undefined;

  /** For the server's options. */
  readonly hold = (listeners: HeldListeners): NodeHolder => {
    this.#listeners = listeners;
    return this;
  };

  get listeners(): HeldListeners {
    if (this.#listeners === undefined) throw new Error('no server has asked for it');
    return this.#listeners;
  }

  prepare = (plan: Plan | undefined) => this.#step('prepare', plan);
  apply = (plan: Plan | undefined) => this.#step('apply', plan);
  settle = () => this.#step('settle');
  release = () => this.#step('release');
  giveBack = () => this.#step('giveBack');

  async #step(step: NodeStep, plan?: Plan): Promise<void> {
    const places = plan?.endpoints.map(({ address, port }) => ` ${address}:${port}`) ?? [];
    this.steps.push(`${step}${places.join('')}`);
    await this.on[step]?.(plan);
  }
}

export type TestServer = {
  readonly server: Server;
  readonly metrics: Metrics;
  /** What has been logged so far, fatal lines included. */
  lines(): string[];
  /** What the next reload reads. */
  corefile: string;
  close(): Promise<void>;
};

/** A server that is not started yet; `close` stops it and gives its sockets back. */
export function testServer(corefile: string, options: Partial<ServerOptions> = {}): TestServer {
  const { log, lines } = fakeLog();
  const metrics = new Metrics();
  const poller = new Poller((error) => log.error(String(error)));
  const parsing = { env: {}, defaultPort: 1053, directiveNames: COREDNS_DIRECTIVES };
  const server = new Server({
    clock: { nowMs: () => performance.now(), unixSeconds: () => Math.trunc(Date.now() / 1000) },
    metrics,
    http: new HttpListeners(),
    cacheStore: new CacheStore(CACHE_BYTES),
    poller,
    log,
    readCorefile: async () => parseCorefile(running.corefile, 'Corefile', parsing),
    maxInflight: 100,
    maxTcpConnections: 100,
    responderCount: 0,
    fatal: (text) => log.error(text),
    ...options,
  });
  const close = async () => {
    await server.stop();
    poller.close();
  };
  const running = { server, metrics, lines, corefile, close };
  return running;
}
