import PublishedMetric from 'prom-client/lib/gauge.js';
import Registry from 'prom-client/lib/registry.js';
import { Counter, Gauge, Histogram, type Labels, type Sample, type Series } from './series.ts';

export { SIZE_BUCKETS, SLIM_BUCKETS, TIME_BUCKETS } from './buckets.ts';
export { Counter, Gauge, Histogram } from './series.ts';

// Label values cannot hold it: names have it escaped.
const KEY_SEPARATOR = '\0';

export type CounterFamily = Family<Counter>;
export type GaugeFamily = Family<Gauge>;
export type HistogramFamily = Family<Histogram>;

/** Adds what is counted elsewhere, whenever the metrics are read, to the series that `labels` gives. */
export type Source<Child> = (labels: (...values: string[]) => Child) => void;

/**
 * The metrics of the process. Families are published through a prom-client registry, but their series are our own:
 * counting through prom-client costs a hash of the labels per call.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #collectors = new Set<() => void>();
  readonly #counters = new Map<string, CounterFamily>();
  readonly #gauges = new Map<string, GaugeFamily>();
  readonly #histograms = new Map<string, HistogramFamily>();

  get contentType(): string {
    return this.registry.contentType;
  }

  /** The text exposition of everything. */
  expose(): Promise<string> {
    for (const collect of this.#collectors) collect();
    return this.registry.metrics();
  }

  /** Has `collect` bring in what is counted elsewhere, whenever the metrics are read. Returns what ends that. */
  beforeExposing(collect: () => void): () => void {
    this.#collectors.add(collect);
    return () => this.#collectors.delete(collect);
  }

  /** The counter of that name, made when it is asked for first; without labels it stands at 0 at once. */
  counter(name: string, help: string, labelNames: readonly string[] = []): CounterFamily {
    const known = this.#counters.get(name);
    if (known !== undefined) return known;
    const family = new Family(name, labelNames, () => new Counter());
    this.#publish('counter', help, family);
    this.#counters.set(name, family);
    return family;
  }

  gauge(name: string, help: string, labelNames: readonly string[] = []): GaugeFamily {
    const known = this.#gauges.get(name);
    if (known !== undefined) return known;
    const family = new Family(name, labelNames, () => new Gauge());
    this.#publish('gauge', help, family);
    this.#gauges.set(name, family);
    return family;
  }

  /** `buckets`: upper bounds, ascending, without the infinite one. */
  histogram(name: string, help: string, labelNames: readonly string[], buckets: readonly number[]): HistogramFamily {
    const known = this.#histograms.get(name);
    if (known !== undefined) return known;
    const bounds = Float64Array.from(buckets);
    const family = new Family(name, labelNames, () => new Histogram(bounds));
    this.#publish('histogram', help, family);
    this.#histograms.set(name, family);
    return family;
  }

  /** Registers a metric whose type and values are ours: the registry only asks it what to print. */
  #publish(type: string, help: string, family: CounterFamily | GaugeFamily | HistogramFamily): void {
    const metric = new PublishedMetric({ name: family.name, help, registers: [this.registry] });
    Object.assign(metric, { get: async () => ({ name: family.name, help, type, values: family.samples() }) });
  }
}

type LabelledSeries<Child> = { readonly labels: Labels; readonly child: Child };

/** All series of one metric. */
export class Family<Child extends Series<Child>> {
  readonly name: string;
  readonly #labelNames: readonly string[];
  readonly #make: () => Child;
  readonly #series = new Map<string, LabelledSeries<Child>>();
  readonly #sources = new Set<Source<Child>>();

  constructor(name: string, labelNames: readonly string[], make: () => Child) {
    this.name = name;
    this.#labelNames = labelNames;
    this.#make = make;
    if (labelNames.length === 0) this.labels();
  }

  /** The series of these label values, made at first: to be kept by whoever counts often. */
  labels(...values: string[]): Child {
    return this.#childOf(this.#series, values);
  }

  /** Ends a series; whoever still holds it counts for nobody. */
  remove(...values: string[]): void {
    this.#series.delete(values.join(KEY_SEPARATOR));
  }

  /** Ends all series. */
  reset(): void {
    this.#series.clear();
    if (this.#labelNames.length === 0) this.labels();
  }

  /** Adds a source of values that are only fetched when the metrics are read. Returns what takes it away again. */
  addSource(source: Source<Child>): () => void {
    this.#sources.add(source);
    return () => this.#sources.delete(source);
  }

  /** Everything counted here and by the sources. */
  samples(): Sample[] {
    let all = this.#series;
    if (this.#sources.size > 0) {
      const sum = new Map<string, LabelledSeries<Child>>();
      for (const [key, { labels, child }] of this.#series) sum.set(key, { labels, child: child.clone() });
      for (const source of this.#sources) source((...values) => this.#childOf(sum, values));
      all = sum;
    }
    return Array.from(all.values(), ({ labels, child }) => child.samples(this.name, labels)).flat();
  }

  #childOf(series: Map<string, LabelledSeries<Child>>, values: string[]): Child {
    const key = values.join(KEY_SEPARATOR);
    const known = series.get(key);
    if (known !== undefined) return known.child;
    const names = this.#labelNames;
    if (values.length !== names.length) {
      throw new Error(`${this.name} has the labels {${names.join()}}, got ${values.length} values`);
    }
    const child = this.#make();
    // Sorted, as Go's client prints them: people grep for whole lines.
    const labels = Object.fromEntries(names.map((name, i) => [name, values[i]]).sort());
    series.set(key, { labels, child });
    return child;
  }
}
