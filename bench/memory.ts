/** How much memory the built program takes, by the number of cached answers: the table of `npm run bench:memory`. */
import { cpSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeTemporaryDirectory, run } from '../test/support/child.ts';
import { launchNodens, type Nodens } from '../test/support/nodens.ts';
import { freePort } from '../test/support/ports.ts';
import { missing } from '../test/support/programs.ts';
import { buildPrograms } from './build.ts';
import { BUSY_WINDOW, HIT_PREFIX, hits } from './compared.ts';
import { type Generator, makeGenerator, untilItServes } from './generator.ts';
import { preload } from './load.ts';
import { chooseCores, pinnedTo } from './machine.ts';

const ENTRY_COUNTS = [0, 1000, 10_000, 100_000];
const LOAD_SECONDS = 5;
const REST_MS = 2000;
const SAMPLE_MS = 250;

const IDLE_GOAL_MB = 25;
const LOADED_GOAL = { entries: 10_000, mb: 40 };

/** In MB of a million bytes. */
type Memory = { readonly anon: number; readonly file: number; readonly shmem: number; readonly total: number };
type Row = { readonly entries: number; readonly rest: Memory; readonly load: Memory | undefined };

try {
  await main();
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

async function main(): Promise<void> {
  const absent = missing('gcc', 'taskset');
  if (absent) throw new Error(absent);
  const cores = chooseCores();
  if (cores === undefined) throw new Error('needs two cores: one for the server, one for the generator');
  const executable = await install();
  const { generator: program } = await buildPrograms();
  const rows: Row[] = [];
  for (const entries of ENTRY_COUNTS) {
    const upstreamPort = await freePort();
    const generator = makeGenerator(program, pinnedTo(cores.generator), upstreamPort);
    const nodens = await start(executable, pinnedTo(cores.server), upstreamPort);
    try {
      await untilItServes(generator, nodens);
      rows.push(await measure(nodens, generator, entries));
    } finally {
      await nodens.stop();
    }
  }
  console.log(formatTable(rows));
  console.log(formatGoals(rows));
}

/** The program as it is shipped: built, without its sources, so that `bin/nodens` runs what was built. */
async function install(): Promise<string> {
  const root = join(import.meta.dirname, '..');
  await run(['npm', 'run', '--silent', 'build'], { cwd: root });
  const directory = makeTemporaryDirectory('built');
  for (const part of ['bin', 'dist', 'package.json']) {
    cpSync(join(root, part), join(directory, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  return join(directory, 'bin/nodens');
}

/** A Corefile like that of node-cache, but for the TTL and the room for as many answers as are to be measured. */
function start(executable: string, prefix: readonly string[], upstreamPort: number): Promise<Nodens> {
  return launchNodens({
    executable,
    prefix,
    env: { NODE_COMPILE_CACHE: undefined },
    corefile: `.:{PORT} {
    bind 127.0.0.1
    errors
    cache 3600 {
        success 102400
        denial 9984
    }
    reload
    forward . 127.0.0.1:${upstreamPort}
    prometheus 127.0.0.1:{METRICS}
    health 127.0.0.1:{HEALTH}
}
`,
  });
}

/** At rest after the answers have come in, then the most of each while all of them are asked for. */
async function measure(nodens: Nodens, generator: Generator, entries: number): Promise<Row> {
  if (entries > 0) await preload(generator, nodens, HIT_PREFIX, entries);
  await sleep(REST_MS);
  const rest = readMemory(nodens.pid);
  if (entries === 0) return { entries, rest, load: undefined };
  const samples: Memory[] = [];
  const sampling = setInterval(() => samples.push(readMemory(nodens.pid)), SAMPLE_MS);
  await generator(nodens, hits(LOAD_SECONDS, BUSY_WINDOW, entries)).finally(() => clearInterval(sampling));
  const most = (part: keyof Memory) => Math.max(...samples.map((sample) => sample[part]));
  return {
    entries,
    rest,
    load: { anon: most('anon'), file: most('file'), shmem: most('shmem'), total: most('total') },
  };
}

function readMemory(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (field: string) => {
    const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    if (kibibytes === undefined) throw new Error(`no ${field} in the status of process ${pid}`);
    return (Number(kibibytes) * 1024) / 1e6;
  };
  return {
    anon: megabytes('RssAnon'),
    file: megabytes('RssFile'),
    shmem: megabytes('RssShmem'),
    total: megabytes('VmRSS'),
  };
}

function formatTable(rows: readonly Row[]): string {
  const cells = ({ anon, file, shmem, total }: Memory) => [anon, file, shmem, total].map((value) => value.toFixed(1));
  const lines = rows.map(({ entries, rest, load }) => [
    entries === 0 ? 'none' : entries.toLocaleString('en-US'),
    ...cells(rest),
    ...(load ? cells(load) : ['', '', '', '']),
  ]);
  const parts = ['RssAnon', 'RssFile', 'RssShmem', 'total'];
  const header = ['entries', ...parts.map((part) => `${part} at rest`), ...parts.map((part) => `${part} under load`)];
  const markdown = [header, header.map(() => '---:'), ...lines].map((line) => `| ${line.join(' | ')} |`);
  return `Memory of the built program in MB (${process.version}), one process for each row:\n\n${markdown.join('\n')}\n`;
}

function formatGoals(rows: readonly Row[]): string {
  const idle = rows[0].rest.anon;
  const loaded = rows.find(({ entries }) => entries === LOADED_GOAL.entries)?.load?.anon ?? Number.NaN;
  const goal = (title: string, value: number, bound: number) =>
    `${title}: ${value.toFixed(1)} MB of RssAnon, at most ${bound}: ${value <= bound ? 'met' : 'MISSED'}`;
  return [
    goal('idle', idle, IDLE_GOAL_MB),
    goal(`${LOADED_GOAL.entries.toLocaleString('en-US')} entries under load`, loaded, LOADED_GOAL.mb),
  ].join('\n');
}
