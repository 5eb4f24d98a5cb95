/** Puts a load on a server in calm times, and says what it gave and what it cost. */
import type { Count, Generator, Load, Stream } from './generator.ts';
import { type Calm, cpuSeconds } from './machine.ts';
import type { Subject } from './servers.ts';

export type Run = {
  readonly count: Count;
  readonly background: Count | undefined;
  /** Of both streams, and of the runs that were repeated as well. */
  readonly lost: number;
  /** User and system time of the server's process for each answer to the first stream. */
  readonly cpuUsPerAnswer: number;
  /** Somebody else had the cores meanwhile, and there was no patience left to do it again. */
  readonly disturbed: boolean;
};

/** Runs the load that `load` makes; it is made anew for each attempt, so that a miss is always a miss. */
export type Measure = (what: string, generator: Generator, subject: Subject, load: () => Load) => Promise<Run>;

/** What a reader of the figures must know, beside the figures. */
export type Diary = { runs: number; repeated: number; disturbed: number; readonly faults: string[] };

/** Of a run of a generator that never sleeps: with more, the figures are those of the host. */
const STALLED_SHARE = 0.03;
const PRELOAD_ATTEMPTS = 5;
const PRELOAD_WINDOW = 100;
const PRELOAD_SECONDS = 30; // At most; it ends when all names are asked.
const WARM_UP_SECONDS = 0.5;

/** Measures again, while the patience lasts, what somebody else has disturbed. */
export function makeMeasure(calm: Calm, diary: Diary): Measure {
  return async (what, generator, subject, makeLoad) => {
    for (let lost = 0; ; ) {
      await calm.wait();
      const load = makeLoad();
      const startMs = performance.now();
      const cpuBefore = cpuSeconds(subject.pid);
      const [count, background] = await generator(subject, load);
      const cpuUs = (cpuSeconds(subject.pid) - cpuBefore) * 1e6;
      lost += count.lost + (background?.lost ?? 0);
      diary.runs++;
      const disturbed = (load.spin && count.stalledShare > STALLED_SHARE) || !(await calm.isNow());
      if (disturbed && calm.patient) {
        diary.repeated++;
        calm.spend(performance.now() - startMs);
        continue;
      }
      if (disturbed) diary.disturbed++;
      diary.faults.push(...faults(what, count));
      if (background) diary.faults.push(...faults(`background of ${what}`, background));
      if (background?.exhausted) diary.faults.push(`background of ${what}: no names were left`);
      return { count, background, lost, cpuUsPerAnswer: cpuUs / count.answered, disturbed };
    }
  };
}

/** Asks every name once, until all have been answered, so that the cache holds them. */
export async function preload(generator: Generator, subject: Subject, prefix: string, count: number): Promise<void> {
  const stream: Stream = { prefix, count, once: true, window: PRELOAD_WINDOW };
  for (let attempt = 0; attempt < PRELOAD_ATTEMPTS; attempt++) {
    const [{ lost, unexpected }] = await generator(subject, { seconds: PRELOAD_SECONDS, spin: false, stream });
    if (lost === 0 && unexpected === 0) return;
  }
  throw new Error(`${subject.address}:${subject.port} does not answer every name`);
}

/** Has the server answer those names for a moment, so that it runs as it does in the long run: compiled, warm. */
export async function warmUp(generator: Generator, subject: Subject, prefix: string, count: number): Promise<void> {
  await preload(generator, subject, prefix, count);
  const stream: Stream = { prefix, count, window: PRELOAD_WINDOW };
  await generator(subject, { seconds: WARM_UP_SECONDS, spin: true, stream });
}

function faults(what: string, { answered, unexpected, refused }: Count): string[] {
  return [
    ...(answered === 0 ? [`${what}: no answer at all`] : []),
    ...(unexpected > 0 ? [`${what}: ${unexpected} of ${answered} answers were not NOERROR with a record`] : []),
    ...(refused > 0 ? [`${what}: nobody listened at times`] : []),
  ];
}
