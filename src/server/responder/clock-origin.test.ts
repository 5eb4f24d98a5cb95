import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { clockOriginMs } from './clock-origin.ts';

/** Far more than a reading takes, far less than threads start apart. */
const TOLERANCE_MS = 0.5;

const cases = [
  { name: 'the same clock', behindMs: 0 },
  { name: 'one that began later', behindMs: 1234.5 },
  { name: 'one that began earlier', behindMs: -86_400_000 },
];
for (const { name, behindMs } of cases) {
  test(`clock origin: ${name}`, () => {
    const origin = clockOriginMs(() => performance.now());
    const other = clockOriginMs(() => performance.now() - behindMs);
    assert.ok(Math.abs(other - origin - behindMs) < TOLERANCE_MS, `${other - origin}`);
  });
}

test('clock origin: the reading that took least counts', () => {
  let readings = 0;
  // All but one are held up on their way.
  const slow = () => {
    const now = performance.now();
    if (++readings !== 7) for (const end = now + 2; performance.now() < end; );
    return now;
  };
  const origin = clockOriginMs(() => performance.now());
  assert.ok(Math.abs(clockOriginMs(slow) - origin) < TOLERANCE_MS);
});

test('clock origin: tells how far the clock of another thread is ahead', async (t) => {
  const origin = clockOriginMs(() => performance.now());
  const worker = new Worker(new URL('./testing/clock-thread.ts', import.meta.url));
  t.after(() => worker.terminate());
  const [theirs] = await once(worker, 'message');
  // Between the two readings of ours, their clock shows a time between them, by our own.
  const before = performance.now();
  worker.postMessage('what time is it?');
  const [now] = await once(worker, 'message');
  const after = performance.now();
  const translated = now + theirs - origin;
  assert.ok(
    translated >= before - TOLERANCE_MS && translated <= after + TOLERANCE_MS,
    `${before} ${translated} ${after}`,
  );
});
