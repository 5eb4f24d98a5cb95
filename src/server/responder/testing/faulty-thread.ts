/**
 * A responder that goes wrong as the test says: its clock, which it reads when queries have arrived, throws or waits.
 * The test sets the mode as environment data, before the thread starts or later.
 */
import {
  getEnvironmentData,
  type MessagePort,
  receiveMessageOnPort,
  setEnvironmentData,
  workerData,
} from 'node:worker_threads';
import { Responder } from '../responder.ts';
import type { ThreadData } from '../thread.ts';

/** This thread's program. */
export const FAULTY = new URL(import.meta.url);

const FAULT = 'fault';
export const NONE = 0;
export const DIES_AT_START = 1;
export const DIES_OF_A_QUERY = 2;
/** Until the mode changes. */
export const HANGS_AT_A_QUERY = 3;

/** For a test: sets how the threads go wrong, from now on. */
export function faulty(mode: number): (next: number) => void {
  const memory = new SharedArrayBuffer(4);
  const words = modeOf(memory);
  Atomics.store(words, 0, mode);
  setEnvironmentData(FAULT, memory);
  return (next) => {
    Atomics.store(words, 0, next);
    Atomics.notify(words, 0);
  };
}

/** What the test and the thread share. */
function modeOf(memory: unknown): Int32Array {
  if (!(memory instanceof SharedArrayBuffer)) throw new Error(`no environment data "${FAULT}"`);
  return new Int32Array(memory);
}

function nowMs(mode: Int32Array): number {
  if (Atomics.load(mode, 0) === DIES_OF_A_QUERY) throw new Error('died of a query');
  while (Atomics.load(mode, 0) === HANGS_AT_A_QUERY) Atomics.wait(mode, 0, HANGS_AT_A_QUERY);
  return 0;
}

function run({ task }: ThreadData, port: MessagePort): void {
  const mode = modeOf(getEnvironmentData(FAULT));
  if (Atomics.load(mode, 0) === DIES_AT_START) throw new Error('died at start');
  new Responder(
    task,
    () => nowMs(mode),
    () => receiveMessageOnPort(port)?.message,
  ).run();
  port.close();
}

if (workerData !== null) run(workerData, workerData.port);
