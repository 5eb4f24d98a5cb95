import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { CacheStore } from './store.ts';
import { CHECKED_NAME_OFFSET, CHECKED_TYPE, checkedAnswer } from './testing/checked-answer.ts';
import type { ReaderResult, ReaderTask } from './testing/checking-reader.ts';

const RUN_MS = 1000;
const VERSIONS = 50;
const MAX_FILL_BYTES = 500;

const cases = [
  { name: 'one entry, overwritten all the time', names: 1 },
  { name: 'many entries, in a store so small that all blocks change hands', names: 600 },
];
for (const { name, names } of cases) {
  test(`a reader in another thread never takes a mixed answer: ${name}`, async () => {
    const store = new CacheStore(64 * 1024);
    const partition = store.openPartition({ capacity: names });
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const workerData: ReaderTask = { buffer: store.buffer, partition: partition.id, names, stop };
    const worker = new Worker(new URL('./testing/checking-reader.ts', import.meta.url), { workerData });
    const finished = once(worker, 'message');
    await once(worker, 'online');

    // Made ahead, so that the writer does nothing but write.
    const messages = Array.from({ length: names * VERSIONS }, (_, version) =>
      checkedAnswer(version % names, version, (version * 7919) % MAX_FILL_BYTES),
    );
    const key = store.newKey();
    const endMs = performance.now() + RUN_MS;
    while (performance.now() < endMs) {
      for (const message of messages) {
        key.set(message.bytes, CHECKED_NAME_OFFSET, message.bytes.length, CHECKED_TYPE, 0);
        store.put(partition, key, { message, durationSeconds: 60, traits: 0, hits: 0 }, 0);
      }
      await nextTurn();
    }
    Atomics.store(stop, 0, 1);
    const [result]: ReaderResult[] = await finished;
    assert.equal(result.broken, 0, JSON.stringify(result));
    assert.ok(result.whole > 1000, JSON.stringify(result));
  });
}
