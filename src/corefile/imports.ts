import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError } from './errors.ts';
import { expandGlob, hasWildcard } from './glob.ts';
import { lex, type RawToken } from './lexer.ts';
import type { Source } from './stream.ts';
import type { Token } from './token.ts';

// Without loops, which are found apart, only imports of imports can grow beyond reason.
const MAX_SNIPPET_IMPORTS = 10_000;
const MAX_FILE_IMPORTS = 100_000;

export type FileAccess = {
  /** The text of a file; throws as node:fs does. */
  readonly readFile?: (path: string) => string;
  /** The names of a directory's entries. */
  readonly readDirectory?: (path: string) => readonly string[];
};

/** What `import` can name: the snippets defined so far, and files. */
export class Imports {
  /** Absolute paths of the files read, in order. */
  readonly paths: string[] = [];
  readonly #snippets = new Map<string, readonly RawToken[]>();
  readonly #files = new Map<string, readonly RawToken[]>();
  readonly #readFile: (path: string) => string;
  readonly #readDirectory: (path: string) => readonly string[];
  readonly #directoryOf: (file: string) => string;
  readonly #warn: (warning: ConfigError) => void;
  #snippetImports = 0;
  #fileImports = 0;

  /** `directoryOf` says what the paths in a file are relative to. */
  constructor(
    { readFile, readDirectory }: FileAccess,
    directoryOf: (file: string) => string,
    warn: (warning: ConfigError) => void,
  ) {
    this.#directoryOf = directoryOf;
    this.#warn = warn;
    this.#readFile = readFile ?? ((path) => readFileSync(path, 'utf8'));
    this.#readDirectory = readDirectory ?? ((path) => readdirSync(path));
  }

  /** `body` are the words between the braces of `(NAME) { }`. */
  defineSnippet(token: Token, name: string, body: readonly RawToken[]): void {
    if (this.#snippets.has(name))
      throw new ConfigError(token, `snippet "${name}" is defined already; give it another name`);
    const [first, ...rest] = body;
    const tokens = first ? [{ ...first, startsLine: true }, ...rest] : [];
    for (const [index, word] of tokens.entries()) {
      if (word.startsLine && word.text === 'import' && tokens[index + 1]?.text === name) {
        this.#snippets.set(name, []); // So that who imports it does not fail as well.
        throw new ConfigError(word, `snippet "${name}" imports itself, which would never end`);
      }
    }
    this.#snippets.set(name, tokens);
  }

  /** Throws where imports have multiplied beyond reason. */
  checkLimits(argument: Token): void {
    if (this.#snippetImports < MAX_SNIPPET_IMPORTS && this.#fileImports < MAX_FILE_IMPORTS) return;
    const limits = `${MAX_SNIPPET_IMPORTS} snippets or ${MAX_FILE_IMPORTS} files`;
    throw new ConfigError(argument, `import: more than ${limits} are imported`);
  }

  /** The sources that an import's argument names, in order: the snippet, else the file or all files of a pattern. */
  find(argument: Token): Source[] {
    const snippet = this.#snippets.get(argument.text);
    if (snippet) {
      this.#snippetImports++;
      return [{ id: `(${argument.text})`, tokens: snippet }];
    }
    return this.#findPaths(argument).map((path) => ({ id: path, tokens: this.#tokensOf(path, argument) }));
  }

  /** Paths are relative to the file that the import stands in, also when that is in a snippet. */
  #findPaths(argument: Token): string[] {
    const path = resolve(this.#directoryOf(argument.file), argument.text);
    if (countOf(path, '*') > 1 || countOf(path, '?') > 1 || (path.includes('[') && path.includes(']'))) {
      const rule = 'a pattern may have one * and one ?, and no [ ]';
      throw new ConfigError(argument, `import: ${rule}, got "${argument.text}"`);
    }
    if (!hasWildcard(path)) return [path];
    const matches = expandGlob(path, this.#readDirectory);
    if (matches.length === 0) {
      this.#warn(new ConfigError(argument, `import: no files matching import glob pattern: ${argument.text}`));
    }
    return matches;
  }

  #tokensOf(path: string, argument: Token): readonly RawToken[] {
    this.#fileImports++;
    let tokens = this.#files.get(path);
    if (!tokens) {
      tokens = lex(this.#textOf(path, argument), path);
      this.#files.set(path, tokens);
      this.paths.push(path);
    }
    return tokens;
  }

  #textOf(path: string, argument: Token): string {
    try {
      return this.#readFile(path);
    } catch (cause) {
      throw new ConfigError(argument, `import: ${readProblem(argument.text, path, cause)}`);
    }
  }
}

function readProblem(written: string, path: string, cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const where = written === path ? `"${path}"` : `"${written}" (${path})`;
  if (code === 'ENOENT' || code === 'ENOTDIR') return `there is no snippet and no file ${where}`;
  if (code === 'EISDIR') return `${where} is a directory; name its files, such as "${written}/*"`;
  return `cannot read ${where}: ${cause instanceof Error ? cause.message : cause}`;
}

function countOf(text: string, character: string): number {
  return text.split(character).length - 1;
}
