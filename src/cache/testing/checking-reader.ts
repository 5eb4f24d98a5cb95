/** A thread that reads the shared memory as a responder does, until it is told to stop, and checks all that it gets. */
import { parentPort, workerData } from 'node:worker_threads';
import { Approach } from '../approach.ts';
import { CacheKey } from '../key.ts';
import { Memory } from '../layout.ts';
import { CacheReader } from '../reader.ts';
import { CHECKED_NAME_OFFSET, CHECKED_TYPE, checkedAnswer, isWhole } from './checked-answer.ts';

export type ReaderTask = {
  readonly buffer: SharedArrayBuffer;
  readonly names: number;
  /** STOP, how many groups each reader has read, and which partitions there are at the moment. */
  readonly controls: Int32Array;
  readonly reader: number;
};
export type ReaderResult = {
  whole: number;
  broken: number;
  /** Copies that the sequence number has shown to be mixed. */
  discarded: number;
  absent: number;
};

export const STOP = 0;
export const PROGRESS = 1;
export const MAX_READERS = 3;
export const PARTITIONS = PROGRESS + MAX_READERS;
export const PARTITION_COUNT = 2;
export const CONTROL_WORDS = PARTITIONS + PARTITION_COUNT;

const GROUP = 16;

function read({ buffer, names, controls, reader: own }: ReaderTask): ReaderResult {
  const memory = new Memory(buffer);
  const reader = new CacheReader(memory);
  const approach = new Approach(memory, GROUP);
  const keys = Array.from({ length: GROUP }, () => new CacheKey(memory));
  const hashes = new Int32Array(GROUP);
  const words = new Int32Array(0x4000);
  const bytes = new Uint8Array(words.buffer);
  const queries = Array.from({ length: names }, (_, n) => checkedAnswer(n, 0, 0).bytes);
  const result = { whole: 0, broken: 0, discarded: 0, absent: 0 };
  // Each reader has a pace of its own through the names.
  const step = 2 * own + 1;
  let next = 0;
  for (let round = 0; Atomics.load(controls, STOP) === 0; round++) {
    const first = next;
    for (let i = 0; i < GROUP; i++, next += step) {
      const query = queries[next % names];
      keys[i].set(query, CHECKED_NAME_OFFSET, query.length, CHECKED_TYPE, 0);
      hashes[i] = keys[i].hash;
    }
    approach.touch(hashes, GROUP);
    const partition = Atomics.load(controls, PARTITIONS + (round % PARTITION_COUNT));
    for (let i = 0; i < GROUP; i++) {
      const n = (first + i * step) % names;
      const entry = reader.find(keys[i], partition);
      if (entry === 0) result.absent++;
      else if (!reader.copyMessage(entry, words, bytes, 0, round)) result.discarded++;
      else if (isWhole(bytes.subarray(0, reader.messageBytes), n, round)) result.whole++;
      else result.broken++;
      if (entry !== 0) reader.countHit(entry, round, 1000);
    }
    Atomics.add(controls, PROGRESS + own, 1);
  }
  return result;
}

parentPort?.postMessage(read(workerData));
