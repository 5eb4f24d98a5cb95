/** Upper bounds of histograms, ascending, without the infinite one. */

/** Seconds: 0.25 ms doubling up to 8.192 s. */
export const TIME_BUCKETS: readonly number[] = Array.from({ length: 16 }, (_, i) => 0.00025 * 2 ** i);
/** Seconds: 0.25 ms to 2.5 s in steps of ten. */
export const SLIM_BUCKETS: readonly number[] = [0.00025, 0.0025, 0.025, 0.25, 2.5];
/** Bytes of a message. */
export const SIZE_BUCKETS: readonly number[] = [
  0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16000, 32000, 48000, 64000,
];
