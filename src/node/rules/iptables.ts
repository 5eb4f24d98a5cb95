import { isIPv4 } from 'node:net';
import { messageOf } from '../../corefile/errors.ts';
import type { Logger } from '../../observe/logger.ts';
import { SetupError } from '../setup-error.ts';
import type { Family } from './host-rules.ts';
import { foreignRows, healthRows, heldRows, type Row, rowText, takenRows } from './iptables-rows.ts';
import type { Outcome, RunProgram } from './program.ts';
import type { Endpoint, Rules, RulesWant } from './rules.ts';

/** What the programs are called, by family: `iptables-nft` and `ip6tables-nft`. */
export type Programs = { readonly 4: string; readonly 6: string };

export type IptablesServices = {
  readonly run: RunProgram;
  readonly programs: Programs;
  readonly log: Logger;
};

/** Seconds to wait for the lock that every iptables takes. */
const WAIT = ['-w', '5'];
/** iptables ends with it where a rule is not there. */
const ABSENT = 1;
const LOCKED = 'holding the xtables lock';
/** So many copies of one rule are taken away at most. */
const MAX_COPIES = 100;

type Placed = { readonly row: Row; readonly program: string };

/** Rules in the tables of the host's firewall. They have no lease: the next start finds them, and goes on with them. */
export function iptablesRules({ run, programs, log }: IptablesServices): Rules {
  let put = new Map<string, Placed>();
  /** By program: whether the host's iptables can ask for sockets. */
  const socketMatch = new Map<string, boolean>();
  const cleaned = new Set<string>();

  const ensure = async (placed: Placed) => {
    if (await isThere(run, placed)) return;
    const outcome = await tool(run, '-I', placed);
    if (outcome.code !== 0) throw failure('adding', placed, outcome);
    if (put.has(textOf(placed))) log.info(`Added back nodelocaldns rule - {${textOf(placed)}}`);
  };
  const programOf = ({ address }: Endpoint) => programs[isIPv4(address) ? 4 : 6];
  const hasSocketMatch = async (program: string) => {
    const known = socketMatch.get(program);
    if (known !== undefined) return known;
    const has = await probeSocketMatch(run, program);
    if (!has)
      log.warning(
        `nodecache: ${program} has no match "socket" here: if nodens is killed, DNS stops until its next start`,
      );
    socketMatch.set(program, has);
    return has;
  };
  const placedRows = async (want: RulesWant): Promise<Placed[]> => {
    const place = async (endpoints: readonly Endpoint[], rowsOf: (endpoint: Endpoint, socket: boolean) => Row[]) => {
      const rows = endpoints.map(async (endpoint) => {
        const program = programOf(endpoint);
        const socket = await hasSocketMatch(program);
        return rowsOf(endpoint, socket).map((row) => ({ row, program }));
      });
      return (await Promise.all(rows)).flat();
    };
    return [
      ...(await place(want.held, heldRows)),
      ...(await place(want.taken, takenRows)),
      ...(await place(want.healthPorts, healthRows)),
    ];
  };
  const clean = async ({ held }: RulesWant) => {
    for (const endpoint of held.filter(({ address, port }) => !cleaned.has(`${address} ${port}`))) {
      cleaned.add(`${endpoint.address} ${endpoint.port}`);
      const program = programOf(endpoint);
      await eraseAll(run, foreignRows(endpoint, await hasSocketMatch(program)), program);
    }
  };

  return {
    name: 'iptables',
    canLease: false,
    isWhole: true,
    async put(want) {
      const wanted = new Map((await placedRows(want)).map((placed) => [textOf(placed), placed]));
      const left = new Set(want.left.map(({ address }) => address));
      const isLeft = ({ row }: Placed) => row.match.some((word) => left.has(word));
      const unwanted = [...put.values()].filter((placed) => !wanted.has(textOf(placed)) && !isLeft(placed));
      // What is not wanted goes first: of a place that is given up, new traffic.
      const failures = await failuresOf([
        ...unwanted.map((placed) => () => erase(run, placed)),
        ...[...wanted.values()].map((placed) => () => ensure(placed)),
        () => clean(want),
      ]);
      put = new Map([...[...put].filter(([, placed]) => isLeft(placed)), ...wanted]);
      throwFirst(failures);
    },
    async remove() {
      const rows = [...put.values()];
      put = new Map();
      throwFirst(await failuresOf(rows.map((placed) => () => erase(run, placed))));
    },
  };
}

