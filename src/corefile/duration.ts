const UNIT_NS = new Map([
  ['ns', 1],
  ['us', 1e3],
  ['\u00b5s', 1e3], // micro sign
  ['\u03bcs', 1e3], // Greek letter mu
  ['ms', 1e6],
  ['s', 1e9],
  ['m', 60e9],
  ['h', 3600e9],
]);
const NS_PER_MS = 1e6;
const MAX_NS = 2 ** 63; // Go keeps nanoseconds in a signed 64 bit integer.
const PART = /(\d+\.?\d*|\.\d+)([^\d.]+)/y;

/** Milliseconds of a duration as Go's time.ParseDuration reads it (`1m30s`, `-1.5h`, `0`); undefined if it is none. */
export function durationMs(text: string): number | undefined {
  const negative = text.startsWith('-');
  const parts = negative || text.startsWith('+') ? text.slice(1) : text;
  if (parts === '0') return 0;
  if (parts === '') return undefined;
  let sumNs = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < parts.length) {
    const match = PART.exec(parts);
    const unitNs = match && UNIT_NS.get(match[2]);
    if (!unitNs) return undefined;
    sumNs += Math.round(Number(match[1]) * unitNs);
  }
  if (sumNs >= MAX_NS) return undefined;
  return (negative && sumNs > 0 ? -sumNs : sumNs) / NS_PER_MS;
}

/** A duration of 0 or more as Go prints it: `30s`, `1m0s`, `1h0m0s`, `1.5s`, `500ms`. */
export function durationText(valueMs: number): string {
  if (valueMs === 0) return '0s';
  const ns = Math.round(valueMs * NS_PER_MS);
  if (ns < 1e3) return `${ns}ns`;
  if (ns < 1e6) return `${ns / 1e3}\u00b5s`;
  if (ns < 1e9) return `${ns / 1e6}ms`;
  const minutes = Math.floor(ns / 60e9);
  const seconds = `${(ns % 60e9) / 1e9}s`;
  if (minutes === 0) return seconds;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}m${seconds}` : `${hours}h${minutes % 60}m${seconds}`;
}
