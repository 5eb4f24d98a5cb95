/** dnsperf as a load from a host of the bed: what it sent, and what came back. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../support/wait.ts';
import { WILDCARD } from './dns-pod.ts';
import type { Host } from './host.ts';
import { SERVICE } from './topology.ts';

/** The programs that it needs, for `missing()`. */
export const DNSPERF_PROGRAMS = ['dnsperf'];

export type DnsperfOptions = {
  /** At most; `stop()` ends it earlier. */
  readonly seconds: number;
  /** Queries a second at most. */
  readonly rate?: number;
  /** Queries outstanding at most; 100 unless given. */
  readonly outstanding?: number;
  /** Sockets, or connections with mode tcp; one unless given. */
  readonly clients?: number;
  readonly mode?: 'udp' | 'tcp';
  /** The service IP, port 53, unless given. */
  readonly address?: string;
  readonly port?: number;
  /** Names with their types: `www.example.org A`. */
  readonly queries?: readonly string[];
  readonly timeoutS?: number;
};

export type DnsperfResult = {
  readonly sent: number;
  readonly completed: number;
  readonly lost: number;
  /** Those that were under way when it was stopped. */
  readonly interrupted: number;
  /** By name: how many answers had it. */
  readonly rcodes: Readonly<Record<string, number>>;
  readonly queriesPerSecond: number;
  readonly averageMs: number;
  readonly maxMs: number;
  readonly text: string;
};

export type Dnsperf = {
  finished(): Promise<DnsperfResult>;
  stop(): Promise<DnsperfResult>;
};

let count = 0;

export function startDnsperf(host: Host, options: DnsperfOptions): Dnsperf {
  const {
    seconds,
    rate,
    outstanding,
    clients = 1,
    mode = 'udp',
    address = SERVICE[4],
    port = 53,
    timeoutS = 2,
  } = options;
  const file = join(host.directory, `dnsperf-${count++}`);
  writeFileSync(file, `${(options.queries ?? [`name-0.${WILDCARD} A`]).join('\n')}\n`);
  const values = {
    s: address,
    p: port,
    m: mode,
    d: file,
    l: seconds,
    t: timeoutS,
    c: clients,
    Q: rate,
    q: outstanding,
  };
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  const child = host.spawn(['dnsperf', ...given.flatMap(([flag, value]) => [`-${flag}`, String(value)])]);
  const finished = async () => {
    await eventually('the end of dnsperf', () => !child.running, seconds * 1000 + 60_000);
    return readDnsperf(child.stdout() + child.stderr());
  };
  return {
    finished,
    stop() {
      child.kill('SIGINT');
      return finished();
    },
  };
}

export function readDnsperf(text: string): DnsperfResult {
  const number = (label: string) => Number(new RegExp(`${label}:? +([\\d.]+)`).exec(text)?.[1] ?? Number.NaN);
  const codes = /Response codes: +(.*)/.exec(text)?.[1] ?? '';
  const latency = /Average Latency \(s\): +([\d.]+) \(min [\d.]+, max ([\d.]+)\)/.exec(text);
  const result = {
    sent: number('Queries sent'),
    completed: number('Queries completed'),
    lost: number('Queries lost'),
    interrupted: number('Queries interrupted') || 0,
    rcodes: Object.fromEntries([...codes.matchAll(/(\w+) (\d+)/g)].map(([, name, times]) => [name, Number(times)])),
    queriesPerSecond: number('Queries per second'),
    averageMs: Number(latency?.[1]) * 1000,
    maxMs: Number(latency?.[2]) * 1000,
    text,
  };
  if (Number.isNaN(result.sent + result.completed + result.lost)) throw new Error(`dnsperf: ${text}`);
  return result;
}
