/** Reads the metrics endpoint as Prometheus does. */

export type Labels = Readonly<Record<string, string>>;
export type Samples = {
  readonly text: string;
  /** The sum over all series of that name whose labels include the given ones; undefined when there is none. */
  value(name: string, labels?: Labels): number | undefined;
  /** The names of the labels of a metric, sorted. */
  labelNames(name: string): string[] | undefined;
};

type Sample = { readonly name: string; readonly labels: Labels; readonly value: number };

export async function scrape(port: number): Promise<Samples> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  return readMetrics(await response.text());
}

export function readMetrics(text: string): Samples {
  const samples = [...text.matchAll(/^([a-z_][a-zA-Z0-9_]*)(?:\{(.*)\})? (\S+)$/gm)].map(
    ([, name, labels = '', value]): Sample => ({ name, labels: readLabels(labels), value: Number(value) }),
  );
  return {
    text,
    value(name, labels = {}) {
      const series = samples.filter((sample) => sample.name === name && includes(sample.labels, labels));
      return series.length === 0 ? undefined : series.reduce((sum, sample) => sum + sample.value, 0);
    },
    labelNames(name) {
      const sample = samples.find((candidate) => candidate.name === name);
      return sample && Object.keys(sample.labels).sort();
    },
  };
}

function includes(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

function readLabels(text: string): Labels {
  return Object.fromEntries(
    [...text.matchAll(/([a-zA-Z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name, value]),
  );
}
