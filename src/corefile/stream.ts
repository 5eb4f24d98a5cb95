import type { RawToken } from './lexer.ts';

/** Words that take the place of an import line, or the main file. */
export type Source = {
  /** What tells sources apart: the absolute path of a file, `(NAME)` of a snippet. */
  readonly id: string;
  readonly tokens: readonly RawToken[];
};

type Reading = Source & {
  position: number;
  /** The source that holds the import line. */
  readonly importer: Reading | undefined;
};

/** The words of a Corefile in order, those of imported sources in the place of their import line. */
export class TokenStream {
  /** What is read next is last. */
  readonly #stack: Reading[] = [];
  #current: Reading | undefined;
  #last: RawToken | undefined;

  /** The word that `next` gave last. */
  get last(): RawToken | undefined {
    return this.#last;
  }

  peek(): RawToken | undefined {
    let top = this.#stack.at(-1);
    while (top && top.position === top.tokens.length) {
      this.#stack.pop();
      top = this.#stack.at(-1);
    }
    return top?.tokens[top.position];
  }

  /** The next word unless it begins another line. */
  peekOnLine(): RawToken | undefined {
    const token = this.peek();
    return token?.startsLine ? undefined : token;
  }

  next(): RawToken | undefined {
    const token = this.peek();
    if (!token) return undefined;
    this.#current = this.#stack.at(-1);
    if (this.#current) this.#current.position++;
    this.#last = token;
    return token;
  }

  /** Reads `sources` next, in their order; the word given last belongs to their import line. */
  insert(sources: readonly Source[]): void {
    for (const source of sources.toReversed()) {
      this.#stack.push({ ...source, position: 0, importer: this.#current });
    }
  }

  /** Whether the word given last came from the source, directly or through imports. */
  isInside(id: string): boolean {
    for (let reading = this.#current; reading; reading = reading.importer) {
      if (reading.id === id) return true;
    }
    return false;
  }
}
