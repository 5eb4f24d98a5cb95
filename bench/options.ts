/** What the command line of the bench asks for. */
import { parseArgs } from 'node:util';
import { missing } from '../test/support/programs.ts';
import { vethUnavailable } from './network.ts';
import { SUBJECTS, type SubjectName } from './servers.ts';

const KINDS = ['loopback', 'veth', 'misses', 'flood', 'reloads', 'eviction', 'agreement'] as const;
export type Kind = (typeof KINDS)[number];

const SUBJECT_NAMES = Object.keys(SUBJECTS) as SubjectName[];

export type Options = {
  readonly seconds: number;
  readonly rounds: number;
  readonly patienceSeconds: number;
  readonly kinds: ReadonlySet<Kind>;
  readonly servers: readonly SubjectName[];
  /** Why some kinds are left out that were asked for. */
  readonly remarks: readonly string[];
};

const USAGE = `usage: npm run bench -- [--seconds N] [--rounds N] [--patience SECONDS]
    [--only ${KINDS.join(',')}]
    [--servers ${SUBJECT_NAMES.join(',')}]`;

/** Throws an error that says what to do. */
export function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '0.5' },
      rounds: { type: 'string', default: '3' },
      patience: { type: 'string', default: '150' },
      only: { type: 'string', default: KINDS.join(',') },
      servers: { type: 'string', default: SUBJECT_NAMES.join(',') },
    },
  });
  const kinds = new Set(chosen(values.only, KINDS));
  const servers = chosen(values.servers, SUBJECT_NAMES);
  requirePrograms(kinds, servers);
  const remarks: string[] = [];
  const noVeth = kinds.has('veth') ? vethUnavailable() : undefined;
  if (noVeth !== undefined) {
    remarks.push(`veth is left out: ${noVeth}`);
    kinds.delete('veth');
  }
  return {
    seconds: numberOf(values.seconds, 0.1, 60),
    rounds: Math.round(numberOf(values.rounds, 1, 100)),
    patienceSeconds: numberOf(values.patience, 0, 3600),
    kinds,
    servers,
    remarks,
  };
}

function requirePrograms(kinds: ReadonlySet<Kind>, servers: readonly SubjectName[]): void {
  const tools = ['gcc', 'nsd', 'taskset', 'setpriv', 'unshare', 'nsenter', 'ip', 'timeout'];
  const peers = servers.filter((name) => name === 'unbound' || name === 'dnsmasq');
  const absent = missing(...tools, ...peers, ...(kinds.has('agreement') ? ['dnsperf'] : []));
  if (absent) throw new Error(absent);
}

function chosen<const Name extends string>(list: string, known: readonly Name[]): Name[] {
  const names = list.split(',');
  const unknown = names.find((name) => !known.some((candidate) => candidate === name));
  if (unknown !== undefined) throw new Error(`"${unknown}" is none of ${known.join(', ')}\n${USAGE}`);
  return known.filter((name) => names.includes(name));
}

function numberOf(text: string, min: number, max: number): number {
  const value = Number(text);
  if (text !== '' && value >= min && value <= max) return value;
  throw new Error(`${text} is not a number from ${min} to ${max}\n${USAGE}`);
}
