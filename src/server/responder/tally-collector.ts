import { DENIAL_HITS, REQUEST_TALLY, SERVED_STALE, SUCCESS_HITS, ZONE_CELLS } from './plan.ts';
import type { HitSink } from './planning.ts';

/** The label `plugin` of what responders answer. */
const SOURCE = 'cache';

/** Brings what one responder has counted by one plan to where everything else is counted. */
export class TallyCollector {
  readonly #cells: Float64Array;
  /** What has been brought already, and what was counted since. */
  readonly #collected: Float64Array;
  readonly #news: Float64Array;
  readonly #sinks: readonly HitSink[];

  constructor(tallies: SharedArrayBuffer, sinks: readonly HitSink[]) {
    this.#cells = new Float64Array(tallies);
    this.#collected = new Float64Array(this.#cells.length);
    this.#news = new Float64Array(this.#cells.length);
    this.#sinks = sinks;
  }

  collect(): void {
    for (let i = 0; i < this.#cells.length; i++) {
      const now = this.#cells[i];
      this.#news[i] = now - this.#collected[i];
      this.#collected[i] = now;
    }
    for (const [i, sink] of this.#sinks.entries()) this.#add(i * ZONE_CELLS, sink);
  }

  #add(start: number, sink: HitSink): void {
    const news = this.#news;
    const successHits = news[start + SUCCESS_HITS];
    const denialHits = news[start + DENIAL_HITS];
    if (successHits + denialHits === 0) return;
    const counters = sink.counters();
    counters.requests.inc(successHits + denialHits);
    counters.successHits.inc(successHits);
    counters.denialHits.inc(denialHits);
    counters.servedStale.inc(news[start + SERVED_STALE]);
    sink.requests()?.add(news, start + REQUEST_TALLY, SOURCE);
  }
}
