/** What the kernel counts of a process and its threads. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Nodens } from './nodens.ts';

type Process = Pick<Nodens, 'pid'>;

/**
 * How often the main thread, which is the resolver, has gone to sleep: once at least for each of some queries that are
 * asked one after the other, if it takes part in their answers, and seldom if it does not.
 */
export function resolverSleeps({ pid }: Process): number {
  const status = readFileSync(`/proc/${pid}/task/${pid}/status`, 'utf8');
  return Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1]);
}

export function openDescriptors({ pid }: Process): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** The threads that run JavaScript beside the main one. */
export function workerCount({ pid }: Process): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.filter((id) => readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8').trim() === 'WorkerThread').length;
}
