/** One run, one table: nodens beside unbound, dnsmasq and a C echo. README.md says how to read it. */
import { run } from '../test/support/child.ts';
import { findProgram } from '../test/support/programs.ts';
import { checkAgreement } from './agreement.ts';
import { buildPrograms, type Programs } from './build.ts';
import { measureHits, measureMisses, type Workbench } from './compared.ts';
import { conditions } from './conditions.ts';
import { measureEviction, measureFlood, measureReloads } from './disturbed.ts';
import { formatGoals } from './goals.ts';
import { type Diary, makeMeasure } from './load.ts';
import { Calm, type Cores, chooseCores } from './machine.ts';
import { type Options, readOptions } from './options.ts';
import { openPlaces, type Place, type Places } from './places.ts';
import { Results } from './results.ts';
import { SUBJECTS } from './servers.ts';
import { formatTable } from './table.ts';

const AGREEMENT_SECONDS = 2;
const AGREEMENT_ATTEMPTS = 3;

try {
  await bench(readOptions());
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

async function bench(options: Options): Promise<void> {
  const startMs = performance.now();
  const cores = chooseCores();
  if (cores === undefined) throw new Error('needs two cores: one for the server, one for the generator');
  await stayOffTheServersCore(cores);
  const programs = await buildPrograms();
  console.log(`${await conditions(options, cores)}\n`);
  const calm = new Calm(programs.stalls, cores);
  const diary: Diary = { runs: 0, repeated: 0, disturbed: 0, faults: [] };
  const results = new Results();
  const fault = (text: string) => void diary.faults.push(text);
  const workbench = { seconds: options.seconds, measure: makeMeasure(calm, diary), results, fault };
  const places = await openPlaces(options, cores, programs);
  const patienceMs = (options.patienceSeconds * 1000) / (options.rounds + 1);
  try {
    calm.addPatience(patienceMs);
    const agreement = options.kinds.has('agreement') ? await agree(places.loopback, calm, programs) : undefined;
    for (let round = 1; round <= options.rounds; round++) {
      console.error(`round ${round} of ${options.rounds}`);
      calm.addPatience(patienceMs);
      await measureRound(workbench, options, places, round);
    }
    const tookSeconds = (performance.now() - startMs) / 1000;
    console.log(report(results, options, agreement, [...options.remarks, ...remarks(diary, calm, tookSeconds)]));
  } finally {
    await places.stop();
  }
}

/** Every second round goes backwards: the patience of a round may be over before its end. */
async function measureRound(bench: Workbench, { kinds }: Options, places: Places, round: number): Promise<void> {
  const { loopback, veth, alone } = places;
  const withNodens = loopback.subjects.has('nodens');
  const steps = [
    kinds.has('loopback') && (() => measureHits(bench, loopback.site, loopback.subjects)),
    veth && (() => measureHits(bench, veth.site, veth.subjects)),
    kinds.has('misses') && (() => measureMisses(bench, loopback.site, loopback.subjects)),
    withNodens && kinds.has('flood') && (() => measureFlood(bench, alone)),
    withNodens && kinds.has('reloads') && (() => measureReloads(bench, alone)),
    withNodens && kinds.has('eviction') && (() => measureEviction(bench, alone)),
  ].filter((step) => typeof step === 'function');
  for (const step of round % 2 === 0 ? steps.toReversed() : steps) await step();
}

/** Tries again when they disagree, since one of them may have been disturbed; a line for each attempt. */
async function agree({ site, subjects }: Place, calm: Calm, programs: Programs): Promise<string> {
  const echo = subjects.get('echo') ?? (await SUBJECTS.echo(site, programs.echo));
  const lines: string[] = [];
  for (let agreed = false; !agreed && lines.length < AGREEMENT_ATTEMPTS; ) {
    await calm.wait();
    const agreement = await checkAgreement(site.generator, echo, site.cores, AGREEMENT_SECONDS);
    lines.push(agreement.line);
    agreed = agreement.agreed;
  }
  if (!subjects.has('echo')) await echo.stop();
  return lines.join('\n');
}

/** All threads of this process, and what it starts without a core of its own. */
async function stayOffTheServersCore({ generator }: Cores): Promise<void> {
  const taskset = findProgram('taskset') ?? 'taskset';
  await run([taskset, '-a', '-c', '-p', String(generator), String(process.pid)], { cwd: '/' });
}

function remarks({ runs, repeated, disturbed, faults }: Diary, calm: Calm, tookSeconds: number): string[] {
  const lost = Math.round(calm.spentMs / 1000);
  const took = `${runs} runs in ${Math.round(tookSeconds)} s`;
  return [
    `${took}; somebody else had the cores at times: ${repeated} runs repeated, ${lost} s lost by that`,
    ...(disturbed > 0
      ? [
          `${disturbed} runs stayed disturbed for want of patience; they count where there are no others, marked with "?"`,
        ]
      : []),
    ...faults,
  ];
}

function report(results: Results, options: Options, agreement: string | undefined, notes: readonly string[]): string {
  const blocks = [formatTable(results, options.servers), formatGoals(results), agreement ?? '', notes.join('\n')];
  return blocks.filter((block) => block !== '').join('\n\n');
}
