/**
 * What is counted: one series each, bound to its label values. Counting is an addition to a number and allocates
 * nothing; whatever costs something happens when the metrics are read.
 */
export type Labels = { readonly [name: string]: string };

/** One line of the exposition. */
export type Sample = { readonly metricName: string; readonly labels: Labels; readonly value: number };

export interface Series<Self> {
  clone(): Self;
  samples(name: string, labels: Labels): Sample[];
}

export class Counter implements Series<Counter> {
  value = 0;

  /** Adds `n`, which must not be negative. */
  inc(n = 1): void {
    this.value += n;
  }

  clone(): Counter {
    const copy = new Counter();
    copy.value = this.value;
    return copy;
  }

  samples(metricName: string, labels: Labels): Sample[] {
    return [{ metricName, labels, value: this.value }];
  }
}

export class Gauge implements Series<Gauge> {
  value = 0;

  set(n: number): void {
    this.value = n;
  }

  add(n: number): void {
    this.value += n;
  }

  clone(): Gauge {
    const copy = new Gauge();
    copy.value = this.value;
    return copy;
  }

  samples(metricName: string, labels: Labels): Sample[] {
    return [{ metricName, labels, value: this.value }];
  }
}

export class Histogram implements Series<Histogram> {
  readonly #bounds: Float64Array;
  /** Observations at or below each bound and above the one before, those above all bounds, and the sum of all. */
  readonly #cells: Float64Array;

  /** `bounds` ascend. */
  constructor(bounds: Float64Array) {
    this.#bounds = bounds;
    this.#cells = new Float64Array(bounds.length + 2);
  }

  observe(x: number): void {
    const bounds = this.#bounds;
    const last = bounds.length;
    let bucket = 0;
    while (bucket < last && x > bounds[bucket]) bucket++;
    this.#cells[bucket] += 1;
    this.#cells[last + 1] += x;
  }

  /** Adds observations counted elsewhere: from `start` on, a count for each bound, one for what is above all, the sum. */
  add(cells: ArrayLike<number>, start = 0): void {
    for (let cell = 0; cell < this.#cells.length; cell++) this.#cells[cell] += cells[start + cell];
  }

  clone(): Histogram {
    const copy = new Histogram(this.#bounds);
    copy.#cells.set(this.#cells);
    return copy;
  }

  /** In the exposition each bucket holds the ones below it too. */
  samples(name: string, labels: Labels): Sample[] {
    const samples: Sample[] = [];
    let count = 0;
    for (const [bucket, bound] of this.#bounds.entries()) {
      count += this.#cells[bucket];
      samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: String(bound) }, value: count });
    }
    count += this.#cells[this.#bounds.length];
    samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count });
    samples.push({ metricName: `${name}_sum`, labels, value: this.#cells[this.#bounds.length + 1] });
    samples.push({ metricName: `${name}_count`, labels, value: count });
    return samples;
  }
}
