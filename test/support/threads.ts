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

/** How nice each responder is, and each other thread. */
export function niceness(process: Process): { responders: number[]; others: number[] } {
  const { pid } = process;
  const responders = workers(process);
  const others = threads(process).filter((id) => !responders.includes(id));
  return { responders: responders.map((id) => nicenessOf(pid, id)), others: others.map((id) => nicenessOf(pid, id)) };
}

function workers(process: Process): number[] {
  const nameOf = (id: number) => readFileSync(`/proc/${process.pid}/task/${id}/comm`, 'utf8').trim();
  return threads(process).filter((id) => nameOf(id) === 'WorkerThread');
}

function threads({ pid }: Process): number[] {
  return readdirSync(`/proc/${pid}/task`).map(Number);
}

function nicenessOf(pid: number, thread: number): number {
  const [, fields] = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8').split(') ');
  return Number(fields.split(' ')[16]);
}
