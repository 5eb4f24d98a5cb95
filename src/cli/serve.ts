import { writeFileSync } from 'node:fs';
import { CacheStore } from '../cache/store.ts';
import { messageOf } from '../corefile/errors.ts';
import { DIRECTIVES } from '../directives/order.ts';
import { TakeoverOnDemand } from '../node/on-demand.ts';
import type { NodeFlags } from '../node/plan.ts';
import { TakeoverMetrics } from '../node/takeover-metrics.ts';
import { HttpListeners } from '../observe/http-listeners.ts';
import { type Logger, stdoutLogger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import { metricsRoutes } from '../observe/metrics-page.ts';
import { addProcessMetrics } from '../observe/process-metrics.ts';
import { VERSION } from '../observe/version.ts';
import { Server, type ServerOptions } from '../server/server.ts';
import { exitAtOnce } from '../sys/exit.ts';
import { trimAllocator, trimHeap } from '../sys/heap.ts';
import { Poller } from '../sys/poller.ts';
import { EXIT_FAULT, fail, print, readFlags } from './command.ts';
import { EMBEDDED_PORT, isNodeCache, sourceOfFlags } from './configuration-flags.ts';
import { controlPath, openControl } from './control.ts';
import type { CorefileSource } from './corefile-source.ts';
import { SERVER_FLAGS, type ServerFlags } from './flag-table.ts';
import { FlagError } from './flags.ts';
import { defaultCacheBytes } from './memory.ts';
import { yieldToResponders } from './niceness.ts';
import { nodeFlags } from './node-flags.ts';
import { handleSignals } from './signals.ts';
import { versionLines } from './version.ts';

/** Until then those who have waited for us are served. */
const TRIM_AFTER_MS = 1000;
const TRIM_INTERVAL_MS = 2000;

/**
 * The command without a name: the DNS server itself. `loaded` is called once signals have their handlers here; `warning`
 * is to be logged.
 */
export async function serve(argv: readonly string[], loaded: () => void, warning?: string): Promise<void> {
  const { values: flags, given } = readFlags('nodens', argv, SERVER_FLAGS);
  if (flags.version) return print(versionLines());
  if (flags.plugins) return print(DIRECTIVES.map(({ name }) => `dns.${name}`).sort());
  const log = stdoutLogger();
  if (warning !== undefined) log.warning(warning);
  const metrics = new Metrics();
  const http = new HttpListeners();
  const node = await orFail(() => nodeFlags(flags, given));
  const source = await readSource(flags, given, log, metrics);
  const server = createServer(flags, node, { log, metrics, http, readCorefile: source.read });
  process.once('exit', () => server.halt());
  handleSignals(server, log);
  loaded();
  if (isNodeCache(given)) await serveMetrics(flags['metrics-listen-address'], http, metrics, log);
  const announce = () => {
    if (!flags.quiet) for (const line of server.banner) log.line(line);
    if (flags.pidfile !== '') writePidfile(flags.pidfile, log);
  };
  try {
    await server.start(announce);
  } catch (error) {
    log.flushSync();
    process.stderr.write(`${error instanceof Error ? error.message : error}${source.advice}\n`);
    exitAtOnce(EXIT_FAULT); // The threads may not be through with their start.
  }
  process.on('uncaughtException', (error) => server.recover(error));
  source.follow?.(server);
  const control = controlPath(flags);
  if (control !== undefined) await openControl(control, server, log);
  setTimeout(trimHeap, TRIM_AFTER_MS).unref();
  setInterval(trimAllocator, TRIM_INTERVAL_MS).unref();
  if (flags.responders > 0) yieldToResponders();
  if (flags.quiet) return;
  for (const line of versionLines()) log.line(line);
  if (source.file === '') log.line(`No Corefile given: the embedded default serves. Try: dig ${digArguments(server)}`);
}

/** Where the Corefile comes from; with node-cache's flags what is wrong there is counted as node-cache does. */
async function readSource(
  flags: ServerFlags,
  given: ReadonlySet<string>,
  log: Logger,
  metrics: Metrics,
): Promise<CorefileSource> {
  const takeover = isNodeCache(given) ? new TakeoverMetrics(metrics) : undefined;
  const countFault = () => takeover?.failed('configmap');
  return orFail(() => sourceOfFlags(flags, given, { env: process.env, log, countFault, writes: true }));
}

/** A value of a flag that node-cache would refuse, too, is worded as node-cache does. */
async function orFail<T>(read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    return fail(`[FATAL] Error parsing flags - ${error.message}, Exiting`, EXIT_FAULT);
  }
}

/** node-cache's own endpoint, beside those of the directive `prometheus`; DNS goes on without it. */
async function serveMetrics(address: string, http: HttpListeners, metrics: Metrics, log: Logger): Promise<void> {
  if (address === '') return;
  try {
    await http.acquire(address, metricsRoutes(metrics));
  } catch (error) {
    log.error(`Failed to start metrics handler: ${messageOf(error)}`);
  }
}

type Shared = Pick<ServerOptions, 'log' | 'metrics' | 'http' | 'readCorefile'>;

function createServer(flags: ServerFlags, node: NodeFlags | undefined, shared: Shared): Server {
  const { log, metrics } = shared;
  const clock = { nowMs: () => performance.now(), unixSeconds: () => Math.trunc(Date.now() / 1000) };
  const poller = new Poller((error) => log.error(`reading a socket: ${error}`));
  addProcessMetrics(metrics, { version: VERSION, revision: '' });
  const cacheBytes = flags['cache-bytes'];
  return new Server({
    clock,
    ...shared,
    cacheStore: new CacheStore(cacheBytes === 'auto' ? defaultCacheBytes() : cacheBytes),
    poller,
    maxInflight: flags['max-inflight'],
    maxTcpConnections: flags['max-tcp-connections'],
    responderCount: flags.responders,
    nodeFlags: node,
    holdNode: (listeners) => new TakeoverOnDemand({ listeners, metrics, clock, log, poller }),
    fatal: (text) => {
      log.fatal(text);
      process.exit(EXIT_FAULT);
    },
  });
}

function digArguments(server: Server): string {
  const port = /:(\d+)/.exec(server.banner[0] ?? '')?.[1] ?? EMBEDDED_PORT;
  return `@127.0.0.1 -p ${port} kubernetes.io`;
}

function writePidfile(file: string, log: Logger): void {
  try {
    writeFileSync(file, `${process.pid}\n`, { mode: 0o644 });
  } catch (error) {
    log.error(`Could not write pidfile: ${error instanceof Error ? error.message : error}`);
  }
}
