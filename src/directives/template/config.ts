import type { Cursor, Key } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import { expectArgs, expectNoBody, parseInteger, parseZones, unknownProperty } from '../../corefile/values.ts';
import { RCODE_NOERROR, rcodeFromName } from '../../wire/header.ts';
import { classFromName, typeFromName } from '../../wire/types.ts';
import { compilePattern, type Pattern } from '../pattern.ts';
import { BUILTINS } from './gotemplate/functions.ts';
import type { Template } from './gotemplate/nodes.ts';
import { PARSE_INT } from './gotemplate/parse-int.ts';
import { parseTemplate } from './gotemplate/parser.ts';
import { TemplateSyntaxError } from './gotemplate/template-error.ts';
import type { Callable } from './gotemplate/values.ts';

const MAX_EDE_CODE = 0xffff;
const PROPERTIES = ['match', 'answer', 'additional', 'authority', 'rcode', 'ederror', 'fallthrough', 'upstream'];

/** What may be called in the templates. */
export const FUNCTIONS: ReadonlyMap<string, Callable> = new Map([...BUILTINS, ['parseInt', PARSE_INT]]);

export type SectionName = 'answer' | 'additional' | 'authority';

/** One `template` of the Corefile. */
export type Rule = {
  readonly qclass: number;
  readonly qtype: number;
  readonly zones: readonly string[];
  /** The first that matches counts; none: every name matches. */
  readonly patterns: readonly Pattern[];
  readonly answer: readonly Template[];
  readonly additional: readonly Template[];
  readonly authority: readonly Template[];
  readonly rcode: number;
  readonly extendedError: { readonly code: number; readonly text: string } | undefined;
  /** Zones whose names go on if no pattern matches. */
  readonly fallthrough: readonly string[];
};

export type TemplateConfig = { readonly rules: readonly Rule[] };

type Draft = { -readonly [Name in keyof Rule]: Rule[Name] };

/**
 * Syntax: `template CLASS TYPE [ZONES...] { match REGEX... ; answer RR... ; additional RR... ; authority RR... ; rcode CODE ;
 * ederror CODE [TEXT] ; fallthrough [ZONES...] ; upstream }`
 */
export function parse(cursor: Cursor, keys: readonly Key[]): TemplateConfig {
  expectArgs(cursor, 2, Number.POSITIVE_INFINITY);
  const [qclass, qtype, ...zones] = cursor.args;
  const rule: Draft = {
    qclass: parseClass(cursor, qclass),
    qtype: parseType(cursor, qtype),
    zones: zones.length === 0 ? keys.map((key) => key.zone) : parseZones(zones),
    patterns: [],
    answer: [],
    additional: [],
    authority: [],
    rcode: RCODE_NOERROR,
    extendedError: undefined,
    fallthrough: [],
  };
  for (const property of cursor.body) {
    expectNoBody(property);
    parseProperty(property, rule);
  }
  return { rules: [rule] };
}

function parseProperty(property: Cursor, rule: Draft): void {
  const { args, name } = property;
  switch (name.text) {
    case 'match':
      expectArgs(property, 1, Number.POSITIVE_INFINITY);
      rule.patterns = [...rule.patterns, ...args.map((token) => compilePattern(property, token, 'match: REGEX'))];
      break;
    case 'answer':
    case 'additional':
    case 'authority':
      expectArgs(property, 1, Number.POSITIVE_INFINITY);
      rule[name.text] = [...rule[name.text], ...args.map((token) => compileTemplate(property, token))];
      break;
    case 'rcode':
      rule.rcode = parseRcode(property);
      break;
    case 'ederror':
      rule.extendedError = parseExtendedError(property);
      break;
    case 'fallthrough':
      rule.fallthrough = args.length === 0 ? ['.'] : parseZones(args);
      break;
    case 'upstream': // It was needed once.
      break;
    default:
      throw unknownProperty(property, PROPERTIES);
  }
}

/** Mnemonics are in upper case, as in CoreDNS. */
function parseClass(cursor: Cursor, token: Token): number {
  const qclass = isUpperCase(token.text) ? classFromName(token.text) : undefined;
  if (qclass !== undefined) return qclass;
  throw cursor.error(`invalid query class "${token.text}", expected IN, CH, HS, NONE or ANY`, token);
}

function parseType(cursor: Cursor, token: Token): number {
  const qtype = isUpperCase(token.text) ? typeFromName(token.text) : undefined;
  if (qtype !== undefined) return qtype;
  throw cursor.error(`invalid RR class "${token.text}", expected a type such as A, AAAA or ANY`, token);
}

function parseRcode(property: Cursor): number {
  expectArgs(property, 1, 1);
  const [token] = property.args;
  const rcode = isUpperCase(token.text) ? rcodeFromName(token.text) : undefined;
  if (rcode !== undefined) return rcode;
  throw property.error(`unknown rcode "${token.text}", expected one such as NOERROR or NXDOMAIN`, token);
}

function isUpperCase(text: string): boolean {
  return text === text.toUpperCase();
}

function parseExtendedError(property: Cursor) {
  expectArgs(property, 1, 2);
  const [code, text] = property.args;
  const name = 'ederror: CODE';
  return { code: parseInteger(property, code, { name, min: 0, max: MAX_EDE_CODE }), text: text?.text ?? '' };
}

function compileTemplate(property: Cursor, token: Token): Template {
  try {
    return parseTemplate(property.name.text, token.text, FUNCTIONS);
  } catch (error) {
    if (!(error instanceof TemplateSyntaxError)) throw error;
    throw property.error(error.message, { ...token, line: token.line + error.line - 1 });
  }
}
