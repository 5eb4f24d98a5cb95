/**
 * The collectors of prom-client, each by itself: its index loads HTTPS, cluster and OpenTelemetry as well, which nobody
 * here needs and which take 7 MB.
 */
import eventLoopLag from 'prom-client/lib/metrics/eventLoopLag.js';
import gc from 'prom-client/lib/metrics/gc.js';
import heapSizeAndUsed from 'prom-client/lib/metrics/heapSizeAndUsed.js';
import heapSpacesSizeAndUsed from 'prom-client/lib/metrics/heapSpacesSizeAndUsed.js';
import osMemoryHeap from 'prom-client/lib/metrics/osMemoryHeap.js';
import processHandles from 'prom-client/lib/metrics/processHandles.js';
import processMaxFileDescriptors from 'prom-client/lib/metrics/processMaxFileDescriptors.js';
import processOpenFileDescriptors from 'prom-client/lib/metrics/processOpenFileDescriptors.js';
import processRequests from 'prom-client/lib/metrics/processRequests.js';
import processResources from 'prom-client/lib/metrics/processResources.js';
import processStartTime from 'prom-client/lib/metrics/processStartTime.js';
import version from 'prom-client/lib/metrics/version.js';
import { type Metrics, SLIM_BUCKETS } from './metrics.ts';

/** The event loop's delay is sampled this often; prom-client's 10 ms would wake an idle node 100 times a second. */
const LOOP_DELAY_PRECISION_MS = 100;

/** All but `processCpuTotal`, which brings OpenTelemetry. */
const COLLECTORS = [
  eventLoopLag,
  gc,
  heapSizeAndUsed,
  heapSpacesSizeAndUsed,
  osMemoryHeap,
  processHandles,
  processMaxFileDescriptors,
  processOpenFileDescriptors,
  processRequests,
  processResources,
  processStartTime,
  version,
];

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
  for (const collect of COLLECTORS) collect(registry, { eventLoopMonitoringPrecision: LOOP_DELAY_PRECISION_MS });
  addCpuTime(metrics);
  const buildLabels = ['version', 'revision', 'goversion'];
  const buildInfo = metrics.gauge('coredns_build_info', 'Always 1; goversion is the version of Node.', buildLabels);
  buildInfo.labels(build.version, build.revision, process.version).set(1);
  for (const [name, help] of UNLABELLED_COUNTERS) metrics.counter(name, help);
  const help = 'Time that requests to the own health endpoint took in seconds.';
  metrics.histogram('coredns_health_request_duration_seconds', help, [], SLIM_BUCKETS);
}

function addCpuTime(metrics: Metrics): void {
  const add = (name: string, help: string, micros: (usage: NodeJS.CpuUsage) => number) =>
    metrics.counter(name, help).addSource((series) => series().inc(micros(process.cpuUsage()) / 1e6));
  add('process_cpu_user_seconds_total', 'Total user CPU time spent in seconds.', ({ user }) => user);
  add('process_cpu_system_seconds_total', 'Total system CPU time spent in seconds.', ({ system }) => system);
  add(
    'process_cpu_seconds_total',
    'Total user and system CPU time spent in seconds.',
    ({ user, system }) => user + system,
  );
}
