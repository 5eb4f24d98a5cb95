/** The table of the demo: a row for each figure, a column for each library, without and with nodens. */
import type { Libc } from '../../test/peers/getaddrinfo.ts';
import { alignColumns } from '../table.ts';
import { type LookUp, TIMEOUT_MS } from './look-ups.ts';
import type { Traffic } from './path.ts';

export type Trial = {
  readonly title: string;
  readonly libc: Libc;
  readonly lookUps: readonly LookUp[];
  /** Of these look-ups alone. */
  readonly traffic: Traffic;
};

/** As most distributions and kube-proxy leave them: nf_conntrack_max, and how long an entry of UDP stays. */
const TABLE_ENTRIES = 262_144;
const ENTRY_S = 30;

const NOTES = `A time-out is ${TIMEOUT_MS.glibc / 1000} s in glibc and ${TIMEOUT_MS.musl / 1000} s in musl. An entry of conntrack stays ${ENTRY_S} s.
The cache is empty at first: what nodens asks is in its columns.`;

const whole = (value: number) => Math.round(value).toLocaleString('en-US');

const ROWS: readonly { readonly title: string; readonly cell: (trial: Trial) => string }[] = [
  { title: 'look-ups', cell: ({ lookUps }) => whole(lookUps.length) },
  { title: 'upstream packets', cell: ({ traffic }) => whole(traffic.packets) },
  { title: 'median ms', cell: ({ lookUps }) => percentile(lookUps, 0.5).toFixed(2) },
  { title: 'p99 ms', cell: ({ lookUps }) => percentile(lookUps, 0.99).toFixed(2) },
  { title: 'look-ups that met a time-out', cell: ({ libc, lookUps }) => whole(countTimeouts(libc, lookUps)) },
  { title: 'look-ups that failed', cell: ({ lookUps }) => whole(lookUps.filter(({ found }) => !found).length) },
  { title: 'conntrack entries made', cell: ({ traffic }) => whole(traffic.conntrackEntries) },
  { title: `look-ups/s that ${whole(TABLE_ENTRIES)} entries bear`, cell: bearable },
];

export function formatReport(trials: readonly Trial[]): string {
  const header = ['', ...trials.map(({ title }) => title)];
  const table = alignColumns([header, ...ROWS.map(({ title, cell }) => [title, ...trials.map(cell)])]);
  return `${table}\n\n${NOTES}`;
}

function countTimeouts(libc: Libc, lookUps: readonly LookUp[]): number {
  return lookUps.filter(({ ms }) => ms >= TIMEOUT_MS[libc]).length;
}

/** Each look-up leaves so many entries for so long: the table is full at that rate. */
function bearable({ lookUps, traffic }: Trial): string {
  if (traffic.conntrackEntries === 0) return 'any';
  return whole((TABLE_ENTRIES / ENTRY_S) * (lookUps.length / traffic.conntrackEntries));
}

function percentile(lookUps: readonly LookUp[], share: number): number {
  const sorted = lookUps.map(({ ms }) => ms).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
