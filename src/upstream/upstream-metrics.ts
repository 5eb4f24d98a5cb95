import { type Counter, type Histogram, type Metrics, TIME_BUCKETS } from '../observe/metrics.ts';
import { rcodeName } from '../wire/header.ts';

export type WireProtocol = 'udp' | 'tcp' | 'tcp-tls' | 'https';

/** The families of all upstreams, under CoreDNS's names. */
function familiesOf(metrics: Metrics) {
  const labels = ['proxy_name', 'to'];
  return {
    durations: metrics.histogram(
      'coredns_proxy_request_duration_seconds',
      'Time from asking an upstream to its answer.',
      [...labels, 'rcode'],
      TIME_BUCKETS,
    ),
    failedProbes: metrics.counter(
      'coredns_proxy_healthcheck_failures_total',
      'Failed health checks of an upstream.',
      labels,
    ),
    hits: metrics.counter('coredns_proxy_conn_cache_hits_total', 'Queries that found a connection to the upstream.', [
      ...labels,
      'proto',
    ]),
    misses: metrics.counter(
      'coredns_proxy_conn_cache_misses_total',
      'Queries for which a connection to the upstream had to be made.',
      [...labels, 'proto'],
    ),
    strays: metrics.counter(
      'nodens_upstream_stray_replies_total',
      'Messages of an upstream that answered no question in flight: late, or forged.',
      ['to'],
    ),
  };
}

/** What is counted about one upstream. */
export class UpstreamMetrics {
  readonly failedProbes: Counter;
  readonly strays: Counter;
  readonly #families: ReturnType<typeof familiesOf>;
  readonly #labels: readonly [proxyName: string, to: string];
  /** By rcode, made as they occur. */
  readonly #durations: (Histogram | undefined)[] = [];

  constructor(metrics: Metrics, proxyName: string, to: string) {
    this.#families = familiesOf(metrics);
    this.#labels = [proxyName, to];
    this.failedProbes = this.#families.failedProbes.labels(...this.#labels);
    this.strays = this.#families.strays.labels(to);
  }

  observe(rcode: number, tookMs: number): void {
    let duration = this.#durations[rcode];
    if (duration === undefined) {
      duration = this.#families.durations.labels(...this.#labels, rcodeName(rcode));
      this.#durations[rcode] = duration;
    }
    duration.observe(tookMs / 1000);
  }

  /** Returns what counts whether a query found a connection of this kind. */
  takes(protocol: WireProtocol): (reused: boolean) => void {
    const hits = this.#families.hits.labels(...this.#labels, protocol);
    const misses = this.#families.misses.labels(...this.#labels, protocol);
    return (reused) => (reused ? hits : misses).inc();
  }
}
