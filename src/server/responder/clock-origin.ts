const ATTEMPTS = 20;

/**
 * What process.hrtime shows, in milliseconds, when `nowMs`, a clock that runs as fast, shows 0. Threads share hrtime,
 * while each counts performance.now() from its own start. The narrowest of some readings is exact to about 1 µs.
 */
export function clockOriginMs(nowMs: () => number): number {
  let origin = 0;
  let narrowest = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = hrtimeMs();
    const now = nowMs();
    const width = hrtimeMs() - before;
    if (width >= narrowest) continue;
    narrowest = width;
    origin = before + width / 2 - now;
  }
  return origin;
}

function hrtimeMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
