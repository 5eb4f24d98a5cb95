import type { Cursor } from '../../corefile/cursor.ts';
import { expectArgs, expectNoBody, type HostPort, parseHostPort, unknownProperty } from '../../corefile/values.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { metricsRoutes } from '../../observe/metrics-page.ts';
import { RequestMetrics, type ZoneRequests } from '../../observe/request-metrics.ts';
import { isSubdomain } from '../../wire/name.ts';
import type { Block, Clock, Directive, Handler, Outcome, Query } from '../contract.ts';
import { serveHttp } from '../serve-http.ts';

const NAME = 'prometheus';
const DEFAULT_ADDRESS: HostPort = { host: 'localhost', port: 9153 };
const ROOT = '.';
const VIEW = '';

export type PrometheusConfig = { readonly address: HostPort };

/** Syntax: `prometheus [HOST:PORT] { runtime_metrics }` */
export function parse(cursor: Cursor): PrometheusConfig {
  expectArgs(cursor, 0, 1);
  for (const property of cursor.body) checkProperty(property);
  const [address] = cursor.args;
  return { address: address === undefined ? DEFAULT_ADDRESS : parseHostPort(cursor, address) };
}

/** The metrics of the runtime are always there, so `runtime_metrics` changes nothing. */
function checkProperty(property: Cursor): void {
  if (property.name.text === 'tls') {
    throw property.error(
      'tls: nodens serves metrics without TLS; remove the line, and listen where only scrapers reach',
    );
  }
  if (property.name.text !== 'runtime_metrics') throw unknownProperty(property, ['runtime_metrics']);
  expectArgs(property, 0, 0);
  expectNoBody(property);
}

function setup({ address }: PrometheusConfig, block: Block) {
  const { clock, metrics } = block.process;
  serveHttp(block, address, metricsRoutes(metrics));
  showEnabled(block, metrics);
  const zones = new ZoneCounters(block.zones, new RequestMetrics(metrics));
  return (next: Handler) => wrap(next, zones, clock);
}

/** Which directives handle the block's queries, for as long as its load lives. */
function showEnabled(block: Block, metrics: Metrics): void {
  const labels = ['server', 'zone', 'view', 'name'];
  const enabled = metrics.gauge(
    'coredns_plugin_enabled',
    'Directives that handle queries, by server and zone.',
    labels,
  );
  let hide: (() => void) | undefined;
  block.onServing(() => {
    hide = enabled.addSource((series) => {
      for (const server of block.servers) {
        for (const name of block.handlers) series(server, block.zones[0], VIEW, name).set(1);
      }
    });
  });
  block.onStop(() => hide?.());
}

/** The counters of a block's zones, found without a look-up as long as queries come through one listener. */
class ZoneCounters {
  /** Longest first, so that the first that fits is the one. */
  readonly #zones: readonly string[];
  readonly #requests: RequestMetrics;
  readonly #byServer = new Map<string, readonly ZoneRequests[]>();
  #lastServer = '';
  #lastCounters: readonly ZoneRequests[] = [];

  constructor(zones: readonly string[], requests: RequestMetrics) {
    this.#zones = zones.toSorted((a, b) => b.length - a.length);
    this.#requests = requests;
  }

  of(query: Query): ZoneRequests {
    if (query.server !== this.#lastServer) this.#switchTo(query.server);
    const zones = this.#zones;
    for (let i = 0; i < zones.length; i++) if (isSubdomain(query.qname, zones[i])) return this.#lastCounters[i];
    return this.#requests.zone(query.server, ROOT);
  }

  #switchTo(server: string): void {
    const known = this.#byServer.get(server);
    this.#lastCounters = known ?? this.#zones.map((zone) => this.#requests.zone(server, zone));
    this.#lastServer = server;
    if (known === undefined) this.#byServer.set(server, this.#lastCounters);
  }
}

/** Measures everything below this directive. */
function wrap(next: Handler, zones: ZoneCounters, clock: Clock): Handler {
  const count = (query: Query, { response, rcode, source }: Outcome) => {
    const responseBytes = response === undefined ? 0 : response.bytes.length;
    const seconds = (clock.nowMs() - query.receivedAtMs) / 1000;
    zones.of(query).count(query, rcode, source, responseBytes, seconds);
  };
  const countLate = async (query: Query, pending: Promise<Outcome>) => {
    const outcome = await pending;
    count(query, outcome);
    return outcome;
  };
  return (query) => {
    const outcome = next(query);
    if (outcome instanceof Promise) return countLate(query, outcome);
    count(query, outcome);
    return outcome;
  };
}

export const prometheus: Directive<PrometheusConfig> = {
  name: NAME,
  repeat: 'once',
  parse,
  setup,
  allowHits(_config, rules) {
    rules.countsRequests = true;
    return true;
  },
};
