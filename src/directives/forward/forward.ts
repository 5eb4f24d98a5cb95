import net from 'node:net';
import type { SecureContext } from 'node:tls';
import type { Metrics } from '../../observe/metrics.ts';
import * as sockets from '../../sys/socket.ts';
import { TimerWheel } from '../../upstream/timer-wheel.ts';
import { createTlsContext } from '../../upstream/tls-context.ts';
import { Upstream, type UpstreamOptions, type UpstreamServices } from '../../upstream/upstream.ts';
import { UpstreamSet } from '../../upstream/upstream-set.ts';
import type { Block, Directive } from '../contract.ts';
import { Forwarder } from './forwarder.ts';
import { type ForwardConfig, isForwarded, parse } from './options.ts';
import { Targets } from './targets.ts';

/** Resolvers of clients give up after 5 s: an answer then comes too late. */
const TOTAL_MS = 4900;

export const forward: Directive<ForwardConfig> = {
  name: 'forward',
  repeat: 'each',
  anyClass: true,
  parse,
  setup(config, block) {
    const forwarder = createForwarder(config, block);
    return (next) => forwarder.handler(next);
  },
  concerns: (config, qname) => isForwarded(qname, config),
};

/** How long things take, for tests that do not want to wait. */
export type Tuning = { readonly totalMs?: number; readonly watchIntervalMs?: number };

/** Throws ConfigError for TOs that are none, and for TLS files that cannot be used. */
export function createForwarder(config: ForwardConfig, block: Block, tuning: Tuning = {}): Forwarder {
  const { clock, metrics, poller } = block.process;
  const log = block.log.plugin('forward');
  const nowMs = () => clock.nowMs();
  const wheel = new TimerWheel(nowMs);
  const services = { system: sockets, poller, wheel, nowMs, metrics, log };
  const { watchIntervalMs, totalMs = TOTAL_MS } = tuning;
  const { upstreamWatchers: watchers } = block;
  const { targets, upstreams } = createUpstreams(config, services, watchIntervalMs);
  if (config.fromZoneCount > 1) {
    const [from] = config.cursor.args;
    log.warning(`${from.text} stands for ${config.fromZoneCount} zones, only ${config.from} is forwarded`);
  }
  const forwarder = new Forwarder(config, upstreams, { nowMs, wheel, totalMs, watchers, ...countersOf(metrics) });
  block.onStart(async () => {
    await targets.lookUp();
    targets.watch();
  });
  block.onStop(() => {
    targets.stop();
    return forwarder.stop();
  });
  return forwarder;
}

/** Those that the TOs stand for: they change with the TOs' files once `targets` watches them. Throws as above. */
export function createUpstreams(config: ForwardConfig, services: UpstreamServices, watchIntervalMs?: number) {
  const { sourceAddress, tlsServerName } = config;
  const targets = new Targets({
    cursor: config.cursor,
    tokens: config.targets,
    log: services.log,
    resolvers: config.resolvers,
    isUsable: (address) => sourceAddress === undefined || net.isIP(address) === net.isIP(sourceAddress),
    tlsServerName,
    onChange: (endpoints) => upstreams.update(endpoints),
    ...(watchIntervalMs === undefined ? {} : { intervalMs: watchIntervalMs }),
  });
  checkTargets(config, targets);
  const options = upstreamOptions(config, targets);
  const upstreams = new UpstreamSet((endpoint) => new Upstream(endpoint, options, services));
  upstreams.update(targets.endpoints);
  return { targets, upstreams };
}

/** Throws ConfigError where the options contradict what the TOs are. */
function checkTargets({ cursor, tlsServerName, sourceAddress }: ForwardConfig, targets: Targets): void {
  const { endpoints, named } = targets;
  const withNames = [...endpoints, ...named.map(({ hostname, serverName }) => ({ text: hostname, serverName }))];
  for (const { serverName, text } of withNames) {
    if (serverName === undefined || tlsServerName === undefined) continue;
    const names = `both forward ('${tlsServerName}') and proxy level ('${serverName}') TLS servernames`;
    throw cursor.error(`${names} are set for upstream proxy '${text}'; remove one of the two`);
  }
  for (const { address, text } of endpoints) {
    if (sourceAddress !== undefined && net.isIP(sourceAddress) !== net.isIP(address)) {
      throw cursor.error(`source_address ${sourceAddress} is of another family than upstream ${text}`);
    }
  }
}

function upstreamOptions(config: ForwardConfig, { endpoints, named }: Targets): UpstreamOptions {
  const usesTls = [...endpoints, ...named].some(({ protocol }) => protocol !== 'dns');
  return {
    proxyName: 'forward',
    readTimeoutMs: config.readTimeoutMs,
    idleMs: config.expireMs,
    maxAgeMs: config.maxAgeMs,
    maxIdle: config.maxIdle,
    health: {
      maxFails: config.maxFails,
      intervalMs: config.healthIntervalMs,
      domain: config.healthDomain,
      recursionDesired: config.healthRecursion,
    },
    probeOverTcp: config.forceTcp,
    tlsContext: usesTls || config.tls !== undefined ? tlsContextOf(config) : undefined,
    tlsServerName: config.tlsServerName,
    sourceAddress: config.sourceAddress,
    httpsMethod: config.httpsMethod,
  };
}

function tlsContextOf({ cursor, tls }: ForwardConfig): SecureContext {
  try {
    return createTlsContext(tls ?? {});
  } catch (error) {
    const line = cursor.body.findLast((property) => property.name.text === 'tls');
    throw cursor.error(`tls: ${error instanceof Error ? error.message : error}`, line?.name);
  }
}

function countersOf(metrics: Metrics) {
  return {
    allDown: metrics
      .counter('coredns_forward_healthcheck_broken_total', 'Queries that found all upstreams down.')
      .labels(),
    rejected: metrics
      .counter('coredns_forward_max_concurrent_rejects_total', 'Queries refused because max_concurrent were in flight.')
      .labels(),
  };
}
