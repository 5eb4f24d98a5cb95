/** What all real servers of the tests have in common. */
import { existsSync, readFileSync } from 'node:fs';
import { type Child, makeTemporaryDirectory, spawnChild } from '../support/child.ts';
import { askUdp, type Server } from '../support/client.ts';
import { freePort } from '../support/ports.ts';
import { findProgram } from '../support/programs.ts';
import { eventually } from '../support/wait.ts';

export type Peer = Server & {
  /** What a Corefile's `forward` takes. */
  readonly endpoint: string;
  readonly pid: number;
  /** How many queries it has received, of that name and type if given. */
  queries(qname?: string, qtype?: string): number;
  stop(): Promise<void>;
};

export type PeerQuery = { readonly qname: string; readonly qtype: string };

export type PeerProgram = {
  readonly name: string;
  /** Writes the configuration into `directory` and gives the program's arguments. */
  readonly configure: (server: Server, directory: string) => readonly string[];
  /** Reads the queries from the text of `queries.log` in the directory. */
  readonly readQueries?: (log: string) => PeerQuery[];
  /** A name that it answers once it serves. */
  readonly readyName: string;
  /** Waits in another way, for a server that this process cannot ask. */
  readonly untilItServes?: (server: Server, child: Child) => Promise<void>;
  readonly address?: string;
  readonly port?: number;
  /** Put before the program: `taskset -c 1`. */
  readonly prefix?: readonly string[];
};

const QUERY_LOG = 'queries.log';
const READY_TIMEOUT_MS = 200; // Of one attempt.

/** Starts a server in a directory of its own and waits until it answers. */
export async function startPeer(program: PeerProgram): Promise<Peer> {
  const address = program.address ?? '127.0.0.1';
  const port = program.port ?? (await freePort(address));
  const server = { address, port };
  const directory = makeTemporaryDirectory(program.name);
  const args = program.configure(server, directory);
  const executable = findProgram(program.name) ?? program.name;
  const child = spawnChild([...(program.prefix ?? []), executable, ...args], { cwd: directory });
  await untilItAnswers(program, server, child);
  const readLog = () =>
    existsSync(`${directory}/${QUERY_LOG}`) ? readFileSync(`${directory}/${QUERY_LOG}`, 'utf8') : '';
  const seen = () => program.readQueries?.(readLog()) ?? [];
  return {
    ...server,
    endpoint: `${address.includes(':') ? `[${address}]` : address}:${port}`,
    pid: child.pid,
    queries: (qname, qtype) => seen().filter((query) => matches(query, qname, qtype)).length,
    stop: async () => void (await child.stop()),
  };
}

function matches(query: PeerQuery, qname: string | undefined, qtype: string | undefined): boolean {
  const sameName = qname === undefined || query.qname.toLowerCase() === qname.toLowerCase();
  return sameName && (qtype === undefined || query.qtype === qtype);
}

async function untilItAnswers(program: PeerProgram, server: Server, child: Child): Promise<void> {
  const query = { qname: program.readyName, qtype: 'SOA' };
  const answers = async () => {
    if (!child.running) throw new Error(`${program.name} has ended`);
    const response = await askUdp(server, query, READY_TIMEOUT_MS).catch(() => undefined);
    return response?.rcode === 'NOERROR';
  };
  const untilItServes = program.untilItServes ?? (() => eventually(`${program.name} to answer`, answers));
  try {
    await untilItServes(server, child);
  } catch (cause) {
    await child.stop();
    throw new Error(`${program.name} does not serve: ${child.stdout()}${child.stderr()}`, { cause });
  }
}
