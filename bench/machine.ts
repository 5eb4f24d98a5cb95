/** The cores that the bench uses, what a process takes of them, and whether somebody else takes them away. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../test/support/child.ts';
import { findProgram } from '../test/support/programs.ts';

export type Cores = { readonly server: number; readonly generator: number };

const PROBE_MS = 50;
const CALM_SHARE = 0.1; // Of so short a probe: one interrupt of 4 ms is calm still.
const PAUSE_MS = 1000;
const VALID_MS = 200; // A probe after a run serves for the next one, too.

/** The first and the last core that this process may use; undefined if that is one. */
export function chooseCores(): Cores | undefined {
  const list = /Cpus_allowed_list:\s+(.*)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const allowed = list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  return allowed.length < 2 ? undefined : { server: allowed[0], generator: allowed[allowed.length - 1] };
}

/** The start of a command that runs a program on this core alone. */
export function pinnedTo(core: number): string[] {
  return [findProgram('taskset') ?? 'taskset', '-c', String(core)];
}

/** User and system time of a process, all its threads and its children, so far. /proc/PID/stat has it in 10 ms only. */
export function cpuSeconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`).map((thread) => cpuNs(pid, thread));
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  const own = threads.reduce((sum, ns) => sum + ns, 0) / 1e9;
  return children.reduce((sum, child) => sum + cpuSeconds(Number(child)), own);
}

function cpuNs(pid: number, thread: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  } catch {
    return 0; // It has just ended.
  }
}

/**
 * Finds times in which the cores are ours. On a shared host they are not always, and rates and latencies of such times
 * are those of the host. (CPU time hardly suffers: the kernel's clock for it stands still meanwhile.)
 */
export class Calm {
  readonly #program: string;
  readonly #cores: Cores;
  #patienceMs = 0;
  #seenAtMs = Number.NEGATIVE_INFINITY;
  /** How much of the patience is gone. */
  spentMs = 0;

  constructor(program: string, cores: Cores) {
    this.#program = program;
    this.#cores = cores;
  }

  /** What is left from before stays. */
  addPatience(patienceMs: number): void {
    this.#patienceMs += patienceMs;
  }

  /** Whether there is patience left to do it again. */
  get patient(): boolean {
    return this.spentMs < this.#patienceMs;
  }

  /** Waits until both cores are ours, or until the patience is over. */
  async wait(): Promise<void> {
    if (performance.now() - this.#seenAtMs < VALID_MS) return;
    while (this.patient && !(await this.isNow())) {
      await sleep(PAUSE_MS);
      this.spend(PAUSE_MS);
    }
  }

  /** Takes what was lost by waiting, or by a run that did not count, off the patience. */
  spend(lostMs: number): void {
    this.spentMs += lostMs;
  }

  async isNow(): Promise<boolean> {
    const probe = (core: number) => run([...pinnedTo(core), this.#program, String(PROBE_MS)], { cwd: '/' });
    const shares = await Promise.all([probe(this.#cores.server), probe(this.#cores.generator)]);
    const isCalm = shares.every((share) => Number(share) < CALM_SHARE);
    if (isCalm) this.#seenAtMs = performance.now();
    return isCalm;
  }
}
