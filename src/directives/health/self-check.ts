import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Logger } from '../../observe/logger.ts';
import type { Counter, Histogram } from '../../observe/metrics.ts';
import type { Clock } from '../contract.ts';

const INTERVAL_MS = 1000;
const TIMEOUT_MS = 3000;
const SLOW_MS = 1000;
const OK = 200;

export type SelfCheck = {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** For people. */
  readonly url: string;
  /** In seconds. */
  readonly duration: Histogram;
  readonly failures: Counter;
  readonly clock: Clock;
  readonly log: Logger;
};

/** Asks the own health endpoint, one request after the other, until the returned function is called. */
export function repeatSelfCheck(check: SelfCheck): () => void {
  const stopping = new AbortController();
  let checking = false;
  const timer = setInterval(async () => {
    if (checking) return;
    checking = true;
    await checkSelf(check, stopping.signal);
    checking = false;
  }, INTERVAL_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    stopping.abort();
  };
}

/** Asks as the kubelet does: how long that takes tells how busy the process is. */
export async function checkSelf(check: SelfCheck, stopping: AbortSignal): Promise<void> {
  const { url, duration, failures, clock, log } = check;
  const startMs = clock.nowMs();
  try {
    await request(check, AbortSignal.any([stopping, AbortSignal.timeout(TIMEOUT_MS)]));
  } catch (error) {
    if (stopping.aborted) return;
    failures.inc();
    log.warning(`Local health request to "${url}" failed: ${error instanceof Error ? error.message : error}`);
    return;
  }
  const elapsedMs = clock.nowMs() - startMs;
  duration.observe(elapsedMs / 1000);
  if (elapsedMs > SLOW_MS) log.warning(`Local health request to "${url}" took more than 1s: ${elapsedMs.toFixed()}ms`);
}

async function request({ host, port, path }: SelfCheck, signal: AbortSignal): Promise<void> {
  // Importing the module would load what belongs to fetch as well: 7 MB.
  const outgoing = process.getBuiltinModule('node:http').get({ host, port, path, agent: false, signal });
  const [response]: IncomingMessage[] = await once(outgoing, 'response');
  response.resume();
  await once(response, 'close');
  if (response.statusCode !== OK) throw new Error(`status ${response.statusCode}`);
}
