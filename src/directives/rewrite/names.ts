import type { Cursor } from '../../corefile/cursor.ts';
import { didYouMean } from '../../corefile/suggest.ts';
import type { Token } from '../../corefile/token.ts';
import { lowerText, MAX_NAME_BYTES } from '../../wire/name.ts';
import { compilePattern, findGroups, type Pattern } from '../pattern.ts';

const KINDS = ['exact', 'prefix', 'suffix', 'substring', 'regex'] as const;
export type Kind = (typeof KINDS)[number];

/** Each byte of a name may be written `\DDD`. */
const MAX_NAME_CHARACTERS = 4 * MAX_NAME_BYTES;
const MAX_GROUP = 100;
const GROUP = /\{(0|[1-9]\d{0,2})\}/;

/** What becomes of a name in lower case, both in presentation format; undefined: it does not match. */
export type NameChange = (name: string) => string | undefined;

/** How a FROM and a TO that are no patterns change a name. */
const CHANGES: Readonly<Record<Exclude<Kind, 'regex'>, (from: string, to: string) => NameChange>> = {
  exact: (from, to) => (name) => (name === from ? to : undefined),
  prefix: (from, to) => (name) => (name.startsWith(from) ? to + name.slice(from.length) : undefined),
  suffix: (from, to) => (name) => (name.endsWith(from) ? name.slice(0, name.length - from.length) + to : undefined),
  substring: (from, to) => (name) => (name.includes(from) ? name.split(from).join(to) : undefined),
};

/** What stands behind the kind, which is `exact` where there is none; `what` is the rule's type, for errors. */
export function takeKind(
  cursor: Cursor,
  words: readonly Token[],
  { hasKind, what }: { readonly hasKind: boolean; readonly what: string },
): { readonly kind: Kind; readonly args: readonly Token[] } {
  if (!hasKind) return { kind: 'exact', args: words };
  const [kind, ...args] = words;
  return { kind: parseKind(cursor, kind, what), args };
}

function parseKind(cursor: Cursor, token: Token, what: string): Kind {
  const text = token.text.toLowerCase();
  const kind = KINDS.find((known) => known === text);
  if (kind !== undefined) return kind;
  const rule = `${what} rule supports only exact, prefix, suffix, substring, and regex name matching`;
  throw cursor.error(`${rule}, received: "${token.text}"${didYouMean(text, KINDS)}`, token);
}

/** How names change; FROM and TO of all kinds but `regex` become what `normalize` makes of them. */
export function parseChange(
  cursor: Cursor,
  kind: Kind,
  [from, to]: readonly [from: Token, to: Token],
  normalize: (text: string) => string = normalName,
): NameChange {
  expectLength(cursor, to);
  if (kind === 'regex') return parsePatternChange(cursor, [from, to], normalize);
  return CHANGES[kind](normalize(from.text), normalize(to.text));
}

/** Whether names match. */
export function parseMatch(cursor: Cursor, kind: Kind, from: Token): (name: string) => boolean {
  if (kind === 'regex') {
    const pattern = compilePattern(cursor, from, 'invalid regex matching pattern');
    return (name) => pattern.test(name);
  }
  const change = CHANGES[kind](normalName(from.text), '');
  return (name) => change(name) !== undefined;
}

/** A pattern, and what a name that it matches becomes: TO, with `{1}` for the first group. */
export function parsePatternChange(
  cursor: Cursor,
  [from, to]: readonly [from: Token, to: Token],
  normalize: (text: string) => string = normalName,
): NameChange {
  expectLength(cursor, to);
  const pattern = compilePattern(cursor, from, 'invalid regex matching pattern');
  // Every second piece is the number of a group.
  const pieces = normalize(to.text).split(GROUP);
  const used = new Set(pieces.filter((_, index) => index % 2 === 1 && Number(pieces[index]) <= MAX_GROUP));
  if (used.size > pattern.groupCount()) {
    const rule = `the rewrite regex pattern (${to.text}) uses more subexpressions than`;
    throw cursor.error(`${rule} its corresponding matching regex pattern (${from.text})`, to);
  }
  return used.size === 0 ? constantChange(pattern, normalize(to.text)) : groupChange(pattern, pieces);
}

function constantChange(pattern: Pattern, to: string): NameChange {
  return (name) => (pattern.test(name) ? to : undefined);
}

function groupChange(pattern: Pattern, pieces: readonly string[]): NameChange {
  return (name) => {
    const groups = findGroups(pattern, name);
    if (groups === undefined) return undefined;
    return pieces.map((piece, index) => (index % 2 === 0 ? piece : (groups[Number(piece)] ?? `{${piece}}`))).join('');
  };
}

function expectLength(cursor: Cursor, { text, ...at }: Token): void {
  if (text.length <= MAX_NAME_CHARACTERS) return;
  throw cursor.error(`TO is longer than a name can be: ${text.length} characters`, { text, ...at });
}

/** Lower case, with final dot. */
export function normalName(text: string): string {
  return lowerText(hasFinalDot(text) ? text : `${text}.`);
}

/** A dot at the end, and not an escaped one. */
function hasFinalDot(text: string): boolean {
  return /(?:^|[^\\])(?:\\\\)*\.$/.test(text);
}
