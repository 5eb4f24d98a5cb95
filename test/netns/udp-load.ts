/** A steady load of UDP queries from a host of the bed, with an account of every query. udp-load.c says how it works. */
import { join } from 'node:path';
import { makeTemporaryDirectory, run } from '../support/child.ts';
import { findProgram } from '../support/programs.ts';
import { eventually } from '../support/wait.ts';
import { WILDCARD, WILDCARD_TTL } from './dns-pod.ts';
import type { Host } from './host.ts';
import { SERVICE } from './topology.ts';

/** The programs that it needs, for `missing()`. */
export const UDP_LOAD_PROGRAMS = ['gcc'];

export type UdpLoadOptions = {
  /** Queries a second. */
  readonly rate: number;
  /** At most; `stop()` ends it earlier. */
  readonly seconds: number;
  /** The service IP, port 53, unless given. */
  readonly address?: string;
  readonly port?: number;
  /** So many sockets take turns; without it each query has a new one, as if from a pod. */
  readonly sockets?: number;
  /** `PREFIX-0.load.cluster.local` … in turn; the first of one name unless given. */
  readonly prefix?: string;
  readonly names?: number;
  readonly timeoutMs?: number;
};

export type UdpLoadResult = {
  readonly sent: number;
  /** Within the time-out; `lost` are the others. */
  readonly answered: number;
  readonly lost: number;
  /** Queries that met an ICMP error, of which the kernel sends only some. Counted only without `sockets`. */
  readonly refused: number;
  /** Answered with another rcode than NOERROR, or without a record. */
  readonly unexpected: number;
  /** Answered with a lower TTL than the DNS pods give (600 s): by nodens with `cache 30`, be it a hit or a miss. */
  readonly cached: number;
  readonly failedSends: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** When the lost ones were sent, on the clock of `performance.now()`. */
  readonly lostAtMs: readonly number[];
  /** By time of sending, 100 ms each. */
  readonly periods: readonly Period[];
};

export type Period = {
  readonly fromMs: number;
  readonly sent: number;
  readonly lost: number;
  readonly cached: number;
};

export type UdpLoad = {
  /** Waits for its end and for the last answers. */
  finished(): Promise<UdpLoadResult>;
  /** Sends no more, and waits for the last answers. */
  stop(): Promise<UdpLoadResult>;
};

let program: Promise<string> | undefined;

/** Starts the load and waits until it asks. */
export async function startUdpLoad(host: Host, options: UdpLoadOptions): Promise<UdpLoad> {
  program ??= build();
  const child = host.spawn([await program, ...toArguments(options)]);
  await eventually('the load to start', () => child.stderr().includes('asking') || !child.running);
  const finished = async () => {
    const patienceMs = options.seconds * 1000 + 60_000;
    await eventually('the end of the load', () => !child.running, patienceMs);
    const { code, signal } = await child.untilExit();
    if (code !== 0) throw new Error(`udp-load: ${code ?? signal}: ${child.stderr()}`);
    return toResult(JSON.parse(child.stdout()));
  };
  return {
    finished,
    stop() {
      child.kill('SIGTERM');
      return finished();
    },
  };
}

async function build(): Promise<string> {
  const directory = makeTemporaryDirectory('udp-load');
  const path = join(directory, 'udp-load');
  const source = join(import.meta.dirname, 'udp-load.c');
  await run([findProgram('gcc') ?? 'gcc', '-O2', '-Wall', '-Wextra', '-o', path, source], { cwd: directory });
  return path;
}

function toArguments({ rate, seconds, address, port, sockets, prefix, names, timeoutMs }: UdpLoadOptions): string[] {
  const values = {
    rate,
    seconds,
    address: address ?? SERVICE[4],
    port: port ?? 53,
    sockets: sockets ?? 0,
    'timeout-ms': timeoutMs ?? 2000,
    prefix: prefix ?? 'name',
    zone: WILDCARD,
    count: names ?? 1,
    ttl: WILDCARD_TTL,
  };
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

type Printed = Omit<UdpLoadResult, 'lostAtMs' | 'periods'> & {
  readonly lostAtNs: readonly number[];
  readonly periods: readonly (readonly [number, number, number, number])[];
};

/** Both clocks are CLOCK_MONOTONIC; that of `performance` starts with this process. */
function toResult({ lostAtNs, periods, ...counts }: Printed): UdpLoadResult {
  const offsetMs = performance.now() - Number(process.hrtime.bigint()) / 1e6;
  const toMs = (timeNs: number) => timeNs / 1e6 + offsetMs;
  return {
    ...counts,
    lostAtMs: lostAtNs.map(toMs),
    periods: periods.map(([fromNs, sent, lost, cached]) => ({ fromMs: toMs(fromNs), sent, lost, cached })),
  };
}
