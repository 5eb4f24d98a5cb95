/** What is wrong at the moment, told once for as long as it stays wrong. */
export class StandingFaults {
  #standing: ReadonlySet<string> = new Set();
  readonly #begins: (fault: string) => void;

  constructor(begins: (fault: string) => void) {
    this.#begins = begins;
  }

  /** All that is wrong now; what was wrong before and is not among them has ended. */
  update(faults: readonly string[]): void {
    const before = this.#standing;
    this.#standing = new Set(faults);
    for (const fault of this.#standing) if (!before.has(fault)) this.#begins(fault);
  }
}
