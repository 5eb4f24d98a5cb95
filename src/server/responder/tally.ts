import { RequestTally } from '../../observe/request-tally.ts';
import type { PlainQuery } from './plain-query.ts';
import { DENIAL_HITS, REQUEST_TALLY, SERVED_STALE, SUCCESS_HITS } from './plan.ts';

/** What a responder counts of the hits of one zone at one listener: additions to cells that no other thread writes. */
export class HitTally {
  readonly #cells: Float64Array;
  readonly #start: number;
  readonly #requests: RequestTally | undefined;
  /** Hits of the batch, whose duration is not known yet. */
  #pending = 0;

  /** `countsRequests`: queries and responses are counted, too. */
  constructor(cells: Float64Array, start: number, countsRequests: boolean) {
    this.#cells = cells;
    this.#start = start;
    this.#requests = countsRequests ? new RequestTally(cells, start + REQUEST_TALLY) : undefined;
  }

  /** True: this is the first one since `settle`. */
  count(query: PlainQuery, family: 4 | 6, isDenial: boolean, isStale: boolean, rcode: number, bytes: number): boolean {
    const cells = this.#cells;
    cells[this.#start + (isDenial ? DENIAL_HITS : SUCCESS_HITS)] += 1;
    if (isStale) cells[this.#start + SERVED_STALE] += 1;
    const requests = this.#requests;
    if (requests === undefined) return false;
    requests.count(family, query.qtype, query.dnssecOk, query.messageBytes, rcode, bytes);
    return this.#pending++ === 0;
  }

  /** All that was counted since the last time took so long. */
  settle(seconds: number): void {
    this.#requests?.took(seconds, this.#pending);
    this.#pending = 0;
  }
}
