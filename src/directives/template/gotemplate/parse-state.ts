import type { Token, TokenKind } from './lexer.ts';
import type { Node } from './nodes.ts';
import { TemplateSyntaxError } from './template-error.ts';

/** So that no template can exhaust the stack. */
const MAX_NESTING = 50;

/** How far the parser is. */
export class ParseState {
  readonly name: string;
  readonly text: string;
  readonly functions: { has(name: string): boolean };
  readonly definitions = new Map<string, readonly Node[]>();
  /** Names of the variables that can be used here. */
  variables = ['$'];
  /** How many `range` this is in. */
  rangeDepth = 0;
  readonly #tokens: readonly Token[];
  #next = 0;
  #nesting = 0;

  constructor(name: string, text: string, tokens: readonly Token[], functions: { has(name: string): boolean }) {
    this.name = name;
    this.text = text;
    this.functions = functions;
    this.#tokens = tokens;
  }

  /** The last token comes again and again. */
  next(): Token {
    const token = this.peek();
    this.#next++;
    return token;
  }

  peek(): Token {
    return this.#tokens[Math.min(this.#next, this.#tokens.length - 1)];
  }

  nextNonSpace(): Token {
    this.skipSpaces();
    return this.next();
  }

  peekNonSpace(): Token {
    this.skipSpaces();
    return this.peek();
  }

  skipSpaces(): void {
    while (this.peek().kind === 'space') this.#next++;
  }

  /** To go back to with `rewind`. */
  get position(): number {
    return this.#next;
  }

  rewind(position: number): void {
    this.#next = position;
  }

  expect(kinds: readonly TokenKind[], context: string): Token {
    const token = this.nextNonSpace();
    if (!kinds.includes(token.kind)) throw this.unexpected(token, context);
    return token;
  }

  /** Runs `parse` one level deeper. */
  nested<Result>(parse: () => Result): Result {
    if (this.#nesting === MAX_NESTING) throw this.error(`nested more than ${MAX_NESTING} times`);
    this.#nesting++;
    const result = parse();
    this.#nesting--;
    return result;
  }

  unexpected(token: Token, context: string): TemplateSyntaxError {
    if (token.kind === 'error') return this.error(token.text, token);
    const shown = token.kind === 'end of text' ? 'end of the template' : `"${token.text}"`;
    return this.error(`unexpected ${shown} in ${context}`, token);
  }

  error(message: string, at: Token = this.#tokens[Math.max(0, this.#next - 1)] ?? this.peek()): TemplateSyntaxError {
    return new TemplateSyntaxError(`${this.name}: ${message}`, this.text, at.offset);
  }
}
