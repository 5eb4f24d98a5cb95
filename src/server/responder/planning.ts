import type { CachedAnswers, HitCounters, HitRules } from '../../directives/contract.ts';
import type { RequestMetrics, ZoneRequests } from '../../observe/request-metrics.ts';
import { isSubdomain, nameFromText } from '../../wire/name.ts';
import { TYPE_A } from '../../wire/types.ts';
import type { RunningBlock } from '../block.ts';
import type { Target } from '../targets.ts';
import type { BlockPlan, ListenerPlan, Plan } from './plan.ts';
import { ZONE_CELLS } from './plan.ts';

/** A listener whose queries responders answer; each of them has a socket of its own there. */
export type PlannedListener = {
  readonly id: number;
  readonly target: Pick<Target, 'id' | 'router'>;
  /** By responder. */
  readonly fds: readonly number[];
};

/** Where the hits of a zone at a listener are counted; made when there are some, so that no series shows what never was. */
export type HitSink = {
  counters(): HitCounters;
  requests(): ZoneRequests | undefined;
};

export type Planning = {
  /** One for each responder. */
  readonly plans: readonly Plan[];
  /** One for each ZONE_CELLS cells of the tallies. */
  readonly sinks: readonly HitSink[];
};

/** Plans for so many responders: what they shall serve, and where what they count belongs. */
export function planFor(count: number, listeners: readonly PlannedListener[], metrics: RequestMetrics): Planning {
  const blocks: BlockPlan[] = [];
  const sinks: HitSink[] = [];
  const indexes = new Map<RunningBlock, number>();
  const indexOf = (block: RunningBlock): number => {
    const index = indexes.get(block) ?? addBlock(blocks, block);
    indexes.set(block, index);
    return index;
  };
  const zonesOf = ({ target }: PlannedListener) =>
    zonesAt(target.router).map(({ zone, name, block }) => {
      const tally = sinks.length * ZONE_CELLS;
      const index = indexOf(block);
      const { hits } = block;
      if (index !== NO_HITS && hits.cache !== undefined) sinks.push(sinkOf(target.id, zone, hits, hits.cache, metrics));
      return { name, block: index, tally };
    });
  const zones = listeners.map(zonesOf);
  const planOf = (responder: number): Plan => {
    const planned = listeners.map(({ id, fds }, i): ListenerPlan => ({ id, fd: fds[responder], zones: zones[i] }));
    return { blocks, listeners: planned, tallies: new SharedArrayBuffer(CELL_BYTES * ZONE_CELLS * sinks.length) };
  };
  return { plans: Array.from({ length: count }, (_, responder) => planOf(responder)), sinks };
}

const NO_HITS = -1;
const CELL_BYTES = Float64Array.BYTES_PER_ELEMENT;

/**
 * The zones of a listener, and with them those that a block has elsewhere but are held by the same block here: the
 * metrics tell them apart.
 */
function zonesAt(router: Target['router']): { zone: string; name: Uint8Array; block: RunningBlock }[] {
  const zones = new Set(router.zones);
  for (const zone of router.zones) {
    const block = router.route(zone, TYPE_A);
    for (const inner of block?.zones ?? []) if (isSubdomain(inner, zone)) zones.add(inner);
  }
  return [...zones].flatMap((zone) => {
    const block = router.route(zone, TYPE_A);
    const name = nameFromText(zone);
    // What is no name in wire form holds none.
    return block === undefined || name === undefined ? [] : [{ zone, name, block }];
  });
}

/** The index of the block's plan; NO_HITS if there is none. */
function addBlock(blocks: BlockPlan[], { hits, handlers }: RunningBlock): number {
  if (hits.cache === undefined || hits.chainFor.length > 0 || handlers.length === 0) return NO_HITS;
  return blocks.push(blockPlan(hits, hits.cache)) - 1;
}

function blockPlan(hits: HitRules, { stores, keepTtl, prefetch, stale }: CachedAnswers): BlockPlan {
  const { maxUdpPayloadBytes, countsRequests, errorsInChain, aaaaInChain, shufflesAddresses } = hits;
  return {
    ...{ stores, keepTtl, prefetch },
    stale: stale && { verify: stale.verify, responseTtl: stale.responseTtl },
    ...{ maxUdpPayloadBytes, countsRequests, errorsInChain, aaaaInChain, shufflesAddresses },
  };
}

function sinkOf(
  server: string,
  zone: string,
  { countsRequests }: HitRules,
  cache: CachedAnswers,
  metrics: RequestMetrics,
): HitSink {
  return {
    counters: () => cache.counters(server),
    requests: () => (countsRequests ? metrics.zone(server, zone) : undefined),
  };
}
