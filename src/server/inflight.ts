import type { Counter, Gauge, Metrics } from '../observe/metrics.ts';

/**
 * The bounded table of queries in flight: those that wait for somebody else. A full table costs a client its answer but
 * never the process its memory; hits need no place in it.
 */
export class InflightTable {
  readonly #limit: number;
  readonly #gauge: Gauge;
  readonly #shed: Counter;
  #count = 0;

  constructor(limit: number, metrics: Metrics) {
    this.#limit = limit;
    this.#gauge = metrics.gauge('nodens_inflight_queries', 'Queries that wait for an upstream.', []).labels();
    this.#shed = metrics
      .counter('nodens_inflight_shed_total', 'Queries answered SERVFAIL because too many were in flight.', [])
      .labels();
  }

  /** Takes a place; false, and counted as shed, when there is none. */
  take(): boolean {
    if (this.#count >= this.#limit) {
      this.#shed.inc();
      return false;
    }
    this.#gauge.set(++this.#count);
    return true;
  }

  release(): void {
    this.#gauge.set(--this.#count);
  }
}
