/** Waiting for a condition instead of for a time. */
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 10;
const DEFAULT_TIMEOUT_MS = 30_000; // Generous: only a failing test waits this long.

/** Calls `probe` until it gives a value other than undefined or false, and returns that. */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadlineMs) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await sleep(POLL_MS);
  }
}
