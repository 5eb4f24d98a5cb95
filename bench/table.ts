/** The table of one kind of load: medians over the rounds, and ratios to unbound. */
import type { Run } from './load.ts';

const REFERENCE = 'unbound';

type Row = { readonly name: string; readonly median: Run; readonly best: number; readonly worst: number };

const COLUMNS: readonly { readonly title: string; readonly text: (row: Row, reference: Row | undefined) => string }[] =
  [
    { title: 'answers/s', text: ({ median }) => Math.round(median.answersPerSecond).toLocaleString('en-US') },
    { title: `x ${REFERENCE}`, text: ({ median }, reference) => ratio(median, reference?.median) },
    {
      title: 'worst..best round',
      text: ({ worst, best }) => `${Math.round(worst / 1000)}k..${Math.round(best / 1000)}k`,
    },
    { title: 'CPU us/answer', text: ({ median }) => median.cpuMicrosPerAnswer.toFixed(2) },
    { title: 'lost', text: ({ median }) => `${median.lossPercent.toFixed(3)} %` },
    { title: 'server core', text: ({ median }) => `${median.serverCorePercent.toFixed(0)} %` },
    { title: 'generator core', text: ({ median }) => `${median.generatorCorePercent.toFixed(0)} %` },
  ];

export function formatTable(kind: string, runs: ReadonlyMap<string, readonly Run[]>): string {
  const rows = [...runs].map(([name, runsOfOne]) => summarize(name, runsOfOne));
  const reference = rows.find(({ name }) => name === REFERENCE);
  const cells = rows.map((row) => [row.name, ...COLUMNS.map(({ text }) => text(row, reference))]);
  const lines = [[kind, ...COLUMNS.map(({ title }) => title)], ...cells];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column] + 2);
  return `${lines.map((line) => line.map(pad).join('')).join('\n')}\n`;
}

function summarize(name: string, runs: readonly Run[]): Row {
  const median = (pick: (run: Run) => number) => medianOf(runs.map(pick));
  const rates = runs.map((run) => run.answersPerSecond);
  return {
    name,
    best: Math.max(...rates),
    worst: Math.min(...rates),
    median: {
      answersPerSecond: median((run) => run.answersPerSecond),
      lossPercent: median((run) => run.lossPercent),
      cpuMicrosPerAnswer: median((run) => run.cpuMicrosPerAnswer),
      serverCorePercent: median((run) => run.serverCorePercent),
      generatorCorePercent: median((run) => run.generatorCorePercent),
    },
  };
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function ratio(run: Run, reference: Run | undefined): string {
  return reference ? (run.answersPerSecond / reference.answersPerSecond).toFixed(2) : '-';
}
