import type { CounterFamily, Metrics } from '../../observe/metrics.ts';

const LABELS = ['server', 'zone', 'view', 'class', 'type'];
const FAILURE_LABELS = [...LABELS, 'section', 'template'];

export type TemplateMetrics = {
  readonly matches: CounterFamily;
  readonly templateFailures: CounterFamily;
  readonly recordFailures: CounterFamily;
};

export function templateMetrics(metrics: Metrics): TemplateMetrics {
  return {
    matches: metrics.counter('coredns_template_matches_total', 'Counter of template regex matches.', LABELS),
    templateFailures: metrics.counter(
      'coredns_template_template_failures_total',
      'Counter of go template failures.',
      FAILURE_LABELS,
    ),
    recordFailures: metrics.counter(
      'coredns_template_rr_failures_total',
      'Counter of mis-templated RRs.',
      FAILURE_LABELS,
    ),
  };
}
