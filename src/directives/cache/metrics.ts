import type { Partition } from '../../cache/partition.ts';
import type { CacheStore } from '../../cache/store.ts';
import type { Counter, CounterFamily, Metrics } from '../../observe/metrics.ts';

const LABELS = ['server', 'zones', 'view'];
const TYPED_LABELS = ['server', 'type', 'zones', 'view'];
const VIEW = '';

/** The label `plugin` of answers that went through a cache. */
export const SOURCE = 'cache';

export const SUCCESS = 'success';
export const DENIAL = 'denial';

/** What is counted for the queries of one listener. */
export type ServerCounters = {
  readonly requests: Counter;
  readonly successHits: Counter;
  readonly denialHits: Counter;
  readonly misses: Counter;
  readonly prefetches: Counter;
  readonly drops: Counter;
  readonly servedStale: Counter;
  readonly successEvictions: Counter;
  readonly denialEvictions: Counter;
  readonly refused: Counter;
};

/** The metrics of one cache: a set for each listener that its block is reached through. */
export class CacheMetrics {
  readonly #metrics: Metrics;
  readonly #zones: string;
  readonly #sets = new Map<string, ServerCounters>();

  /** `zones` is the label. */
  constructor(metrics: Metrics, zones: string) {
    this.#metrics = metrics;
    this.#zones = zones;
  }

  of(server: string): ServerCounters {
    return this.#sets.get(server) ?? this.#make(server);
  }

  /** Publishes how much is stored, read whenever the metrics are. Returns what ends that. */
  watch(servers: readonly string[], store: CacheStore, success: Partition, denial: Partition): () => void {
    const entries = this.#metrics.gauge('coredns_cache_entries', 'The number of elements in the cache.', TYPED_LABELS);
    const bytes = this.#metrics.gauge('nodens_cache_bytes', 'Bytes that all caches hold.');
    const capacity = this.#metrics.gauge('nodens_cache_capacity_bytes', 'Bytes that all caches may hold.');
    capacity.labels().set(store.capacityBytes);
    const ends = [
      entries.addSource((labels) => {
        for (const server of servers) {
          labels(server, SUCCESS, this.#zones, VIEW).add(success.count);
          labels(server, DENIAL, this.#zones, VIEW).add(denial.count);
        }
      }),
      bytes.addSource((labels) => labels().set(store.usedBytes)),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  #make(server: string): ServerCounters {
    const counter = (name: string, help: string, labels: readonly string[]): CounterFamily =>
      this.#metrics.counter(name, help, labels);
    const plain = (name: string, help: string) => counter(name, help, LABELS).labels(server, this.#zones, VIEW);
    const typed = (name: string, type: string, help: string) =>
      counter(name, help, TYPED_LABELS).labels(server, type, this.#zones, VIEW);
    const hits = 'The count of cache hits.';
    const evictions = 'The count of cache evictions.';
    const set = {
      requests: plain('coredns_cache_requests_total', 'The count of cache requests.'),
      successHits: typed('coredns_cache_hits_total', SUCCESS, hits),
      denialHits: typed('coredns_cache_hits_total', DENIAL, hits),
      misses: plain('coredns_cache_misses_total', 'The count of cache misses. Deprecated: requests less hits.'),
      prefetches: plain('coredns_cache_prefetch_total', 'The number of times a cached item was refreshed ahead.'),
      drops: plain('coredns_cache_drops_total', 'The number of responses not cached, because they match no request.'),
      servedStale: plain('coredns_cache_served_stale_total', 'The number of requests served from stale entries.'),
      successEvictions: typed('coredns_cache_evictions_total', SUCCESS, evictions),
      denialEvictions: typed('coredns_cache_evictions_total', DENIAL, evictions),
      refused: plain('nodens_cache_refused_total', 'Responses not cached, because they are too large for the cache.'),
    };
    this.#sets.set(server, set);
    return set;
  }
}
