/** The table: a row for each figure, a column for each server, and nodens in proportion to each of the others. */
import { NETWORK_NAMES } from './network.ts';
import type { Results, Value } from './results.ts';
import type { SubjectName } from './servers.ts';

const MEASURED = 'nodens';
/** Behind what was measured in disturbed runs only. */
export const DOUBT = '?';

type Cell = (results: Results, subject: SubjectName) => string;
type Row = {
  readonly title: string;
  /** The figure that decides whether the row is there, and whose proportions it shows. */
  readonly figure: string;
  readonly cell: Cell;
  readonly hasRatios?: boolean;
};

const whole = (value: number) => Math.round(value).toLocaleString('en-US');
const fixed = (digits: number) => (value: number) => value.toFixed(digits);
const percent = (value: number) => `${Math.round(100 * value)} %`;

function medians(title: string, figure: string, format: (value: number) => string): Row {
  return { title, figure, cell: (results, subject) => show(results.median(figure, subject), format) };
}

function sums(title: string, figure: string): Row {
  const cell: Cell = (results, subject) => show({ value: results.sum(figure, subject), disturbed: false }, whole);
  return { title, figure, hasRatios: false, cell };
}

/** Far apart, they say that something else used the machine. */
function spread(figure: string): Row {
  const cell: Cell = (results, subject) => {
    const values = results.values(figure, subject);
    if (values.length === 0) return '-';
    return `${whole(Math.min(...values) / 1000)}..${whole(Math.max(...values) / 1000)}k`;
  };
  return { title: '  worst..best round', figure, cell, hasRatios: false };
}

const ROWS: readonly Row[] = [
  ...NETWORK_NAMES.flatMap((network) => [
    medians(`${network}: hits/s, 100 outstanding`, `${network} rate`, whole),
    spread(`${network} rate`),
    medians('  server CPU, us per hit', `${network} cpu`, fixed(2)),
    { ...medians('  server core busy', `${network} busy`, percent), hasRatios: false },
    { ...medians('  bytes of an answer', `${network} bytes`, fixed(1)), hasRatios: false },
    medians('  p50 us, 1 outstanding', `${network} p50 of 1`, fixed(1)),
    medians('  p99 us, 1 outstanding', `${network} p99 of 1`, fixed(1)),
    medians('  p50 us, 32 outstanding', `${network} p50 of 32`, fixed(1)),
    medians('  p99 us, 32 outstanding', `${network} p99 of 32`, fixed(1)),
    sums('  lost with 1,000 outstanding', `${network} lost`),
  ]),
  medians('misses/s, 100 outstanding', 'misses rate', whole),
  spread('misses rate'),
  medians('  server CPU, us per miss', 'misses cpu', fixed(2)),
  sums('  lost', 'misses lost'),
  ...[
    { flood: 'paced flood', title: 'flood of misses, hits at 20,000/s' },
    { flood: 'flood', title: 'flood of misses, hits as many as it can' },
  ].flatMap(({ flood, title }) => [
    medians(`${title}: p99 us`, `${flood} p99`, fixed(1)),
    medians('  p99 us without the flood', `${flood} p99 before`, fixed(1)),
    medians('  hits/s', `${flood} rate`, whole),
    medians('  hits/s without the flood', `${flood} rate before`, whole),
    medians('  misses/s', `${flood} misses`, whole),
    sums('  lost', `${flood} lost`),
  ]),
  medians('hits during reloads: p99 us, 32 outst.', 'reload p99', fixed(1)),
  medians('  reloads/s', 'reload rate', fixed(1)),
  medians('  longest, us', 'reload max', whole),
  sums('  lost', 'reload lost'),
  medians('hits/s while the full cache evicts', 'eviction rate', whole),
  medians('  hits/s before it is full', 'eviction rate before', whole),
  medians('  server CPU, us per hit', 'eviction cpu', fixed(2)),
  medians('  server CPU, us per hit, before', 'eviction cpu before', fixed(2)),
];

export function formatTable(results: Results, subjects: readonly SubjectName[]): string {
  const others = subjects.includes(MEASURED) ? subjects.filter((name) => name !== MEASURED) : [];
  const header = ['medians of the rounds', ...subjects, ...others.map((name) => `x ${name}`)];
  const rows = ROWS.filter(({ figure }) => results.has(figure, subjects)).map((row) => [
    row.title,
    ...subjects.map((subject) => row.cell(results, subject)),
    ...others.map((other) => (row.hasRatios === false ? '' : ratio(results, row.figure, other))),
  ]);
  return rows.length === 0 ? '' : alignColumns([header, ...rows]);
}

/** The first column to the left, numbers to the right. */
export function alignColumns(lines: readonly (readonly string[])[]): string {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column] + 2);
  return lines.map((line) => line.map(pad).join('').trimEnd()).join('\n');
}

function ratio(results: Results, figure: string, other: SubjectName): string {
  const ofBoth = results.ratio(figure, MEASURED, figure, other);
  return Number.isNaN(ofBoth.value) ? '' : show(ofBoth, fixed(2));
}

function show({ value, disturbed }: Value, format: (value: number) => string): string {
  return Number.isNaN(value) ? '-' : `${format(value)}${disturbed ? DOUBT : ''}`;
}
