/** From the text of a Corefile to server blocks; spec: corefile.md sections 1 to 6. Nothing but imported files is read. */
import { dirname, resolve } from 'node:path';
import { type Corefile, Cursor, type ServerBlock } from './cursor.ts';
import { type Environment, substitute } from './environment.ts';
import { ConfigError, throwConfigErrors } from './errors.ts';
import { type FileAccess, Imports } from './imports.ts';
import { parseKey } from './keys.ts';
import { lex, type RawToken } from './lexer.ts';
import { TokenStream } from './stream.ts';
import { didYouMean } from './suggest.ts';
import type { Position, Token } from './token.ts';

/** Braces within braces: more is a mistake, and recursion must end before the stack does. */
const MAX_DEPTH = 100;

export type ParseOptions = FileAccess & {
  readonly env: Environment;
  /** Port of keys without one. */
  readonly defaultPort: number;
  /** All names that a directive may have; without them any is accepted. */
  readonly directiveNames?: readonly string[];
  /** Where each line of the main text comes from, if it was put together from other files: errors name those. */
  readonly origins?: readonly Position[];
};

/**
 * Parses the main Corefile, named `file` in errors. Throws one ConfigError, or ConfigErrors with all faults that do not
 * follow from each other; an unpaired brace ends the search. No server blocks are no error.
 */
export function parseCorefile(text: string, file: string, options: ParseOptions): Corefile {
  return new Parser(text, file, options).parse();
}

class Parser {
  readonly #options: ParseOptions;
  readonly #file: string;
  readonly #directiveNames: ReadonlySet<string> | undefined;
  readonly #imports: Imports;
  readonly #stream = new TokenStream();
  readonly #blocks: ServerBlock[] = [];
  /** By message: a snippet imported twice has its faults once. */
  readonly #errors = new Map<string, ConfigError>();
  readonly #warnings: string[] = [];

  constructor(text: string, file: string, options: ParseOptions) {
    this.#options = options;
    this.#file = file;
    this.#directiveNames = options.directiveNames && new Set(options.directiveNames);
    const { origins = [] } = options;
    // Imports are relative to the main file, wherever its lines come from.
    const places = new Set(origins.map((origin) => origin.file));
    const directoryOf = (of: string) => dirname(places.has(of) ? file : of);
    this.#imports = new Imports(options, directoryOf, (warning) => this.#warnings.push(warning.message));
    const tokens = lex(text, file).map((token) => placed(token, origins));
    this.#stream.insert([{ id: resolve(file), tokens }]);
  }

