import type { HeapProfiler, Profiler } from 'node:inspector';
import type { Session } from 'node:inspector/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** How often V8 looks what the thread does: its own default, ten times as often as Go. */
export const CPU_INTERVAL_MICROS = 1000;
/** One object in so many bytes is looked at. */
export const ALLOCATION_INTERVAL_BYTES = 16 * 1024;

/** What this thread does from now on until `seconds` are over. Rejects with the signal's reason when that is aborted. */
export function profileCpu(seconds: number, signal: AbortSignal): Promise<Profiler.Profile> {
  return inSession(async (session) => {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: CPU_INTERVAL_MICROS });
    await session.post('Profiler.start');
    await sleep(seconds * 1000, undefined, { signal });
    return (await session.post('Profiler.stop')).profile;
  });
}

/** What it allocates meanwhile, whether or not it is garbage at the end. */
export function profileAllocations(seconds: number, signal: AbortSignal): Promise<HeapProfiler.SamplingHeapProfile> {
  return inSession(async (session) => {
    await session.post('HeapProfiler.enable');
    await session.post('HeapProfiler.startSampling', {
      samplingInterval: ALLOCATION_INTERVAL_BYTES,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    await sleep(seconds * 1000, undefined, { signal });
    return (await session.post('HeapProfiler.stopSampling')).profile;
  });
}

/** Nothing of the inspector is there but while it is used; to disconnect ends whatever was begun. */
async function inSession<Result>(use: (session: Session) => Promise<Result>): Promise<Result> {
  const inspector = process.getBuiltinModule('node:inspector/promises');
  const session = new inspector.Session();
  session.connect();
  try {
    return await use(session);
  } finally {
    session.disconnect();
  }
}
