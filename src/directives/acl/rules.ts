import type { Cursor, Key } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import { expectNoBody, parseZones } from '../../corefile/values.ts';
import { type Cidr, parseCidr } from '../../wire/cidr.ts';
import { typeFromName } from '../../wire/types.ts';
import { NetSet } from './net-set.ts';

const ACTIONS = ['allow', 'block', 'filter', 'drop'] as const;
export type Action = (typeof ACTIONS)[number];

const EVERYTHING = '*';
const SECTIONS = ['type', 'net'];

/** What is done with queries of some types from some networks. */
export type Policy = {
  readonly action: Action;
  /** Undefined: all. */
  readonly qtypes: ReadonlySet<number> | undefined;
  readonly nets: NetSet | undefined;
};

/** The first policy that fits decides. */
export type Rule = {
  /** The longest first. */
  readonly zones: readonly string[];
  readonly policies: readonly Policy[];
};

/** Syntax: `acl [ZONES...] { ACTION [type QTYPE...] [net SOURCE...] }` */
export function parseRule(cursor: Cursor, keys: readonly Key[]): Rule {
  const zones = cursor.args.length === 0 ? keys.map(({ zone }) => zone) : parseZones(cursor.args);
  return { zones: zones.toSorted((a, b) => b.length - a.length), policies: cursor.body.map(parsePolicy) };
}

function parsePolicy(line: Cursor): Policy {
  const action = ACTIONS.find((name) => name === line.name.text.toLowerCase());
  if (action === undefined) {
    throw line.error(`unexpected token "${line.name.text}", expected allow, block, filter or drop`);
  }
  expectNoBody(line);
  const sections = sectionsOf(line);
  const of = (name: string) => sections.filter((section) => section.name === name).flatMap(({ tokens }) => tokens);
  return { action, qtypes: parseQtypes(line, of('type')), nets: parseNets(line, of('net')) };
}

type Section = { readonly name: string; readonly tokens: readonly Token[] };

/** The words of a line by the keywords that they stand behind. */
function sectionsOf(line: Cursor): Section[] {
  const sections: (Section & { tokens: Token[]; keyword: Token })[] = [];
  for (const token of line.args) {
    const name = token.text.toLowerCase();
    if (SECTIONS.includes(name)) sections.push({ name, keyword: token, tokens: [] });
    else if (sections.length > 0) sections.at(-1)?.tokens.push(token);
    else throw line.error(`unexpected token "${token.text}", expected type or net`, token);
  }
  const empty = sections.find(({ tokens }) => tokens.length === 0);
  if (empty !== undefined) throw line.error(`no token specified in "${empty.name}" section`, empty.keyword);
  return sections;
}

function parseQtypes(line: Cursor, tokens: readonly Token[]): ReadonlySet<number> | undefined {
  const qtypes = tokens.map((token) => {
    if (token.text === EVERYTHING) return undefined;
    const qtype = typeFromName(token.text);
    if (qtype === undefined) {
      throw line.error(`unexpected token "${token.text}", expected a QTYPE such as A or AAAA, or *`, token);
    }
    return qtype;
  });
  return tokens.length === 0 || qtypes.includes(undefined) ? undefined : new Set(qtypes.filter((q) => q !== undefined));
}

function parseNets(line: Cursor, tokens: readonly Token[]): NetSet | undefined {
  const nets = new NetSet();
  for (const token of tokens) if (token.text !== EVERYTHING) nets.add(parseNet(line, token));
  return tokens.length === 0 || tokens.some(({ text }) => text === EVERYTHING) ? undefined : nets;
}

function parseNet(line: Cursor, token: Token): Cidr {
  const { text } = token;
  const bits = text.includes(':') ? 128 : 32;
  const prefix = parseCidr(text.includes('/') ? text : `${text}/${bits}`);
  if (prefix !== undefined) return prefix;
  throw line.error(`illegal CIDR notation "${text}", expected one such as 192.0.2.0/24 or 2001:db8::/32`, token);
}