  parse(): Corefile {
    this.#attempt(() => {
      while (this.#stream.peek()) this.#readBlock();
    });
    throwConfigErrors([...this.#errors.values()]);
    return { blocks: this.#blocks, warnings: this.#warnings, sources: [this.#file, ...this.#imports.paths] };
  }

  #readBlock(): void {
    const keys = this.#readKeys();
    if (keys.length === 0) return;
    const [key] = keys;
    if (keys.length === 1 && /^\(.*\)$/s.test(key.text)) this.#readSnippet(key);
    else this.#readServerBlock(keys);
  }

  #readServerBlock(keys: readonly Token[]): void {
    const parsed = keys.flatMap((key) => this.#attempt(() => parseKey(key, this.#options.defaultPort)) ?? []);
    const open = this.#takeBrace('{');
    if (!open) this.#warnOfKeys(keys);
    const directives = this.#readDirectives(open);
    if (parsed.length > 0) this.#blocks.push({ keys: parsed, directives });
  }

  /** `KEY[,] [KEY...]`; a comma lets the list go on in the next line. Imports at its start are followed. */
  #readKeys(): Token[] {
    const keys: Token[] = [];
    let started = false;
    let wantsAnother = false;
    for (;;) {
      const raw = this.#stream.peek();
      if (!raw || (started && !wantsAnother && raw.startsLine)) break;
      const token = substitute(raw, this.#options.env);
      if (token.text === '{' && !raw.quoted) break;
      this.#stream.next();
      if (token.text === 'import' && raw.startsLine) {
        this.#import(token);
        continue;
      }
      started = true;
      if (token.text === '') continue;
      wantsAnother = token.text.endsWith(',');
      const text = wantsAnother ? token.text.slice(0, -1) : token.text;
      if (text === '') throw new ConfigError(token, 'expected a zone before ","');
      if (isBrace(raw, '}') && this.#stream.peek())
        throw new ConfigError(token, 'unexpected "}": no block is open, remove it');
      keys.push({ text, file: token.file, line: token.line });
    }
    const next = this.#stream.peek();
    if (wantsAnother) throw this.#unexpected(next, 'another zone after ","; remove the comma if there is none');
    if (keys.length === 0 && (started || next))
      throw this.#unexpected(next, 'the zones of a server block, such as "."');
    return keys;
  }

  #warnOfKeys(keys: readonly Token[]): void {
    for (const key of keys) {
      const { text } = key;
      if (text === '}') this.#warn(key, 'stray "}" stands for a server block of the zone "}."; remove it');
      else if (text.endsWith('{')) this.#warn(key, `"${text}" is taken as a zone; put a space before "{"`);
    }
  }

  /** Keeps the words between the braces as they are: they are read where they are imported. */
  #readSnippet(key: Token): void {
    const open = this.#takeBrace('{');
    if (!open) throw this.#unexpected(this.#stream.peek(), `"{" and the lines of the snippet ${key.text}`);
    const body: RawToken[] = [];
    for (let depth = 1; ; ) {
      const raw = this.#stream.next() ?? this.#unclosed(open);
      if (isBrace(raw, '{')) depth++;
      if (isBrace(raw, '}')) depth--;
      if (depth === 0) break;
      body.push(raw);
    }
    this.#attempt(() => this.#imports.defineSnippet(key, key.text.slice(1, -1), body));
  }

