/** What the kernel counts of a process and its threads. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Nodens } from './nodens.ts';

type Process = Pick<Nodens, 'pid'>;

/** The time on a processor that the main thread, which is the resolver, has had so far. */
export function resolverCpuMicroseconds({ pid }: Process): number {
  const [nanoseconds] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ');
  return Number(nanoseconds) / 1000;
}

export function openDescriptors({ pid }: Process): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** How many threads run JavaScript beside the main one. */
export function workerCount(process: Process): number {
  return workers(process).length;
}

/** How nice the resolver is, and each responder. */
export function niceness(process: Process): { resolver: number; responders: number[] } {
  const { pid } = process;
  return { resolver: nicenessOf(pid, pid), responders: workers(process).map((id) => nicenessOf(pid, id)) };
}

function workers({ pid }: Process): number[] {
  const threads = readdirSync(`/proc/${pid}/task`).map(Number);
  return threads.filter((id) => readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8').trim() === 'WorkerThread');
}

function nicenessOf(pid: number, thread: number): number {
  const [, fields] = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8').split(') ');
  return Number(fields.split(' ')[16]);
}
