import type { Cursor } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import { expectArgs, expectNoBody, parseDuration, unknownProperty } from '../../corefile/values.ts';
import { typeName } from '../../wire/types.ts';
import { after } from '../after.ts';
import type { Block, Directive, Handler, Outcome, Query } from '../contract.ts';
import { compilePattern } from '../pattern.ts';
import { Consolidation, type Level, type Pattern } from './consolidation.ts';

const NAME = 'errors';
const DEFAULT_LEVEL = 'error';
const LEVELS: readonly Level[] = ['warning', 'error', 'info', 'debug'];
const SHOW_FIRST = 'show_first';

export type ErrorsConfig = {
  /** With the stack in the log line of a fault that was recovered from. */
  readonly stacktrace: boolean;
  readonly patterns: readonly Pattern[];
};

/** Syntax: `errors [stdout] { stacktrace ; consolidate DURATION REGEXP [LEVEL] [show_first] }` */
export function parse(cursor: Cursor): ErrorsConfig {
  expectArgs(cursor, 0, 1);
  const [file] = cursor.args;
  if (file !== undefined && file.text !== 'stdout') {
    throw cursor.error(`invalid log file: "${file.text}", expected stdout or nothing`, file);
  }
  let stacktrace = false;
  const patterns: Pattern[] = [];
  for (const property of cursor.body) {
    expectNoBody(property);
    switch (property.name.text) {
      case 'stacktrace':
        expectArgs(property, 0, 0);
        stacktrace = true;
        break;
      case 'consolidate':
        patterns.push(parsePattern(property));
        break;
      default:
        throw unknownProperty(property, ['stacktrace', 'consolidate']);
    }
  }
  return { stacktrace, patterns };
}

function parsePattern(property: Cursor): Pattern {
  expectArgs(property, 2, 4);
  const [period, regexp, ...options] = property.args;
  const showFirst = options.at(-1)?.text === SHOW_FIRST;
  if (showFirst) options.pop();
  const [level, extra] = options;
  if (extra !== undefined) throw property.error(`consolidate: expected ${SHOW_FIRST}, got "${extra.text}"`, extra);
  return {
    periodMs: parseDuration(property, period, { name: 'consolidate: DURATION', minMs: 0 }),
    regexp: compilePattern(property, regexp, 'consolidate: REGEXP'),
    level: level === undefined ? DEFAULT_LEVEL : parseLevel(property, level),
    showFirst,
  };
}

function parseLevel(property: Cursor, token: Token): Level {
  const level = LEVELS.find((name) => name === token.text);
  if (level !== undefined) return level;
  throw property.error(`consolidate: LEVEL must be ${LEVELS.join(', ')}, got "${token.text}"`, token);
}

function setup({ stacktrace, patterns }: ErrorsConfig, block: Block) {
  block.listener.stacktrace = stacktrace;
  const log = block.log.plugin(NAME);
  const consolidations = patterns.map((pattern) => new Consolidation(pattern, log));
  let stopped = false;
  block.onStop(() => {
    stopped = true;
    for (const consolidation of consolidations) consolidation.flush();
  });

  const report = (query: Query, outcome: Outcome): Outcome => {
    if (outcome.error === undefined) return outcome;
    const text = outcome.error.message;
    const line = `${outcome.rcode} ${query.qname} ${typeName(query.qtype)}: ${text}`;
    const consolidation = stopped ? undefined : consolidations.find((candidate) => candidate.matches(text));
    if (consolidation === undefined) log.error(line);
    else consolidation.add(line);
    return outcome;
  };
  return (next: Handler): Handler =>
    (query) =>
      after(next(query), (outcome) => report(query, outcome));
}

/** Prints the errors that the rest of the chain comes back with, which are silent otherwise. */
export const errors: Directive<ErrorsConfig> = {
  name: NAME,
  repeat: 'once',
  parse,
  setup,
  allowHits: () => true, // They come without an error.
};
