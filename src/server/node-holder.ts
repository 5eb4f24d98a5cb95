import type { Plan } from '../node/plan.ts';

/**
 * Who holds the addresses of the node for the server. On a start and on each reload it hears, in this order, what is
 * planned (`prepare`), that the listeners answer (`apply`), and that those no longer wanted are closed (`settle`); at the
 * end that no new traffic shall come (`release`), and that the last listener is closed (`giveBack`).
 */
export type NodeHolder = {
  /** Why pods may get no answer; undefined if they do. */
  readonly illness: string | undefined;
  /** Rejects with what speaks against the plan, having changed nothing. */
  prepare(plan: Plan | undefined): Promise<void>;
  /** Rejects with all as it was before. */
  apply(plan: Plan | undefined): Promise<void>;
  settle(): Promise<void>;
  release(): Promise<void>;
  giveBack(): Promise<void>;
};
