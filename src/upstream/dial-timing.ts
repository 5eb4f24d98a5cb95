import { shortened } from './random.ts';

const START_AVERAGE_MS = 15_000;
const MIN_TIMEOUT_MS = 1000;
const MAX_TIMEOUT_MS = 30_000;
/** The share of a new observation in the average. */
const WEIGHT = 1 / 4;

const FIRST_BACKOFF_MS = 25;
const MAX_BACKOFF_MS = 250;
const BACKOFF_SPREAD = 0.5;

/**
 * How long to wait for a connection, from how long the last ones took; and how long to leave an upstream alone that
 * refused one, or took it to no use: so it sees a few dials a second, whatever the load.
 */
export class DialTiming {
  #averageMs = START_AVERAGE_MS;
  #failures = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  get timeoutMs(): number {
    if (this.#averageMs < MIN_TIMEOUT_MS) return MIN_TIMEOUT_MS;
    return this.#averageMs < START_AVERAGE_MS ? 2 * this.#averageMs : MAX_TIMEOUT_MS;
  }

  mayDial(nowMs: number): boolean {
    return nowMs >= this.#notBeforeMs;
  }

  onConnected(tookMs: number): void {
    this.#observe(tookMs);
  }

  onFailed(tookMs: number, nowMs: number): void {
    this.#observe(tookMs);
    this.backOff(nowMs);
  }

  /** A connection has been of use. */
  onAnswered(): void {
    this.#failures = 0;
  }

  /** No dial for a while, longer each time until a connection is of use. */
  backOff(nowMs: number): void {
    const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures++, MAX_BACKOFF_MS);
    this.#notBeforeMs = nowMs + shortened(backoffMs, BACKOFF_SPREAD);
  }

  #observe(tookMs: number): void {
    this.#averageMs += (tookMs - this.#averageMs) * WEIGHT;
  }
}