  /** The directives of a block up to its closing brace; without an opening one, up to the end of the file. */
  #readDirectives(open: RawToken | undefined): Cursor[] {
    const directives: Cursor[] = [];
    for (;;) {
      const raw = this.#stream.next();
      if (!raw) {
        if (open) this.#unclosed(open);
        return directives;
      }
      if (isBrace(raw, '}')) {
        if (!open) this.#warn(raw, 'this "}" ends a server block that has no "{"');
        return directives;
      }
      if (isBrace(raw, '{')) throw new ConfigError(raw, 'unexpected "{": expected a directive');
      if (raw.text === 'import') {
        this.#import(raw);
        continue;
      }
      const directive = this.#readLine(raw, undefined, 0);
      this.#checkName(directive.name);
      directives.push(directive);
    }
  }

  /** One directive, or one property of `directive`: a name, the words on its line, and a body in braces. */
  #readLine(first: RawToken, directive: Token | undefined, depth: number): Cursor {
    const name = this.#tokenOf(first);
    const owner = directive ?? name;
    const args: Token[] = [];
    let next = this.#stream.peekOnLine();
    while (next && !isBrace(next)) {
      args.push(this.#tokenOf(next));
      this.#stream.next();
      next = this.#stream.peekOnLine();
    }
    let body: Cursor[] = [];
    const open = this.#takeBrace('{');
    if (open) {
      if (open.startsLine) throw new ConfigError(open, `"{" must stand on the line of "${name.text}", at its end`);
      body = this.#readBody(open, owner, depth + 1);
      next = this.#stream.peekOnLine();
    }
    // A property's line may end with the brace that closes the body around it.
    if (next && !(directive && isBrace(next, '}'))) {
      throw new ConfigError(next, `unexpected "${next.text}" on the line of "${name.text}": expected a new line`);
    }
    return new Cursor({ directive: owner, name, args, body });
  }

  #readBody(open: RawToken, directive: Token, depth: number): Cursor[] {
    if (depth > MAX_DEPTH) throw new ConfigError(open, `braces are nested more than ${MAX_DEPTH} deep`);
    const lines: Cursor[] = [];
    for (;;) {
      const raw = this.#stream.next() ?? this.#unclosed(open);
      if (isBrace(raw, '}')) return lines;
      if (isBrace(raw, '{')) throw new ConfigError(raw, `unexpected "{": expected a property of ${directive.text}`);
      if (raw.text === 'import') this.#import(raw, true);
      else lines.push(this.#readLine(raw, directive, depth));
    }
  }

  /** The rest of `import ARGUMENT`: what it names is read next. Within a body a closing brace may end the line. */
  #import(word: Token, inBody = false): void {
    const args: RawToken[] = [];
    for (let raw = this.#stream.peekOnLine(); raw; raw = this.#stream.peekOnLine()) {
      if (inBody && isBrace(raw, '}')) break;
      args.push(raw);
      this.#stream.next();
    }
    const [first, extra] = args;
    const argument = first && !isBrace(first) ? this.#tokenOf(first) : undefined;
    if (!argument || extra || argument.text === '') {
      throw new ConfigError(word, 'import: expected one argument on its line: a snippet, a file or a glob pattern');
    }
    this.#imports.checkLimits(argument);
    const sources = this.#attempt(() => this.#imports.find(argument)) ?? [];
    for (const { id } of sources) {
      if (this.#stream.isInside(id)) throw new ConfigError(argument, `import: ${id} imports itself, without end`);
    }
    this.#stream.insert(sources);
  }

  #checkName(name: Token): void {
    if (this.#directiveNames === undefined || this.#directiveNames.has(name.text)) return;
    const hint = name.text.endsWith('{')
      ? '; put a space before "{"'
      : didYouMean(name.text, this.#directiveNames) || '; "nodens -plugins" lists those there are';
    this.#note(new ConfigError(name, `unknown directive "${name.text}"${hint}`));
  }

  #tokenOf(raw: RawToken): Token {
    const { text, file, line } = substitute(raw, this.#options.env);
    return { text, file, line };
  }

  #takeBrace(brace: '{' | '}'): RawToken | undefined {
    const raw = this.#stream.peek();
    return raw && isBrace(raw, brace) ? this.#stream.next() : undefined;
  }

  /** The error for `token`, or for the end of the file. */
  #unexpected(token: RawToken | undefined, expected: string): ConfigError {
    if (token) return new ConfigError(token, `unexpected "${token.text}": expected ${expected}`);
    const { last } = this.#stream;
    const hint = last?.unclosed ? `; the quote of line ${last.line} is never closed` : '';
    return new ConfigError(this.#end(), `unexpected end of file: expected ${expected}${hint}`);
  }

  #unclosed(open: RawToken): never {
    const where = open.file === this.#end().file ? `line ${open.line}` : `${open.file}:${open.line}`;
    throw this.#unexpected(undefined, `"}" for the "{" of ${where}`);
  }

  #end(): Position {
    const last = this.#stream.last;
    return last ? { file: last.file, line: last.endLine } : { file: this.#file, line: 1 };
  }

  #warn(at: Position, message: string): void {
    this.#warnings.push(new ConfigError(at, message).message);
  }

  /** Notes the error if `read` fails, so that the next ones are found as well. */
  #attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#note(error);
      return undefined;
    }
  }

  #note(error: ConfigError): void {
    this.#errors.set(error.message, error);
  }
}

function placed(token: RawToken, origins: readonly Position[]): RawToken {
  const [start, end] = [origins[token.line - 1], origins[token.endLine - 1]];
  return start && end ? { ...token, file: start.file, line: start.line, endLine: end.line } : token;
}

function isBrace(raw: RawToken, brace?: '{' | '}'): boolean {
  if (raw.quoted) return false;
  return brace === undefined ? raw.text === '{' || raw.text === '}' : raw.text === brace;
}
