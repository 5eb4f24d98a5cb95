import type { Cursor } from '../../corefile/cursor.ts';
import { ConfigError, ConfigErrors } from '../../corefile/errors.ts';
import { expectArgs, expectNoBody, parseDuration } from '../../corefile/values.ts';
import type { Logger } from '../../observe/logger.ts';
import type { Block, Configuration, Directive } from '../contract.ts';

const DEFAULT_INTERVAL_MS = 30_000;
const DEFAULT_JITTER_MS = 15_000;
const MIN_INTERVAL_MS = 2_000;

export type ReloadConfig = { readonly intervalMs: number; readonly jitterMs: number };

/** The watch that was set up last, of each process: with `reload` in several blocks only that one counts. */
const lastWatch = new WeakMap<Configuration, object>();

/** Syntax: `reload [INTERVAL] [JITTER]` */
export function parse(cursor: Cursor): ReloadConfig {
  expectArgs(cursor, 0, 2);
  expectNoBody(cursor);
  const [interval, jitter] = cursor.args;
  const intervalMs =
    interval === undefined
      ? DEFAULT_INTERVAL_MS
      : parseDuration(cursor, interval, { name: 'INTERVAL', minMs: MIN_INTERVAL_MS });
  const jitterMs =
    jitter === undefined ? DEFAULT_JITTER_MS : parseDuration(cursor, jitter, { name: 'JITTER', minMs: 0 });
  return { intervalMs, jitterMs: Math.min(jitterMs, intervalMs / 2) };
}

/** Looks at the configuration's files once in each period, which is drawn once per load, and reloads what has changed. */
export function watch(
  config: ReloadConfig,
  configuration: Configuration,
  log: Logger,
  random: () => number,
): () => void {
  const periodMs = config.intervalMs + config.jitterMs * (random() - 0.5);
  let failedFingerprint = '';
  const look = async () => {
    const changed = await changedFingerprint(configuration, log);
    if (changed === undefined || changed === failedFingerprint) return;
    try {
      await configuration.reload();
    } catch (error) {
      failedFingerprint = changed;
      const text = error instanceof Error ? error.message : String(error);
      log.error(`Corefile changed but reload failed: starting with listener file descriptors: ${text}`);
    }
  };
  let looking = false;
  const timer = setInterval(async () => {
    if (looking) return;
    looking = true;
    await look();
    looking = false;
  }, periodMs);
  return () => clearInterval(timer);
}

/** What the files hold, if it is not what runs; nothing while they cannot be read, which passes, or parsed. */
async function changedFingerprint(configuration: Configuration, log: Logger): Promise<string | undefined> {
  try {
    const found = await configuration.readFingerprint();
    return found === configuration.fingerprint ? undefined : found;
  } catch (error) {
    if (error instanceof ConfigError || error instanceof ConfigErrors) {
      log.warning(`Corefile parse failed: ${error.message}`);
    }
    return undefined;
  }
}

function setup(config: ReloadConfig, block: Block): undefined {
  const { configuration } = block.process;
  const log = block.log.plugin('reload');
  const own = {};
  let stop: (() => void) | undefined;
  lastWatch.set(configuration, own);
  block.onServing(() => {
    if (lastWatch.get(configuration) !== own) return;
    log.info(`Running configuration SHA512 = ${configuration.fingerprint}`);
    stop = watch(config, configuration, log, Math.random);
  });
  block.onStop(() => stop?.());
}

export const reload: Directive<ReloadConfig> = { name: 'reload', repeat: 'first', parse, setup };
