/** Whether the generator can be believed: at a rate that dnsperf manages with ease, both must see the same. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTemporaryDirectory, run } from '../test/support/child.ts';
import type { Server } from '../test/support/client.ts';
import { findProgram } from '../test/support/programs.ts';
import { FULL_WINDOW, HIT_NAMES, HIT_PREFIX } from './compared.ts';
import { type Generator, SOCKETS, ZONE } from './generator.ts';
import { type Cores, pinnedTo } from './machine.ts';

const RATE = 5000;
const TOLERANCE = 0.03;

type Seen = { readonly answered: number; readonly lost: number; readonly meanUs: number };

export type Agreement = { readonly agreed: boolean; readonly line: string };

/** Loads the server with both in turn, at the same rate and in the same way, and says in one line what each saw. */
export async function checkAgreement(
  generator: Generator,
  server: Server,
  cores: Cores,
  seconds: number,
): Promise<Agreement> {
  const stream = { prefix: HIT_PREFIX, count: HIT_NAMES, window: FULL_WINDOW, rate: RATE };
  const [ours] = await generator(server, { seconds, spin: false, stream });
  const theirs = await dnsperf(server, cores, seconds);
  const sameCount = Math.abs(ours.answered / theirs.answered - 1) <= TOLERANCE;
  const agreed = sameCount && ours.lost === 0 && theirs.lost === 0;
  const show = ({ answered, lost, meanUs }: Seen) =>
    `${answered.toLocaleString('en-US')} answers, ${lost} lost, mean ${meanUs.toFixed(0)} us`;
  const load = `${RATE.toLocaleString('en-US')}/s for ${seconds} s against the echo`;
  const verdict = agreed ? 'they agree' : 'THEY DISAGREE';
  return { agreed, line: `agreement at ${load}: generator ${show(ours)}; dnsperf ${show(theirs)}: ${verdict}` };
}

async function dnsperf({ address, port }: Server, cores: Cores, seconds: number): Promise<Seen> {
  const names = join(makeTemporaryDirectory('names'), 'names');
  writeFileSync(names, Array.from({ length: HIT_NAMES }, (_, i) => `${HIT_PREFIX}-${i}.${ZONE} A\n`).join(''));
  const where = ['-s', address, '-p', String(port), '-d', names];
  const how = ['-l', String(seconds), '-Q', String(RATE), '-T', '1', '-c', String(SOCKETS), '-q', String(FULL_WINDOW)];
  const program = findProgram('dnsperf') ?? 'dnsperf';
  const text = await run([...pinnedTo(cores.generator), program, ...where, ...how], { cwd: '/' });
  const number = (label: string) => Number(new RegExp(`${label}:\\s+([0-9.]+)`).exec(text)?.[1]);
  return {
    answered: number('Queries completed'),
    lost: number('Queries lost'),
    meanUs: number('Average Latency \\(s\\)') * 1e6,
  };
}
