/** Runs the load generator, and what it has counted. generator.c says how it works. */
import { run } from '../test/support/child.ts';
import type { Server } from '../test/support/client.ts';
import { eventually } from '../test/support/wait.ts';

/** The names of a stream are `PREFIX-0.ZONE`, `PREFIX-1.ZONE` and so on; `once` asks each once at most. */
export type Stream = {
  readonly prefix: string;
  readonly count: number;
  readonly once?: boolean;
  /** Queries outstanding at most. */
  readonly window: number;
  /** Queries a second at most. */
  readonly rate?: number;
};

export type Load = {
  readonly seconds: number;
  /** Poll instead of sleeping: for when nothing else is on the generator's core. */
  readonly spin: boolean;
  /** After it a query is lost. */
  readonly timeoutMs?: number;
  readonly stream: Stream;
  /** A second stream beside the first, from sockets of its own. */
  readonly background?: Stream;
};

/** Of one stream. `sent` is `answered` and `lost` together. */
export type Count = {
  readonly sent: number;
  readonly answered: number;
  readonly lost: number;
  readonly refused: number;
  /** Of the answered ones: those without NOERROR and a record, or truncated. */
  readonly unexpected: number;
  /** From the start to the last answer. */
  readonly seconds: number;
  readonly answersPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  readonly meanUs: number;
  readonly replyBytes: number;
  /** Of the generator: how much of the time it had nothing to do, and how much of it somebody else had its core. */
  readonly idleShare: number;
  readonly stalledShare: number;
  /** No name was left to ask. */
  readonly exhausted: boolean;
};

/** The first count is that of the stream, the second that of the background. */
export type Generator = (server: Server, load: Load) => Promise<[Count, ...Count[]]>;

export const ZONE = 'bench.example';

export const SOCKETS = 4; // As if of four pods. With many more, its batches get small and the generator slow.
const TIMEOUT_MS = 2000; // Above the time after which servers ask an upstream again.

/**
 * A generator that runs behind `prefix`: on its core, in its namespace. With a port for it, it is also the upstream of
 * the servers that it loads.
 */
export function makeGenerator(program: string, prefix: readonly string[], upstreamPort?: number): Generator {
  const upstream = upstreamPort === undefined ? [] : ['--upstream', String(upstreamPort)];
  return async ({ address, port }, { seconds, spin, timeoutMs = TIMEOUT_MS, stream, background }) => {
    const where = ['--address', address, '--port', String(port), '--seconds', String(seconds)];
    const how = ['--timeout-ms', String(timeoutMs), ...(spin ? ['--spin'] : [])];
    const streams = [...streamOptions(stream), ...(background ? ['--and', ...streamOptions(background)] : [])];
    return JSON.parse(await run([...prefix, program, ...where, ...upstream, ...how, ...streams], { cwd: '/' }));
  };
}

/** Waits until the server answers a name below the zone. */
export async function untilItServes(generator: Generator, server: Server): Promise<void> {
  const load = { seconds: 0.1, spin: false, stream: { prefix: 'ready', count: 1, once: true, window: 1 } };
  await eventually(`an answer from ${server.address}:${server.port}`, async () => {
    const [{ answered, unexpected }] = await generator(server, load);
    return answered === 1 && unexpected === 0;
  });
}

function streamOptions({ prefix, count, once, window, rate }: Stream): string[] {
  return [
    ...['--prefix', prefix, '--zone', ZONE, '--count', String(count), ...(once ? ['--once'] : [])],
    ...['--window', String(window), '--sockets', String(SOCKETS), ...(rate ? ['--rate', String(rate)] : [])],
  ];
}