/** Makes a rule that meets nobody's packets, and takes it away: that the program knows the match says nothing of the kernel. */
async function probeSocketMatch(run: RunProgram, program: string): Promise<boolean> {
  const source = program.startsWith('ip6') ? '::1' : '127.0.0.1';
  const words = ['-p', 'udp', '--dport', '53', '-m', 'socket', '--restore-skmark', '-j', 'NOTRACK'];
  const comment = ['-m', 'comment', '--comment', `nodens-${process.pid}`];
  const row: Row = { table: 'raw', chain: 'PREROUTING', match: [...words, ...comment, '-s', source] };
  const added = await tool(run, '-A', { row, program });
  if (added.code !== 0) return false;
  await tool(run, '-D', { row, program });
  return true;
}

/** One that fails does not keep the others from being done, unless it is the lock, for which each would wait anew. */
async function failuresOf(steps: readonly (() => Promise<void>)[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const step of steps) {
    if (failures.some(isLocked)) break;
    await step().catch((error) => failures.push(error));
  }
  return failures;
}

function isLocked(error: unknown): boolean {
  return error instanceof SetupError && error.kind === 'iptables_lock';
}

/**
 * Takes away what node-cache and its like have left behind, for a backend that makes no rules of iptables itself; looks
 * into these tables alone.
 */
export async function removeForeign(
  run: RunProgram,
  programs: Programs,
  endpoints: readonly Endpoint[],
  tablesOf: (family: Family) => readonly string[],
): Promise<void> {
  for (const endpoint of endpoints) {
    const family = isIPv4(endpoint.address) ? 4 : 6;
    const tables = tablesOf(family);
    const rows = [...heldRows(endpoint, true), ...takenRows(endpoint, true), ...foreignRows(endpoint, true)];
    await eraseAll(
      run,
      rows.filter(({ table }) => tables.includes(table)),
      programs[family],
    );
  }
}

async function eraseAll(run: RunProgram, rows: readonly Row[], program: string): Promise<void> {
  throwFirst(await failuresOf(rows.map((row) => () => erase(run, { row, program }))));
}

/** Takes all copies of a rule away. */
async function erase(run: RunProgram, placed: Placed): Promise<void> {
  for (let copies = 0; copies < MAX_COPIES && (await isThere(run, placed)); copies++) {
    const outcome = await tool(run, '-D', placed);
    if (outcome.code !== 0) throw failure('deleting', placed, outcome);
  }
}

async function isThere(run: RunProgram, placed: Placed): Promise<boolean> {
  const outcome = await tool(run, '-C', placed);
  if (outcome.code > ABSENT || outcome.code < 0) throw failure('checking', placed, outcome);
  return outcome.code === 0;
}

function tool(run: RunProgram, operation: string, { program, row }: Placed): Promise<Outcome> {
  return run(program, [...WAIT, '-t', row.table, operation, row.chain, ...row.match]);
}

function throwFirst(failures: readonly unknown[]): void {
  const [first] = failures;
  if (first === undefined) return;
  if (failures.length === 1 || !(first instanceof SetupError)) throw first;
  throw new SetupError(first.kind, `${messageOf(first)} (and ${failures.length - 1} more)`, { cause: first });
}

function failure(doing: string, placed: Placed, { error, code }: Outcome): SetupError {
  const reason = error === '' ? `exit code ${code}` : error;
  const message = `Error ${doing} iptables rule {${textOf(placed)}}, error - ${reason}`;
  return new SetupError(reason.includes(LOCKED) ? 'iptables_lock' : 'iptables', message);
}

function textOf({ program, row }: Placed): string {
  return `${program} ${rowText(row)}`;
}
