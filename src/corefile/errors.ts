import { getSystemErrorMessage } from 'node:util';
import type { Position } from './token.ts';

/** One fault of a configuration. The message is one line: `Corefile:12: cache: TTL must be 1..86400, got "0"`. */
export class ConfigError extends Error {
  override readonly name: string = 'ConfigError';
  readonly file: string;
  readonly line: number;

  /** `message` says what was wrong and what was expected, without the position. */
  constructor(at: Position, message: string) {
    super(oneLine(`${at.file}:${at.line}: ${message}`));
    this.file = at.file;
    this.line = at.line;
  }
}

/** Several faults found in one go; the message has a line for each. */
export class ConfigErrors extends Error {
  override readonly name: string = 'ConfigErrors';
  readonly errors: readonly ConfigError[];

  constructor(errors: readonly ConfigError[]) {
    super(errors.map((error) => error.message).join('\n'));
    this.errors = errors;
  }
}

/** Throws what was collected: nothing, the one error itself, or a ConfigErrors with all of them, in order of lines. */
export function throwConfigErrors(errors: readonly ConfigError[]): void {
  if (errors.length === 1) throw errors[0];
  const files = [...new Set(errors.map(({ file }) => file))];
  const fileOf = ({ file }: ConfigError) => files.indexOf(file);
  if (errors.length > 1) throw new ConfigErrors(errors.toSorted((a, b) => fileOf(a) - fileOf(b) || a.line - b.line));
}

/** What an error says, in one line also where it has several, for the log. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll('\n', '; ');
}

/** Why the system refused something, such as `no such file or directory`. */
export function systemReason(error: unknown): string {
  const errno = error instanceof Error && 'errno' in error ? error.errno : undefined;
  return typeof errno === 'number' ? getSystemErrorMessage(errno) : messageOf(error);
}

/** Quoted tokens may hold line breaks and other control characters; shown as escapes they keep a message on its line. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}|\p{Zl}|\p{Zp}/gu, (character) => JSON.stringify(character).slice(1, -1));
}
