/** The load generator (dnsperf) and the measure of what a run cost. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { run } from '../test/support/child.ts';
import type { Server } from '../test/support/client.ts';
import { findProgram } from '../test/support/programs.ts';

export type Run = {
  readonly answersPerSecond: number;
  /** Queries without an answer, as a share of those sent. */
  readonly lossPercent: number;
  /** User and system time of the server's process per answer. */
  readonly cpuMicrosPerAnswer: number;
  /** How busy each core was, server's and generator's. */
  readonly serverCorePercent: number;
  readonly generatorCorePercent: number;
};

export type Cores = { readonly server: number; readonly generator: number };

const OUTSTANDING = 100; // dnsperf's default; well below what a receive buffer holds.
const CLIENTS = 10; // Sockets, as if of ten pods.
const TICKS_PER_SECOND = 100; // USER_HZ, the same on every Linux.
const CHUNK_LINES = 10_000;

/** Writes `count` queries for names `PREFIX-NUMBER.ZONE` as dnsperf reads them. */
export function writeNames(file: string, prefix: string, zone: string, count: number): void {
  const descriptor = openSync(file, 'w');
  for (let from = 0; from < count; from += CHUNK_LINES) {
    const length = Math.min(CHUNK_LINES, count - from);
    writeSync(descriptor, Array.from({ length }, (_, i) => `${prefix}-${from + i}.${zone} A\n`).join(''));
  }
  closeSync(descriptor);
}

/** Asks every name of the file once, until all have been answered, so that the cache holds them. */
export async function preload(server: Server, file: string, cores: Cores): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const { lossPercent } = readDnsperf(await dnsperf(server, cores, ['-d', file, '-n', '1']));
    if (lossPercent === 0) return;
  }
  throw new Error(`${server.address}:${server.port} does not answer every name`);
}

/** Loads the server for some seconds: with the names of the file over and over, or each once at most. */
export async function measure(
  server: Server & { readonly pid: number },
  cores: Cores,
  load: { readonly file: string; readonly seconds: number; readonly once: boolean },
): Promise<Run> {
  const cpuBefore = cpuSeconds(server.pid);
  const coresBefore = readCores();
  const args = ['-d', load.file, '-l', String(load.seconds), ...(load.once ? ['-n', '1'] : [])];
  const { completed, runSeconds, lossPercent } = readDnsperf(await dnsperf(server, cores, args));
  const coresAfter = readCores();
  const busy = (core: number) => busyPercent(coresBefore.get(core), coresAfter.get(core));
  return {
    answersPerSecond: completed / runSeconds,
    lossPercent,
    cpuMicrosPerAnswer: ((cpuSeconds(server.pid) - cpuBefore) * 1e6) / completed,
    serverCorePercent: busy(cores.server),
    generatorCorePercent: busy(cores.generator),
  };
}

function dnsperf({ address, port }: Server, cores: Cores, args: readonly string[]): Promise<string> {
  const pinned = ['taskset', '-c', String(cores.generator), findProgram('dnsperf') ?? 'dnsperf'];
  const fixed = ['-s', address, '-p', String(port), '-T', '1', '-c', String(CLIENTS), '-q', String(OUTSTANDING)];
  return run([...pinned, ...fixed, '-t', '2', '-O', 'suppress=timeout', ...args], { cwd: '/' });
}

function readDnsperf(text: string) {
  const number = (label: string) => {
    const match = new RegExp(`${label}:\\s+([0-9.]+)`).exec(text);
    if (!match) throw new Error(`dnsperf said nothing of "${label}":\n${text}`);
    return Number(match[1]);
  };
  const rcodes = /Response codes:\s+(.*)/.exec(text)?.[1] ?? '';
  if (!/^NOERROR \d+ \(100\.00%\)$/.test(rcodes))
    throw new Error(`answers other than NOERROR: ${rcodes || 'none at all'}`);
  const lost = number('Queries lost');
  const runSeconds = number('Run time \\(s\\)');
  return { completed: number('Queries completed'), lossPercent: (100 * lost) / number('Queries sent'), runSeconds };
}

/** User and system time of a process and its children, so far. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const own = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return children.reduce((sum, child) => sum + cpuSeconds(Number(child)), own);
}

type CoreTimes = { readonly idle: number; readonly total: number };

function readCores(): Map<number, CoreTimes> {
  const lines = readFileSync('/proc/stat', 'utf8').matchAll(/^cpu(\d+) (.*)$/gm);
  return new Map(
    [...lines].map(([, core, text]) => {
      const times = text.split(' ').map(Number);
      return [Number(core), { idle: times[3] + times[4], total: times.slice(0, 8).reduce((a, b) => a + b) }];
    }),
  );
}

function busyPercent(before: CoreTimes | undefined, after: CoreTimes | undefined): number {
  if (!before || !after || after.total === before.total) return Number.NaN;
  return 100 * (1 - (after.idle - before.idle) / (after.total - before.total));
}
