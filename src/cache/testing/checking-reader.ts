/** A thread that reads the shared memory until it is told to stop, and checks all that it gets. */
import { parentPort, workerData } from 'node:worker_threads';
import { CacheKey } from '../key.ts';
import { Memory } from '../layout.ts';
import { CacheReader } from '../reader.ts';
import { CHECKED_NAME_OFFSET, CHECKED_TYPE, checkedAnswer, isWhole } from './checked-answer.ts';

export type ReaderTask = {
  readonly buffer: SharedArrayBuffer;
  readonly partition: number;
  readonly names: number;
  /** Not 0: stop. */
  readonly stop: Int32Array;
};
export type ReaderResult = {
  readonly whole: number;
  readonly broken: number;
  /** Copies that the sequence number has shown to be mixed. */
  readonly discarded: number;
  readonly absent: number;
};

const ROUND = 1000;
const task: ReaderTask = workerData;
const memory = new Memory(task.buffer);
const reader = new CacheReader(memory);
const key = new CacheKey(memory);
const words = new Int32Array(0x4000);
const bytes = new Uint8Array(words.buffer);
const queries = Array.from({ length: task.names }, (_, n) => checkedAnswer(n, 0, 0).bytes);

const result = { whole: 0, broken: 0, discarded: 0, absent: 0 };
for (let i = 0; i % ROUND !== 0 || Atomics.load(task.stop, 0) === 0; i++) {
  const n = i % task.names;
  const query = queries[n];
  key.set(query, CHECKED_NAME_OFFSET, query.length, CHECKED_TYPE, 0);
  const entry = reader.find(key, task.partition);
  if (entry === 0) result.absent++;
  else if (!reader.copyMessage(entry, words, bytes, 0, i)) result.discarded++;
  else if (isWhole(bytes.subarray(0, reader.messageBytes), n, i)) result.whole++;
  else result.broken++;
}
parentPort?.postMessage(result);
