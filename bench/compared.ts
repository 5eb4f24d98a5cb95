/** The loads that every server gets: hits at several windows, and misses. The servers take turns at each. */
import type { Load } from './generator.ts';
import { type Measure, type Run, warmUp } from './load.ts';
import type { Results } from './results.ts';
import type { Site, Subject, SubjectName } from './servers.ts';

export type Workbench = {
  readonly seconds: number;
  readonly measure: Measure;
  readonly results: Results;
  /** Tells the reader of the report what is wrong with it. */
  readonly fault: (text: string) => void;
};
export type Subjects = ReadonlyMap<SubjectName, Subject>;

export const HIT_PREFIX = 'hit';
export const HIT_NAMES = 10_000;
/** What saturates: the rate hardly grows beyond it, and it is far below what a receive buffer holds. dnsperf's default. */
export const FULL_WINDOW = 100;
export const BUSY_WINDOW = 32;
const LOSS_WINDOW = 1000;
const MISSES_PER_SECOND = 250_000; // Names enough for any server.

/** Hits at each window, and which figures each is for. */
const HIT_LOADS: readonly { window: number; figures: (run: Run) => Record<string, number> }[] = [
  {
    window: FULL_WINDOW,
    figures: ({ count, cpuUsPerAnswer }) => ({
      rate: count.answersPerSecond,
      cpu: cpuUsPerAnswer,
      busy: (count.answersPerSecond * cpuUsPerAnswer) / 1e6,
      bytes: count.replyBytes,
    }),
  },
  { window: 1, figures: ({ count }) => ({ 'p50 of 1': count.p50Us, 'p99 of 1': count.p99Us }) },
  { window: BUSY_WINDOW, figures: ({ count }) => ({ 'p50 of 32': count.p50Us, 'p99 of 32': count.p99Us }) },
  { window: LOSS_WINDOW, figures: ({ lost }) => ({ lost }) },
];

/** Figures named after the network: `veth rate`. */
export async function measureHits({ seconds, measure, results }: Workbench, site: Site, subjects: Subjects) {
  const { network, generator } = site;
  // The misses of an earlier round may have taken their places.
  for (const subject of subjects.values()) await warmUp(generator, subject, HIT_PREFIX, HIT_NAMES);
  for (const { window, figures } of HIT_LOADS) {
    for (const [name, subject] of subjects) {
      const what = `${name} over ${network.name}, ${window} outstanding`;
      const run = await measure(what, generator, subject, () => hits(seconds, window));
      for (const [figure, value] of Object.entries(figures(run))) {
        results.add(`${network.name} ${figure}`, name, value, run);
      }
    }
  }
}

/** Every query is for a name that nobody has asked before. The echo has no misses. */
export async function measureMisses({ seconds, measure, results }: Workbench, site: Site, subjects: Subjects) {
  for (const [name, subject] of subjects) {
    if (name === 'echo') continue;
    const count = Math.ceil(seconds * MISSES_PER_SECOND);
    const run = await measure(`${name}, misses`, site.generator, subject, () => ({
      seconds,
      spin: false, // The upstream needs the generator's core.
      stream: { prefix: newPrefix(), count, once: true, window: FULL_WINDOW },
    }));
    results.add('misses rate', name, run.count.answersPerSecond, run);
    results.add('misses cpu', name, run.cpuUsPerAnswer, run);
    results.add('misses lost', name, run.lost, run);
  }
}

export function hits(seconds: number, window: number, names = HIT_NAMES): Load {
  return { seconds, spin: true, stream: { prefix: HIT_PREFIX, count: names, window } };
}

let prefixes = 0;

/** For names that nobody has asked for. */
export function newPrefix(): string {
  return `new-${prefixes++}`;
}
