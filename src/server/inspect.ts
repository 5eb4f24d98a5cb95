import { CacheStore } from '../cache/store.ts';
import type { Corefile } from '../corefile/cursor.ts';
import { type NodeFlags, type Plan, planOf } from '../node/plan.ts';
import { HttpListeners } from '../observe/http-listeners.ts';
import type { Logger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import { Poller } from '../sys/poller.ts';
import { configure } from './configure.ts';
import { Load } from './load.ts';
import type { Target } from './targets.ts';

const CACHE_BYTES = 2 ** 20;

export type Inspection = { readonly targets: readonly Target[]; readonly plan: Plan | undefined };

/** What a configuration would listen on and hold, without doing so. Throws what is wrong with it. */
export async function inspect(corefile: Corefile, flags: NodeFlags | undefined, log: Logger): Promise<Inspection> {
  const poller = new Poller(() => undefined);
  const never = async () => {
    throw new Error('nothing runs here');
  };
  const load = new Load(
    configure(corefile.blocks),
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
    return { targets, plan: planOf({ claims: load.claims, http: load.http, places: targets, flags }) };
  } finally {
    await load.stop();
    poller.close();
  }
}
