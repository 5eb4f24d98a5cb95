import type { Cursor } from '../../corefile/cursor.ts';
import { ConfigError, ConfigErrors, messageOf } from '../../corefile/errors.ts';
import { expectArgs, expectNoBody, parseDuration } from '../../corefile/values.ts';
import type { Logger } from '../../observe/logger.ts';
import type { Counter } from '../../observe/metrics.ts';
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

export type Watch = {
  readonly config: ReloadConfig;
  readonly configuration: Configuration;
  readonly log: Logger;
  /** Counts what cannot be parsed; a reload that fails is counted where it is done. */
  readonly failed: Counter;
  /** From 0 to below 1. */
  readonly random: () => number;
};

/** Looks at the configuration's files once in each period, which is drawn once per load, and reloads what has changed. */
export function watch({ config, configuration, log, failed, random }: Watch): () => void {
  const periodMs = config.intervalMs + config.jitterMs * (random() - 0.5);
  let failedFingerprint = '';
  let parseProblem = '';

  const look = async () => {
    let found: string;
    try {
      found = await configuration.readFingerprint();
    } catch (error) {
      if (isConfigError(error)) tellProblem(messageOf(error));
      return; // A file that cannot be read is about to come back.
    }
    parseProblem = '';
    if (found === configuration.fingerprint || found === failedFingerprint) return;
    try {
      await configuration.reload();
    } catch (error) {
      failedFingerprint = found;
      log.error(`Corefile changed but reload failed: starting with listener file descriptors: ${messageOf(error)}`);
    }
  };
  const tellProblem = (problem: string) => {
    log.warning(`Corefile parse failed: ${problem}`);
    if (problem !== parseProblem) failed.inc();
    parseProblem = problem;
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

function isConfigError(error: unknown): boolean {
  return error instanceof ConfigError || error instanceof ConfigErrors;
}

function setup(config: ReloadConfig, block: Block): undefined {
  const { configuration, metrics } = block.process;
  const log = block.log.plugin('reload');
  const failed = metrics.counter('coredns_reload_failed_total', 'Reloads that failed.').labels();
  const own = {};
  let stop: (() => void) | undefined;
  lastWatch.set(configuration, own);
  block.onServing(() => {
    if (lastWatch.get(configuration) !== own) return;
    log.info(`Running configuration SHA512 = ${configuration.fingerprint}`);
    stop = watch({ config, configuration, log, failed, random: Math.random });
  });
  block.onStop(() => stop?.());
}

export const reload: Directive<ReloadConfig> = { name: 'reload', repeat: 'first', parse, setup };
