/** Rules that leave the request as it is, and change the response to those for some names: `ttl` and `rcode`. */
import type { Cursor } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import { RCODE_BADCOOKIE, rcodeFromName } from '../../wire/header.ts';
import { parseMatch, takeKind } from './names.ts';
import type { ResponseRule, RuleBody } from './rule.ts';

const MAX_TTL = 0xffffffff;
/** RFC 2181 §8. */
const DEFAULT_MAX_TTL = 0x7fffffff;

/** `[KIND] NAME TTL|MIN-MAX|MIN-|-MAX` */
export function parseTtlRule(cursor: Cursor, args: readonly Token[]): RuleBody {
  const { matches, values } = parseMatched(cursor, args, { type: 'ttl', values: ['TTL'] });
  const { min, max } = parseTtlRange(cursor, values[0]);
  return ruleFor(matches, (response) => {
    response.mapRecords((record) => ({ ...record, ttl: Math.min(Math.max(record.ttl, min), max) }));
  });
}

/** `[KIND] NAME FROM TO`, both by name or number. */
export function parseRcodeRule(cursor: Cursor, args: readonly Token[]): RuleBody {
  const { matches, values } = parseMatched(cursor, args, { type: 'rcode', values: ['FROM', 'TO'] });
  const [from, to] = values.map((value) => parseRcode(cursor, value));
  return ruleFor(matches, (response) => {
    if (response.rcode === from) response.rcode = to;
  });
}

function ruleFor(matches: (name: string) => boolean, rule: ResponseRule): RuleBody {
  const rules = [rule];
  return { concerns: matches, apply: (request) => (matches(request.name) ? rules : undefined) };
}

type Matched = { readonly matches: (name: string) => boolean; readonly values: readonly Token[] };

/** Reads `[KIND] NAME` and the values behind it. */
function parseMatched(
  cursor: Cursor,
  words: readonly Token[],
  { type, values }: { type: string; values: readonly string[] },
): Matched {
  const surplus = words.length - values.length;
  if (surplus !== 1 && surplus !== 2) {
    const syntax = `${type} [KIND] NAME ${values.join(' ')}`;
    throw cursor.error(`wrong number of arguments for a ${type} rule, expected ${syntax}`, words.at(-1));
  }
  const { kind, args } = takeKind(cursor, words, { hasKind: surplus === 2, what: type });
  const [name, ...rest] = args;
  return { matches: parseMatch(cursor, kind, name), values: rest };
}

function parseTtlRange(cursor: Cursor, token: Token): { min: number; max: number } {
  const [, low, dash, high] = /^(\d*)(-?)(\d*)$/.exec(token.text) ?? [];
  const min = Number(low || 0);
  const max = dash === '' ? min : Number(high || DEFAULT_MAX_TTL);
  const isEmpty = low === undefined || low + high === '';
  if (!isEmpty && min <= max && max <= MAX_TTL) return { min, max };
  throw cursor.error(`invalid TTL "${token.text}" for a ttl rule, expected one such as 30, 30-60, 30- or -60`, token);
}

function parseRcode(cursor: Cursor, token: Token): number {
  const { text } = token;
  const rcode = /^\d+$/.test(text) ? Number(text) : rcodeFromName(text);
  if (rcode !== undefined && rcode <= RCODE_BADCOOKIE) return rcode;
  throw cursor.error(`invalid rcode "${text}" for a rcode rule, expected a name or 0..${RCODE_BADCOOKIE}`, token);
}
