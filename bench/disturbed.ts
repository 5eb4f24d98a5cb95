/** Hits of nodens while it has other things to do: misses, reloads, a full cache. */
import { setTimeout as sleep } from 'node:timers/promises';
import { scrape } from '../test/support/metrics.ts';
import type { Nodens } from '../test/support/nodens.ts';
import { eventually } from '../test/support/wait.ts';
import { BUSY_WINDOW, FULL_WINDOW, HIT_NAMES, HIT_PREFIX, hits, newPrefix, type Workbench } from './compared.ts';
import type { Load, Stream } from './generator.ts';
import { preload, warmUp } from './load.ts';
import { type Site, startNodens } from './servers.ts';

const NODENS = 'nodens';

const STEADY_HITS_PER_SECOND = 20_000;
const FLOOD_WINDOW = 100;
const FLOOD_PER_SECOND = 200_000; // Names enough: more than it can resolve.

const RELOAD_NAMES = 100; // After a reload each is a miss once; so few that the misses are not what is measured.
const RELOAD_PAUSE_MS = 100;
const RELOADED = /Reloading complete/g;

const CACHE_BYTES = '64MiB'; // More than the entries need: their number is the limit.
const FULL_ENTRIES = 100_096; // A whole multiple of 256, as the cache counts them.
const NEW_NAMES_PER_SECOND = 5000;
const WARM_UP_NAMES = 20_000;
const EVICTION_SECONDS = 4; // At most, so that the cache does not get full before it should.

/**
 * Hits with and without misses at the same time, of which there are as many as it can resolve: first at a rate that
 * leaves the core some time, as on any node that is well; then as many hits as it can answer. In the second case the
 * core is divided between hits and misses, and the latency of hits tells how.
 */
export async function measureFlood(bench: Workbench, site: Site): Promise<void> {
  await withNodens(site, { entries: 2 * HIT_NAMES }, async (nodens) => {
    await warmUp(site.generator, nodens, HIT_PREFIX, HIT_NAMES);
    await measureBesideFlood(bench, site, nodens, 'paced flood', STEADY_HITS_PER_SECOND);
    await measureBesideFlood(bench, site, nodens, 'flood', undefined);
  });
}

async function measureBesideFlood(
  { seconds, measure, results }: Workbench,
  { generator }: Site,
  nodens: Nodens,
  name: string,
  rate: number | undefined,
): Promise<void> {
  const plainLoad = (): Load => {
    const load = hits(seconds, BUSY_WINDOW);
    return rate === undefined ? load : { ...load, stream: { ...load.stream, rate } };
  };
  const floodLoad = () => ({ ...plainLoad(), background: newNames(seconds * FLOOD_PER_SECOND, FLOOD_WINDOW) });
  const plain = await measure(`hits without ${name}`, generator, nodens, plainLoad);
  const flooded = await measure(`hits with ${name}`, generator, nodens, floodLoad);
  results.add(`${name} p99 before`, NODENS, plain.count.p99Us, plain);
  results.add(`${name} p99`, NODENS, flooded.count.p99Us, flooded);
  results.add(`${name} rate before`, NODENS, plain.count.answersPerSecond, plain);
  results.add(`${name} rate`, NODENS, flooded.count.answersPerSecond, flooded);
  results.add(`${name} misses`, NODENS, flooded.background?.answersPerSecond ?? 0, flooded);
  results.add(`${name} lost`, NODENS, flooded.lost, flooded);
}

/** Hits while the Corefile is read again, one reload after the other. */
export async function measureReloads({ seconds, measure, results }: Workbench, site: Site): Promise<void> {
  await withNodens(site, { entries: 2 * HIT_NAMES }, async (nodens) => {
    await warmUp(site.generator, nodens, HIT_PREFIX, RELOAD_NAMES);
    const reloads = keepReloading(nodens);
    const load = () => hits(seconds, BUSY_WINDOW, RELOAD_NAMES);
    const run = await measure('hits during reloads', site.generator, nodens, load).finally(reloads.stop);
    results.add('reload rate', NODENS, reloads.perSecond(), run);
    results.add('reload p99', NODENS, run.count.p99Us, run);
    results.add('reload max', NODENS, run.count.maxUs, run);
    results.add('reload lost', NODENS, run.lost, run);
  });
}

/**
 * Hits before and after the cache is full. Both times new names come in at the same rate, so that the misses cost the
 * same; only afterwards each of them evicts an answer. What differs is the cost of being full and evicting.
 */
export async function measureEviction(bench: Workbench, site: Site): Promise<void> {
  const { measure, results, fault } = bench;
  const { generator } = site;
  const seconds = Math.min(bench.seconds, EVICTION_SECONDS);
  const flags = ['-cache-bytes', CACHE_BYTES];
  await withNodens(site, { entries: FULL_ENTRIES, flags }, async (nodens) => {
    const load = (): Load => ({
      ...hits(seconds, FULL_WINDOW),
      background: { ...newNames(2 * seconds * NEW_NAMES_PER_SECOND, FLOOD_WINDOW), rate: NEW_NAMES_PER_SECOND },
    });
    const evictions = async () => (await scrape(nodens.ports.METRICS)).value('coredns_cache_evictions_total') ?? 0;
    await warmUp(generator, nodens, HIT_PREFIX, HIT_NAMES);
    await preload(generator, nodens, newPrefix(), WARM_UP_NAMES);
    await generator(nodens, load()); // Hits and misses side by side take other ways than either alone.
    const before = await measure('hits before it is full', generator, nodens, load);
    if ((await evictions()) > 0) fault('hits before it is full: it was full');
    await preload(generator, nodens, newPrefix(), FULL_ENTRIES);
    await preload(generator, nodens, HIT_PREFIX, HIT_NAMES);
    const evictedBefore = await evictions();
    const after = await measure('hits while it evicts', generator, nodens, load);
    const evicted = (await evictions()) - evictedBefore;
    if (evicted < (after.background?.answered ?? 0)) fault('hits while it evicts: it evicts less than it takes in');
    results.add('eviction rate before', NODENS, before.count.answersPerSecond, before);
    results.add('eviction rate', NODENS, after.count.answersPerSecond, after);
    results.add('eviction cpu before', NODENS, before.cpuUsPerAnswer, before);
    results.add('eviction cpu', NODENS, after.cpuUsPerAnswer, after);
  });
}

async function withNodens(
  site: Site,
  options: { entries: number; flags?: readonly string[] },
  body: (nodens: Nodens) => Promise<void>,
): Promise<void> {
  const nodens = await startNodens(site, options.entries, options.flags);
  try {
    await body(nodens);
  } finally {
    await nodens.stop();
  }
}

function newNames(count: number, window: number): Stream {
  return { prefix: newPrefix(), count: Math.ceil(count), once: true, window };
}

/** Asks for a reload, waits until it is done, and so on until it is stopped. */
function keepReloading(nodens: Nodens) {
  const startMs = performance.now();
  let endMs = Number.POSITIVE_INFINITY;
  const isOver = () => performance.now() >= endMs;
  const reloads = () => [...nodens.stdout().matchAll(RELOADED)].length;
  const loop = (async () => {
    while (!isOver()) {
      const before = reloads();
      nodens.kill('SIGUSR1');
      await eventually('a reload', () => isOver() || reloads() > before);
      await sleep(RELOAD_PAUSE_MS);
    }
  })();
  return {
    stop: async () => {
      endMs = performance.now();
      await loop;
    },
    perSecond: () => reloads() / ((endMs - startMs) / 1000),
  };
}
