import type { Stores } from '../../cache/lookup.ts';
import { TALLY_CELLS } from '../../observe/request-tally.ts';

/**
 * All that a responder knows of the configuration. It is copied into the thread as it is, whole at each change: plain
 * objects and shared memory alone.
 */
export type Plan = {
  readonly blocks: readonly BlockPlan[];
  readonly listeners: readonly ListenerPlan[];
  /** Cells (Float64) that this responder alone writes, ZONE_CELLS for each zone of each listener. */
  readonly tallies: SharedArrayBuffer;
};

export type ListenerPlan = {
  /** The listener's number, by which the resolver knows where a query came from. */
  readonly id: number;
  readonly fd: number;
  /** Longest names first: the first that holds a name counts. */
  readonly zones: readonly ZonePlan[];
};

export type ZonePlan = {
  /** Lower case, in wire form. */
  readonly name: Uint8Array;
  /** The index of the block; -1: all goes through its chain. */
  readonly block: number;
  /** The first of its cells. */
  readonly tally: number;
};

/** How the hits of a block are answered; see `HitRules` and `CachedAnswers`. */
export type BlockPlan = {
  readonly stores: Stores;
  readonly keepTtl: boolean;
  readonly prefetch: { readonly amount: number; readonly windowMs: number; readonly percent: number };
  readonly stale: { readonly verify: boolean; readonly responseTtl: number } | undefined;
  readonly maxUdpPayloadBytes: number;
  readonly countsRequests: boolean;
  readonly errorsInChain: boolean;
  readonly aaaaInChain: readonly (4 | 6)[];
  readonly shufflesAddresses: boolean;
};

/** The cells of a zone: hits by kind, then a `RequestTally`. */
export const SUCCESS_HITS = 0;
export const DENIAL_HITS = 1;
export const SERVED_STALE = 2;
export const REQUEST_TALLY = 3;
export const ZONE_CELLS = REQUEST_TALLY + TALLY_CELLS;
