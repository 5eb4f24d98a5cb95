import promClient from 'prom-client';
import { type Metrics, SLIM_BUCKETS } from './metrics.ts';

/** The event loop's delay is sampled this often; prom-client's 10 ms would wake an idle node 100 times a second. */
const LOOP_DELAY_PRECISION_MS = 100;

const UNLABELLED_COUNTERS = [
  ['coredns_panics_total', 'Faults in a directive that cost a query its answer.'],
  ['coredns_reload_failed_total', 'Reloads that failed and left the old configuration running.'],
  ['coredns_forward_healthcheck_broken_total', 'Queries that found all upstreams down.'],
  ['coredns_forward_max_concurrent_rejects_total', 'Queries refused because of max_concurrent.'],
  ['coredns_health_request_failures_total', 'Requests to the own health endpoint that failed.'],
];

export type Build = { readonly version: string; readonly revision: string };

/**
 * What is exposed whatever the Corefile: the process (process_* with the names of Go's client, nodejs_*), the build, and
 * CoreDNS's metrics without labels, which stand at 0 even if their directive is not used.
 */
export function addProcessMetrics(metrics: Metrics, build: Build): void {
  const { registry } = metrics;
  promClient.collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_DELAY_PRECISION_MS });
  const buildLabels = ['version', 'revision', 'goversion'];
  const buildInfo = metrics.gauge('coredns_build_info', 'Always 1; goversion is the version of Node.', buildLabels);
  buildInfo.labels(build.version, build.revision, process.version).set(1);
  for (const [name, help] of UNLABELLED_COUNTERS) metrics.counter(name, help);
  const help = 'Time that requests to the own health endpoint took in seconds.';
  metrics.histogram('coredns_health_request_duration_seconds', help, [], SLIM_BUCKETS);
}
