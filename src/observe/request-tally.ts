import { SIZE_BUCKETS, TIME_BUCKETS } from './buckets.ts';
import { TYPE_LABELS, typeLabel } from './type-labels.ts';

/**
 * What another thread counts of queries of one zone at one listener, in cells of shared memory that it alone writes:
 *
 *   requests by family and type | with DO | responses by rcode | sizes of both | seconds
 *
 * A histogram has a cell for each bound, one for what is above all, and one for the sum.
 */
export const RCODES = 16;
const SIZE_CELLS = SIZE_BUCKETS.length + 2;

export const REQUESTS = 0;
export const DNSSEC_OK = REQUESTS + 2 * TYPE_LABELS.length;
export const RESPONSES = DNSSEC_OK + 1;
export const REQUEST_BYTES = RESPONSES + RCODES;
export const RESPONSE_BYTES = REQUEST_BYTES + SIZE_CELLS;
export const SECONDS = RESPONSE_BYTES + SIZE_CELLS;
export const TALLY_CELLS = SECONDS + TIME_BUCKETS.length + 2;

const sizeBounds = Float64Array.from(SIZE_BUCKETS);
const timeBounds = Float64Array.from(TIME_BUCKETS);

export class RequestTally {
  readonly #cells: Float64Array;
  readonly #start: number;

  /** The cells from `start` on; there must be TALLY_CELLS of them. */
  constructor(cells: Float64Array, start: number) {
    this.#cells = cells;
    this.#start = start;
  }

  /** Counts a query and its response, but not how long it took. */
  count(
    family: 4 | 6,
    qtype: number,
    dnssecOk: boolean,
    requestBytes: number,
    rcode: number,
    responseBytes: number,
  ): void {
    const cells = this.#cells;
    const start = this.#start;
    const familyStart = start + REQUESTS + (family === 4 ? 0 : TYPE_LABELS.length);
    cells[familyStart + typeLabel(qtype)] += 1;
    if (dnssecOk) cells[start + DNSSEC_OK] += 1;
    cells[start + RESPONSES + rcode] += 1;
    observe(cells, start + REQUEST_BYTES, sizeBounds, requestBytes, 1);
    observe(cells, start + RESPONSE_BYTES, sizeBounds, responseBytes, 1);
  }

  /** So many queries took as long. */
  took(seconds: number, queryCount: number): void {
    observe(this.#cells, this.#start + SECONDS, timeBounds, seconds, queryCount);
  }
}

function observe(cells: Float64Array, start: number, bounds: Float64Array, x: number, times: number): void {
  const last = bounds.length;
  let bucket = 0;
  while (bucket < last && x > bounds[bucket]) bucket++;
  cells[start + bucket] += times;
  cells[start + last + 1] += x * times;
}
