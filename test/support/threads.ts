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

/** The threads that run JavaScript beside the main one. */
export function workerCount({ pid }: Process): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.filter((id) => readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8').trim() === 'WorkerThread').length;
}
