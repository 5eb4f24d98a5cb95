import type { Counter, Metrics } from '../observe/metrics.ts';

/** What CoreDNS counts of reloads, here for those by signal as well. */
export class ReloadMetrics {
  readonly failed: Counter;
  readonly #version;
  #hash = '';

  constructor(metrics: Metrics) {
    this.failed = metrics.counter('coredns_reload_failed_total', 'Reloads that failed.', []).labels();
    this.#version = metrics.gauge('coredns_reload_version_info', 'The configuration last tried.', ['hash', 'value']);
  }

  /** Notes the SHA-512 of a configuration that is about to be loaded, in place of the one before. */
  attempted(hash: string): void {
    if (this.#hash !== '') this.#version.remove('sha512', this.#hash);
    this.#hash = hash;
    this.#version.labels('sha512', hash).set(1);
  }
}
