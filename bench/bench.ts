/** Hits and misses a second of nodens, unbound and dnsmasq in the same run. README.md says how to read the table. */
import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeTemporaryDirectory, run } from '../test/support/child.ts';
import { findProgram, missing } from '../test/support/programs.ts';
import { type Cores, measure, preload, type Run, writeNames } from './load.ts';
import { SUBJECTS, type Subject, startUpstream } from './servers.ts';
import { formatTable } from './table.ts';

const ZONE = 'bench.example';
const PRELOADED_NAMES = 10_000;
const MISSES_PER_SECOND = 250_000; // Names enough for any server: none is asked twice.

const usage = 'npm run bench -- [--seconds N] [--rounds N] [--only hits|misses] [--servers nodens,unbound,dnsmasq]';

const options = readOptions();
const cores = chooseCores();
const directory = makeTemporaryDirectory('bench');
console.log(await conditions());

const upstream = await startUpstream(ZONE, pinnedTo(cores.generator));
const subjects = new Map<string, Subject>();
try {
  for (const name of options.servers) subjects.set(name, await SUBJECTS[name](upstream, ZONE, pinnedTo(cores.server)));
  if (options.kinds.includes('hits')) console.log(formatTable('hits', await hits()));
  if (options.kinds.includes('misses')) console.log(formatTable('misses', await misses()));
} finally {
  await Promise.all([...subjects.values(), upstream].map((server) => server.stop()));
}

/** Names that every cache holds already. */
async function hits(): Promise<Map<string, Run[]>> {
  const file = join(directory, 'hits');
  writeNames(file, 'hit', ZONE, PRELOADED_NAMES);
  for (const subject of subjects.values()) await preload(subject, file, cores);
  return rounds(() => ({ file, seconds: options.seconds, once: false }));
}

/** Names that are never asked again: each costs one query to the upstream. */
async function misses(): Promise<Map<string, Run[]>> {
  const file = join(directory, 'misses');
  return rounds((round) => {
    writeNames(file, `miss-${round}`, ZONE, options.seconds * MISSES_PER_SECOND);
    return { file, seconds: options.seconds, once: true };
  });
}

/** Each server in each round, one after the other, so that what disturbs the machine disturbs all of them. */
async function rounds(load: (round: number) => Parameters<typeof measure>[2]): Promise<Map<string, Run[]>> {
  const runs = new Map<string, Run[]>();
  for (let round = 0; round < options.rounds; round++) {
    const thisLoad = load(round);
    for (const [name, subject] of subjects) {
      const earlier = runs.get(name) ?? [];
      runs.set(name, [...earlier, await measure(subject, cores, thisLoad)]);
    }
  }
  return runs;
}

async function conditions(): Promise<string> {
  const packageJson: { version: string } = JSON.parse(
    readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'),
  );
  const versions = [
    `nodens ${packageJson.version} (Node ${process.version})`,
    await version('unbound', ['-V'], /Version ([\d.]+)/),
    await version('dnsmasq', ['--version'], /version ([\d.]+)/i),
    await version('nsd', ['-v'], /version ([\d.]+)/),
    await version('dnsperf', ['-h'], /Version ([\d.]+)/),
  ];
  return `machine   ${cpus().length} cores, ${cpus()[0].model}, Linux ${release()}
pinned    server to core ${cores.server}; generator and upstream to core ${cores.generator}; loopback, UDP
load      ${options.rounds} rounds of ${options.seconds} s each, servers in turn, medians
versions  ${versions.join(', ')}
`;
}

/** Some of them print their version on stderr, some with an exit code that says failure. */
async function version(program: string, args: string[], pattern: RegExp): Promise<string> {
  const command = ['sh', '-c', '"$0" "$@" 2>&1 || true', findProgram(program) ?? program, ...args];
  return `${program} ${pattern.exec(await run(command, { cwd: '/' }))?.[1] ?? '?'}`;
}

function pinnedTo(core: number): string[] {
  return ['taskset', '-c', String(core)];
}

function chooseCores(): Cores {
  const list = /Cpus_allowed_list:\s+(.*)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const allowed = list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  if (allowed.length < 2) fail('needs two cores: one for the server, one for the generator');
  return { server: allowed[0], generator: allowed[allowed.length - 1] };
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '5' },
      rounds: { type: 'string', default: '3' },
      only: { type: 'string' },
      servers: { type: 'string', default: Object.keys(SUBJECTS).join(',') },
    },
  });
  const servers = values.servers.split(',');
  const kinds = values.only === undefined ? ['hits', 'misses'] : [values.only];
  const seconds = Number(values.seconds);
  const roundCount = Number(values.rounds);
  const numbersAreGood = [seconds, roundCount].every((number) => Number.isInteger(number) && number > 0);
  const namesAreGood = servers.every((name) => name in SUBJECTS) && ['hits', 'misses'].includes(kinds[0]);
  if (!numbersAreGood || !namesAreGood) fail(`usage: ${usage}`);
  const absent = missing('dnsperf', 'nsd', 'taskset', ...servers.filter((name) => name !== 'nodens'));
  if (absent) fail(absent);
  return { seconds, rounds: roundCount, kinds, servers };
}

function fail(text: string): never {
  console.error(`bench: ${text}`);
  process.exit(1);
}
