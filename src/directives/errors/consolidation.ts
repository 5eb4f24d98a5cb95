import type { RE2JS } from 're2js';
import { durationText } from '../../corefile/duration.ts';
import type { Logger } from '../../observe/logger.ts';

const MAX_TIMER_MS = 2 ** 31 - 1;

export type Level = 'warning' | 'error' | 'info' | 'debug';

export type Pattern = {
  readonly regexp: RE2JS;
  readonly periodMs: number;
  readonly level: Level;
  /** The first error of a period is printed in full, and the summary only if others followed. */
  readonly showFirst: boolean;
};

/** Errors that match one pattern: counted for a period from the first one on, then told in one line. */
export class Consolidation {
  readonly #pattern: Pattern;
  readonly #log: Logger;
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(pattern: Pattern, log: Logger) {
    this.#pattern = pattern;
    this.#log = log;
  }

  matches(text: string): boolean {
    return this.#pattern.regexp.test(text);
  }

  /** Counts an error; `line` is what would be printed of it. */
  add(line: string): void {
    const { level, periodMs, showFirst } = this.#pattern;
    this.#count++;
    if (this.#count > 1) return;
    if (showFirst) this.#log[level](line);
    this.#timer = setTimeout(() => this.flush(), Math.min(periodMs, MAX_TIMER_MS));
  }

  /** Ends the period. */
  flush(): void {
    const { regexp, periodMs, level, showFirst } = this.#pattern;
    clearTimeout(this.#timer);
    if (this.#count > (showFirst ? 1 : 0)) {
      this.#log[level](`${this.#count} errors like '${regexp.pattern()}' occurred in last ${durationText(periodMs)}`);
    }
    this.#count = 0;
  }
}
