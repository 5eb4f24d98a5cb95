import { unescapeBytes } from './character-string.ts';
import { nameFromText, type WireName } from './name.ts';
import { PresentationError } from './presentation-error.ts';
import type { Word } from './words.ts';

/** The words of a record behind its type, taken one after the other. */
export class RdataWords {
  readonly #words: readonly Word[];
  readonly #origin: string;
  #next = 0;

  /** `origin` completes relative names. */
  constructor(words: readonly Word[], origin: string) {
    this.#words = words;
    this.#origin = origin;
  }

  /** The next word without looking at its escapes; `what` names it for the error if there is none. */
  text(what: string): string {
    const word = this.#words[this.#next++];
    if (word === undefined) throw new PresentationError(`${what} is missing`);
    return word.text;
  }

  /** A decimal number from 0 to `max`. */
  number(what: string, max: number): number {
    const text = this.text(what);
    if (!/^\d{1,10}$/.test(text) || Number(text) > max) {
      throw new PresentationError(`${what} must be 0..${max}, got "${text}"`);
    }
    return Number(text);
  }

  bytes(what: string): Uint8Array {
    return unescapeBytes(this.text(what));
  }

  name(what: string): WireName {
    return absoluteName(this.text(what), this.#origin, what);
  }

  /** All words that are left. */
  rest(): string[] {
    const words = this.#words.slice(this.#next).map((word) => word.text);
    this.#next = this.#words.length;
    return words;
  }

  end(): void {
    const word = this.#words[this.#next];
    if (word !== undefined) throw new PresentationError(`unexpected "${word.text}" at the end`);
  }
}

/** A name as written, `@` being the origin, and the origin behind it unless it ends in a dot. */
export function absoluteName(text: string, origin: string, what: string): WireName {
  const isAbsolute = /(^|[^\\])(\\\\)*\.$/.test(text);
  let absolute = isAbsolute ? text : `${text}.${origin === '.' ? '' : origin}`;
  if (text === '@') absolute = origin;
  const name = nameFromText(absolute);
  if (name === undefined) throw new PresentationError(`${what} "${text}" is not a domain name`);
  return name;
}
