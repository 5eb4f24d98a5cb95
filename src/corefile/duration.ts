const UNIT_MS = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['\u00b5s', 1e-3], // micro sign
  ['\u03bcs', 1e-3], // Greek letter mu
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);
const MAX_MS = 2 ** 63 / 1e6; // Go keeps nanoseconds in a signed 64 bit integer.
const PART = /(\d+\.?\d*|\.\d+)([^\d.]+)/y;

/** Milliseconds of a duration as Go's time.ParseDuration reads it (`1m30s`, `-1.5h`, `0`); undefined if it is none. */
export function durationMs(text: string): number | undefined {
  const negative = text.startsWith('-');
  const parts = negative || text.startsWith('+') ? text.slice(1) : text;
  if (parts === '0') return 0;
  if (parts === '') return undefined;
  let sum = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < parts.length) {
    const match = PART.exec(parts);
    const unitMs = match && UNIT_MS.get(match[2]);
    if (!unitMs) return undefined;
    sum += Number(match[1]) * unitMs;
  }
  if (sum >= MAX_MS) return undefined;
  return negative ? -sum : sum;
}
