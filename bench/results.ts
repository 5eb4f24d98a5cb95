/** What has been measured: for each figure and each server, one value a round. */

/** A value, and whether somebody else had the cores when it was measured. */
export type Value = { readonly value: number; readonly disturbed: boolean };

/** Disturbed values count only where there are no others. What was not measured is NaN. */
export class Results {
  readonly #values = new Map<string, Value[]>();

  add(figure: string, subject: string, value: number, { disturbed }: { disturbed: boolean }): void {
    const values = this.#of(figure, subject);
    this.#values.set(keyOf(figure, subject), [...values, { value, disturbed }]);
  }

  /** In the order of the rounds. */
  values(figure: string, subject: string): number[] {
    return best(this.#of(figure, subject)).map(({ value }) => value);
  }

  median(figure: string, subject: string): Value {
    return medianOf(this.#of(figure, subject));
  }

  /** The median of the proportions in each round: what slowed the machine down for a while slowed down both. */
  ratio(figure: string, subject: string, otherFigure: string, otherSubject: string): Value {
    const others = this.#of(otherFigure, otherSubject);
    const ratios = this.#of(figure, subject).flatMap(({ value, disturbed }, round) => {
      const other = others[round];
      return other ? [{ value: value / other.value, disturbed: disturbed || other.disturbed }] : [];
    });
    return medianOf(ratios);
  }

  /** Of all rounds, disturbed or not: for what must never happen. */
  sum(figure: string, subject: string): number {
    const values = this.#of(figure, subject);
    return values.length === 0 ? Number.NaN : values.reduce((sum, { value }) => sum + value, 0);
  }

  has(figure: string, subjects: readonly string[]): boolean {
    return subjects.some((subject) => this.#of(figure, subject).length > 0);
  }

  #of(figure: string, subject: string): readonly Value[] {
    return this.#values.get(keyOf(figure, subject)) ?? [];
  }
}

function keyOf(figure: string, subject: string): string {
  return `${figure} of ${subject}`;
}

function best(values: readonly Value[]): readonly Value[] {
  const undisturbed = values.filter(({ disturbed }) => !disturbed);
  return undisturbed.length > 0 ? undisturbed : values;
}

function medianOf(values: readonly Value[]): Value {
  const sorted = best(values).toSorted((a, b) => a.value - b.value);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[sorted.length % 2 === 1 ? middle : middle - 1], sorted[middle]];
  return { value: high ? (low.value + high.value) / 2 : Number.NaN, disturbed: high?.disturbed ?? false };
}
