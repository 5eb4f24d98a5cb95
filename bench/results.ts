/** What has been measured: for each figure and each server, one value a round. */

/** `disturbed`: somebody else had the cores meanwhile. */
type Value = { readonly value: number; readonly disturbed: boolean };

/** Disturbed values count only where there are no others. */
export class Results {
  readonly #values = new Map<string, Value[]>();

  add(figure: string, subject: string, value: number, { disturbed }: { disturbed: boolean }): void {
    this.#of(figure, subject).push({ value, disturbed });
  }

  /** In the order of the rounds. */
  values(figure: string, subject: string): number[] {
    return best(this.#of(figure, subject)).map(({ value }) => value);
  }

  /** NaN if there is no value. */
  median(figure: string, subject: string): number {
    return medianOf(this.values(figure, subject));
  }

  /**
   * The median of the proportions in each round: what slowed the machine down for a while slowed down both. NaN if one
   * of them was not measured.
   */
  ratio(figure: string, subject: string, otherFigure: string, otherSubject: string): number {
    const others = this.#of(otherFigure, otherSubject);
    const ratios = this.#of(figure, subject).map(({ value, disturbed }, round) => ({
      value: value / (others[round]?.value ?? Number.NaN),
      disturbed: disturbed || (others[round]?.disturbed ?? false),
    }));
    return medianOf(best(ratios).map(({ value }) => value));
  }

  /** Of all rounds; NaN if there is no value. */
  sum(figure: string, subject: string): number {
    const values = this.#of(figure, subject);
    return values.length === 0 ? Number.NaN : values.reduce((sum, { value }) => sum + value, 0);
  }

  has(figure: string): boolean {
    return [...this.#values].some(([key, values]) => key.startsWith(`${figure} `) && values.length > 0);
  }

  #of(figure: string, subject: string): Value[] {
    const key = `${figure} ${subject}`;
    const values = this.#values.get(key) ?? [];
    this.#values.set(key, values);
    return values;
  }
}

function best(values: readonly Value[]): readonly Value[] {
  const undisturbed = values.filter(({ disturbed }) => !disturbed);
  return undisturbed.length > 0 ? undisturbed : values;
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
