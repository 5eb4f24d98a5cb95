import type { Cursor } from '../../corefile/cursor.ts';
import { didYouMean } from '../../corefile/suggest.ts';
import type { Token } from '../../corefile/token.ts';
import { expectNoBody } from '../../corefile/values.ts';
import { parseCnameRule } from './cname-rule.ts';
import { parseEdnsRule } from './edns-rule.ts';
import { parseNameRule } from './name-rule.ts';
import { parseClassRule, parseTypeRule } from './question-rules.ts';
import { parseRcodeRule, parseTtlRule } from './reply-rules.ts';
import type { Rule, RuleBody } from './rule.ts';

/** A rule that is about options of one code says so. */
export type ParsedRule = Rule & { readonly localCode?: number };
type ParsedBody = RuleBody & { readonly localCode?: number };

const TYPES: Readonly<Record<string, (cursor: Cursor, args: readonly Token[]) => ParsedBody>> = {
  name: parseNameRule,
  type: parseTypeRule,
  class: parseClassRule,
  ttl: parseTtlRule,
  rcode: parseRcodeRule,
  cname: parseCnameRule,
  edns0: parseEdnsRule,
};
/** Words on the line behind which a block is no part of the rule any more. */
const MAX_WORDS_BEFORE_BLOCK = 1;

/** Syntax: `rewrite [continue|stop] TYPE ...`; the words may stand within braces, on as many lines as they like. */
export function parse(cursor: Cursor): ParsedRule {
  const words = wordsOf(cursor);
  const [first] = words;
  const mode = first?.text.toLowerCase();
  const hasMode = mode === 'continue' || mode === 'stop';
  const [type, ...args] = hasMode ? words.slice(1) : words;
  if (type === undefined) throw cursor.error(`no rule type specified for rewrite, ${expected()}`);
  return { stops: mode !== 'continue', ...parseBody(cursor, type, args) };
}

function parseBody(cursor: Cursor, type: Token, args: readonly Token[]): ParsedBody {
  const text = type.text.toLowerCase();
  if (Object.hasOwn(TYPES, text)) return TYPES[text](cursor, args);
  if (text === 'answer') {
    throw cursor.error('response rewrites must begin with a name rule: put "name FROM TO" in front of "answer"', type);
  }
  const hint = didYouMean(text, Object.keys(TYPES)) || `, ${expected()}`;
  throw cursor.error(`invalid rule type "${type.text}"${hint}`, type);
}

function expected(): string {
  return `expected ${Object.keys(TYPES).join(', ')}`;
}

function wordsOf(cursor: Cursor): readonly Token[] {
  const { args, body } = cursor;
  if (args.length > MAX_WORDS_BEFORE_BLOCK && cursor.hasBody) {
    throw cursor.error('a block may follow "continue", "stop" or nothing: write the whole rule within it', args[1]);
  }
  for (const line of body) expectNoBody(line);
  return [...args, ...body.flatMap((line) => [line.name, ...line.args])];
}
