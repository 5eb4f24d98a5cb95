import type { CounterFamily, GaugeFamily, Metrics } from '../observe/metrics.ts';

/** The label `errortype` of node-cache's counter. */
export const ERROR_TYPES = ['iptables', 'iptables_lock', 'interface_add', 'interface_check', 'configmap'] as const;
export type ErrorType = (typeof ERROR_TYPES)[number];

/** What there is to count of the node: node-cache's own counter, and self-queries. */
export class TakeoverMetrics {
  readonly #errors: CounterFamily;
  readonly #unanswered: CounterFamily;
  readonly #held: GaugeFamily;

  constructor(metrics: Metrics) {
    this.#errors = metrics.counter(
      'coredns_nodecache_setup_errors_total',
      'The number of errors during periodic network setup for node-cache.',
      ['errortype'],
    );
    for (const type of ERROR_TYPES) this.#errors.labels(type);
    this.#unanswered = metrics.counter(
      'nodens_node_self_query_failures_total',
      'Rounds in which a listener of a node-local address did not answer itself.',
      ['address'],
    );
    this.#held = metrics.gauge(
      'nodens_node_address_held',
      'Whether traffic to a node-local address is answered here.',
      ['address'],
    );
  }

  failed(type: ErrorType): void {
    this.#errors.labels(type).inc();
  }

  unanswered(address: string): void {
    this.#unanswered.labels(address).inc();
  }

  held(address: string, isTaken: boolean): void {
    this.#held.labels(address).set(isTaken ? 1 : 0);
    // A counter that is there before the first failure: of one that comes with it, Prometheus sees no increase.
    this.#unanswered.labels(address);
  }
}
