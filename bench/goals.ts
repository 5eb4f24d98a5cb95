/** What nodens is to reach, as proportions within one run: they hold on any machine. */
import { NETWORK_NAMES } from './network.ts';
import type { Results, Value } from './results.ts';
import { alignColumns, DOUBT } from './table.ts';

type Goal = {
  readonly title: string;
  readonly bound: number;
  readonly kind: 'at most' | 'at least';
  readonly figure: (results: Results) => Value;
};

/** A figure of nodens in proportion to another, of itself or of somebody else. */
function proportion(figure: string, other: { figure?: string; subject?: string }): Goal['figure'] {
  return (results) => results.ratio(figure, 'nodens', other.figure ?? figure, other.subject ?? 'nodens');
}

const GOALS: readonly Goal[] = [
  ...NETWORK_NAMES.flatMap((network): Goal[] => [
    {
      title: `${network}: CPU per hit, of unbound's`,
      kind: 'at most',
      bound: 1 / 1.25,
      figure: proportion(`${network} cpu`, { subject: 'unbound' }),
    },
    {
      title: `${network}: CPU per hit, of dnsmasq's`,
      kind: 'at most',
      bound: 1 / 2,
      figure: proportion(`${network} cpu`, { subject: 'dnsmasq' }),
    },
    {
      title: `${network}: CPU per hit, of the echo's`,
      kind: 'at most',
      bound: 1.2,
      figure: proportion(`${network} cpu`, { subject: 'echo' }),
    },
    {
      title: `${network}: p99 with 32 outstanding, of the echo's`,
      kind: 'at most',
      bound: 1.2,
      figure: proportion(`${network} p99 of 32`, { subject: 'echo' }),
    },
    {
      title: `${network}: lost with 1,000 outstanding`,
      kind: 'at most',
      bound: 0,
      figure: (results) => ({ value: results.sum(`${network} lost`, 'nodens'), disturbed: false }),
    },
  ]),
  {
    title: 'p99 of 20,000 hits/s under a flood of misses, of that without',
    kind: 'at most',
    bound: 2,
    figure: proportion('paced flood p99', { figure: 'paced flood p99 before' }),
  },
  {
    title: 'p99 of as many hits as it can under a flood, of that without',
    kind: 'at most',
    bound: 2,
    figure: proportion('flood p99', { figure: 'flood p99 before' }),
  },
  {
    title: "misses/s, of unbound's",
    kind: 'at least',
    bound: 0.8,
    figure: proportion('misses rate', { subject: 'unbound' }),
  },
  {
    title: 'hits/s with a full cache that evicts, of those before',
    kind: 'at least',
    bound: 0.85,
    figure: proportion('eviction rate', { figure: 'eviction rate before' }),
  },
];

export function formatGoals(results: Results): string {
  const rows = GOALS.flatMap(({ title, kind, bound, figure }) => {
    const { value, disturbed } = figure(results);
    if (Number.isNaN(value)) return [];
    const met = kind === 'at most' ? value <= bound : value >= bound;
    return [[title, plain(value), `${kind} ${plain(bound)}`, `${met ? 'met' : 'MISSED'}${disturbed ? DOUBT : ''}`]];
  });
  return rows.length === 0 ? '' : alignColumns([['goals', 'figure', 'bound', ''], ...rows]);
}

function plain(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}
