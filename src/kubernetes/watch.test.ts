import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { watchDirectories } from './watch.ts';

const root = mkdtempSync(join(tmpdir(), 'watch-'));
after(() => rmSync(root, { recursive: true }));
const NEVER_MS = 1_000_000;
const OFTEN_MS = 5;

/** Counts looks, and waits for them; a test that waits in vain is ended by the time-out of all tests. */
function counter(work: () => Promise<void> = async () => undefined) {
  let count = 0;
  const waiting: (() => void)[] = [];
  return {
    get count() {
      return count;
    },
    async look() {
      count++;
      for (const resolve of waiting.splice(0)) resolve();
      await work();
    },
    next: () => new Promise<void>((resolve) => void waiting.push(resolve)),
  };
}

/** Timers of a watch keep no process running, but these tests wait for it. */
function keepAlive(): () => void {
  const timer = setInterval(() => undefined, 1000);
  return () => clearInterval(timer);
}

/** The kernel has only so many for each user, whatever else runs. */
function hasNotifications(): boolean {
  try {
    watch(root).close();
    return true;
  } catch {
    return false;
  }
}

const skip = !hasNotifications() && 'the kernel gives no notifications (fs.inotify.max_user_instances)';
test('watchDirectories: a swap of the kubelet is seen at once', { skip }, async () => {
  const directory = join(root, 'mounted');
  mkdirSync(join(directory, '..1'), { recursive: true });
  symlinkSync('..1', join(directory, '..data'));
  const { look, next } = counter();
  const release = keepAlive();
  const stop = watchDirectories({ directories: [directory], look, intervalMs: NEVER_MS });
  const seen = next();
  mkdirSync(join(directory, '..2'));
  symlinkSync('..2', join(directory, '..data_tmp'));
  renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
  await seen;
  stop();
  release();
});

test('watchDirectories: looks at intervals, and watches a directory that comes later', async () => {
  const directory = join(root, 'later');
  const { look, next } = counter();
  const release = keepAlive();
  const stop = watchDirectories({ directories: [directory], look, intervalMs: OFTEN_MS });
  await next();
  mkdirSync(directory);
  await next();
  writeFileSync(join(directory, 'x'), '');
  await next();
  stop();
  release();
});

test('watchDirectories: one look at a time, and none after the end', async () => {
  let running = 0;
  let most = 0;
  const watched = counter(async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, OFTEN_MS * 2));
    running--;
  });
  const stop = watchDirectories({ directories: [], look: watched.look, intervalMs: OFTEN_MS });
  await watched.next();
  await watched.next();
  await watched.next();
  stop();
  const { count } = watched;
  await new Promise((resolve) => setTimeout(resolve, OFTEN_MS * 10));
  assert.equal(watched.count, count);
  assert.equal(most, 1);
});
