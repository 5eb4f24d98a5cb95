import type { Cursor } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import { expectArgs, expectNoBody } from '../../corefile/values.ts';
import { copyBytes } from '../../wire/bytes.ts';
import { FLAG_AA, FLAG_RA, FLAG_RD, setFlags } from '../../wire/header.ts';
import { MessageView, parseMessage } from '../../wire/view.ts';
import { after } from '../after.ts';
import type { Directive, Handler, Outcome, Query } from '../contract.ts';

const FLAGS = new Map([
  ['aa', FLAG_AA],
  ['ra', FLAG_RA],
  ['rd', FLAG_RD],
]);
const ACTIONS = ['set', 'clear'];

/** What becomes of a flags word: `flags & kept | set`. */
export type Change = { readonly kept: number; readonly set: number };
export type HeaderConfig = { readonly query: Change; readonly response: Change };

const ALL_FLAGS = 0xffff;
const NO_CHANGE: Change = { kept: ALL_FLAGS, set: 0 };

/** Syntax: `header { [query|response] set|clear FLAG... }` */
export function parse(cursor: Cursor): HeaderConfig {
  expectArgs(cursor, 0, 0);
  if (!cursor.hasBody) throw cursor.error('needs a block with at least one line such as "response set ra"');
  const config = { query: NO_CHANGE, response: NO_CHANGE };
  for (const line of cursor.body) {
    expectNoBody(line);
    const side = sideOf(line);
    const [action, ...flags] = line.name.text.toLowerCase() === side ? line.args : [line.name, ...line.args];
    config[side] = then(config[side], changeOf(line, action, flags));
  }
  return config;
}

/** Without a word for it, lines are about responses: once there was nothing else. */
function sideOf(line: Cursor): keyof HeaderConfig {
  const word = line.name.text.toLowerCase();
  if (word === 'query') return 'query';
  if (word === 'response' || ACTIONS.includes(word)) return 'response';
  throw line.error(`expected query, response, set or clear, got "${line.name.text}"`);
}

function changeOf(line: Cursor, action: Token | undefined, flags: readonly Token[]): Change {
  const word = action?.text.toLowerCase() ?? '';
  if (!ACTIONS.includes(word)) throw line.error(`expected set or clear, got "${action?.text ?? ''}"`, action);
  if (flags.length === 0) throw line.error(`${word} takes at least 1 flag: ${[...FLAGS.keys()].join(', ')}`, action);
  const bits = flags.reduce((sum, flag) => sum | bitOf(line, flag), 0);
  return word === 'set' ? { kept: ALL_FLAGS, set: bits } : { kept: ALL_FLAGS & ~bits, set: 0 };
}

function bitOf(line: Cursor, flag: Token): number {
  const bit = FLAGS.get(flag.text.toLowerCase());
  if (bit === undefined) throw line.error(`flag must be ${[...FLAGS.keys()].join(', ')}, got "${flag.text}"`, flag);
  return bit;
}

/** One change after the other. */
function then(first: Change, second: Change): Change {
  return { kept: first.kept & second.kept, set: (first.set & second.kept) | second.set };
}

function changed(flags: number, { kept, set }: Change): number {
  return (flags & kept) | set;
}

/** The query as the directives below shall see it; the client's own stays as it is. */
function asked(query: Query, change: Change): Query {
  const { request } = query;
  const flags = changed(request.flags, change);
  return flags === request.flags ? query : query.withRequest(parseMessage(withFlags(request, flags)));
}

function answered(outcome: Outcome, change: Change): Outcome {
  const { response } = outcome;
  if (response === undefined) return outcome;
  const flags = changed(response.flags, change);
  if (flags === response.flags) return outcome;
  const bytes = withFlags(response, flags);
  return { ...outcome, response: response.isOurs ? MessageView.trusted(bytes) : parseMessage(bytes) };
}

function withFlags({ bytes }: MessageView, flags: number): Uint8Array {
  const copy = copyBytes(bytes, 0, bytes.length);
  setFlags(copy, flags);
  return copy;
}

/** Sets and clears flags of queries on their way down, and of responses on their way back. */
export const header: Directive<HeaderConfig> = {
  name: 'header',
  repeat: 'first',
  parse,
  setup(config) {
    const finish = (outcome: Outcome) => answered(outcome, config.response);
    return (next: Handler) => (query) => after(next(asked(query, config.query)), finish);
  },
};
