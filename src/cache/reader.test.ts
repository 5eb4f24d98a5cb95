import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Prng } from '../wire/testing/prng.ts';
import type { MessageView } from '../wire/view.ts';
import type { Partition } from './partition.ts';
import { CacheStore } from './store.ts';
import { CHECKED_NAME_OFFSET, CHECKED_TYPE, checkedAnswer } from './testing/checked-answer.ts';
import {
  CONTROL_WORDS,
  MAX_READERS,
  PARTITION_COUNT,
  PARTITIONS,
  PROGRESS,
  type ReaderResult,
  type ReaderTask,
  STOP,
} from './testing/checking-reader.ts';

const RUN_MS = 500;
const LONG_RUN_MS = process.env.CI === 'true' ? 20_000 : 1000;
/** What each reader must have read at least, however busy the machine is. */
const MIN_GROUPS = 200;
const STORE_BYTES = 64 * 1024;
const VERSIONS = 50;
/** Some larger than a 64th of the heap, which are refused and end what was there. */
const MAX_FILL_BYTES = 700;
const STEPS = 5000;

type Writing = {
  readonly store: CacheStore;
  readonly partitions: Partition[];
  readonly messages: readonly MessageView[];
  readonly prng: Prng;
  put(partition: number, message: MessageView): void;
  remove(partition: number, message: MessageView): void;
  reopen(partition: number): void;
};

type Case = { name: string; names: number; capacity: number; runMs: number; write(writing: Writing): void };
const cases: Case[] = [
  {
    name: 'one entry, overwritten all the time',
    names: 1,
    capacity: 1,
    runMs: RUN_MS,
    write: ({ messages, put }) => {
      for (const message of messages) put(0, message);
    },
  },
  {
    name: 'many entries, in a store so small that all blocks change hands',
    names: 600,
    capacity: 600,
    runMs: RUN_MS,
    write: ({ messages, put }) => {
      for (const message of messages) put(0, message);
    },
  },
  {
    // Overwritten in place and elsewhere, evicted for entries and for bytes, refused, removed, closed.
    name: 'all that can happen to an entry',
    names: 100,
    capacity: 60,
    runMs: LONG_RUN_MS,
    write: ({ messages, prng, put, remove, reopen }) => {
      for (let step = 0; step < STEPS; step++) {
        const partition = prng.below(PARTITION_COUNT);
        const message = prng.pick(messages);
        const kind = prng.below(1000);
        if (kind === 0) reopen(partition);
        else if (kind < 100) remove(partition, message);
        else put(partition, message);
      }
    },
  },
];

for (const { name, names, capacity, runMs, write } of cases) {
  test(`readers in other threads never take a mixed answer: ${name}`, async (t) => {
    const store = new CacheStore(STORE_BYTES);
    const partitions: Partition[] = [];
    const controls = new Int32Array(new SharedArrayBuffer(4 * CONTROL_WORDS));
    const open = (i: number) => {
      partitions[i] = store.openPartition({ capacity });
      Atomics.store(controls, PARTITIONS + i, partitions[i].id);
    };
    for (let i = 0; i < PARTITION_COUNT; i++) open(i);
    const readers = await Promise.all(
      Array.from({ length: MAX_READERS }, async (_, reader) => {
        const workerData: ReaderTask = { buffer: store.buffer, names, controls, reader };
        const worker = new Worker(new URL('./testing/checking-reader.ts', import.meta.url), { workerData });
        const finished = once(worker, 'message');
        await once(worker, 'online');
        return { finished };
      }),
    );

    // Made ahead, so that the writer does nothing but write. Every fourth version has the size of the one before it.
    const messages = Array.from({ length: names * VERSIONS }, (_, i) => {
      const version = Math.trunc(i / names);
      const sizeOf = version % 4 === 3 ? version - 1 : version;
      return checkedAnswer(i % names, version, ((sizeOf * names + (i % names)) * 7919) % MAX_FILL_BYTES);
    });
    const key = store.newKey();
    const select = ({ bytes }: MessageView) => key.set(bytes, CHECKED_NAME_OFFSET, bytes.length, CHECKED_TYPE, 0);
    const writing: Writing = {
      ...{ store, partitions, messages, prng: new Prng(names) },
      put(partition, message) {
        select(message);
        store.put(partitions[partition], key, { message, durationSeconds: 60, traits: 0, hits: 0 }, 0);
      },
      remove(partition, message) {
        select(message);
        store.remove(partitions[partition], key);
      },
      reopen(partition) {
        store.closePartition(partitions[partition]);
        open(partition);
      },
    };
    const endMs = performance.now() + runMs;
    const isSlow = () => controls.subarray(PROGRESS, PROGRESS + MAX_READERS).some((groups) => groups < MIN_GROUPS);
    while (performance.now() < endMs || isSlow()) {
      write(writing);
      await nextTurn();
    }
    Atomics.store(controls, STOP, 1);
    for (const { finished } of readers) {
      const [result]: ReaderResult[] = await finished;
      t.diagnostic(JSON.stringify(result));
      assert.equal(result.broken, 0, JSON.stringify(result));
      assert.ok(result.whole > 0, JSON.stringify(result));
    }
  });
}
