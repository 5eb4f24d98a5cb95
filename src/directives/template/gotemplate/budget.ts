import type { Work } from './values.ts';

/**
 * Of one execution: a template runs for names that anybody may ask for, and none may hold up the others. A step takes 0.1
 * to 0.4 µs, and the usual template 20 to 50 of them.
 */
const MAX_STEPS = 2_000;
/** Nodes within nodes and templates within templates, so that the stack suffices. */
const MAX_DEPTH = 100;
const MAX_OUTPUT_CHARACTERS = 16_384;
/** Text that is copied or searched at the cost of one step. */
const CHARACTERS_PER_STEP = 16;

export class BudgetError extends Error {
  override readonly name = 'BudgetError';
}

/** What is left of all that an execution may take. */
export class Budget implements Work {
  output = '';
  #steps = MAX_STEPS;
  #depth = 0;

  step(): void {
    this.#spend(1);
  }

  spendOn(characters: number): void {
    this.#spend(Math.ceil(characters / CHARACTERS_PER_STEP));
  }

  write(text: string): void {
    this.spendOn(text.length);
    if (this.output.length + text.length > MAX_OUTPUT_CHARACTERS) {
      throw new BudgetError(`output exceeds ${MAX_OUTPUT_CHARACTERS} characters`);
    }
    this.output += text;
  }

  /** Goes a level down; `leave` comes up again. */
  enter(): void {
    if (++this.#depth > MAX_DEPTH) throw new BudgetError(`nested more than ${MAX_DEPTH} times`);
    this.step();
  }

  leave(): void {
    this.#depth--;
  }

  #spend(steps: number): void {
    this.#steps -= steps;
    if (this.#steps < 0) throw new BudgetError(`takes more than ${MAX_STEPS} steps`);
  }
}
