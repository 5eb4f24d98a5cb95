import { CacheStore } from '../cache/store.ts';
import type { Corefile } from '../corefile/cursor.ts';
import { type NodeFlags, type Plan, planOf } from '../node/plan.ts';
import { HttpListeners } from '../observe/http-listeners.ts';
import type { Logger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import { Poller } from '../sys/poller.ts';
import type { RunningBlock } from './block.ts';
import { type ConfiguredBlock, configure } from './configure.ts';
import { Load } from './load.ts';
import type { Target } from './targets.ts';

const CACHE_BYTES = 2 ** 20;

export type Inspection = {
  readonly targets: readonly Target[];
  readonly plan: Plan | undefined;
  /** What the blocks that the targets route to are made of. */
  readonly blocks: ReadonlyMap<RunningBlock, ConfiguredBlock>;
};

/** What a configuration would listen on and hold, without doing so. Throws what is wrong with it. */
export async function inspect(corefile: Corefile, flags: NodeFlags | undefined, log: Logger): Promise<Inspection> {
  const poller = new Poller(() => undefined);
  const never = async () => {
    throw new Error('nothing runs here');
  };
  const configured = configure(corefile.blocks);
  const load = new Load(
    configured,
    '',
    {
      clock: { nowMs: () => performance.now(), unixSeconds: () => Math.trunc(Date.now() / 1000) },
      metrics: new Metrics(),
      http: new HttpListeners(),
      cacheStore: new CacheStore(CACHE_BYTES),
      poller,
      configuration: { fingerprint: '', readFingerprint: never, reload: never },
      shuttingDown: false,
      illness: undefined,
      fatal: () => undefined,
    },
    log,
  );
  try {
    const targets = [...load.targets.values()];
    const plan = planOf({ claims: load.claims, http: load.http, places: targets, flags });
    return { targets, plan, blocks: new Map(load.blocks.map((block, index) => [block, configured[index]])) };
  } finally {
    await load.stop();
    poller.close();
  }
}
