/** Arguments of directives, read. Every error names the line, the directive and what was given. */

import type { Cursor } from './cursor.ts';
import { durationMs } from './duration.ts';
import type { ConfigError } from './errors.ts';
import { didYouMean } from './suggest.ts';
import type { Token } from './token.ts';
import { zonesOf } from './zones.ts';

const MAX_PORT = 65535;

/** `name` is what the argument is called in an error, by default the property's own name. */
type Named = { readonly name?: string };

/** A Go duration (`1m30s`, `500ms`, `0`), in milliseconds. The limits are inclusive. */
export function parseDuration(
  cursor: Cursor,
  token: Token,
  options: Named & { readonly minMs?: number; readonly maxMs?: number } = {},
): number {
  const { minMs = Number.NEGATIVE_INFINITY, maxMs = Number.POSITIVE_INFINITY } = options;
  const valueMs = durationMs(token.text);
  if (valueMs === undefined) throw expected(cursor, token, options, 'a duration such as 30s, 1m30s or 500ms');
  if (valueMs < minMs || valueMs > maxMs) {
    throw expected(cursor, token, options, rangeText(minMs, maxMs, shortDuration));
  }
  return valueMs;
}

/** Decimal digits with an optional sign. The limits are inclusive. */
export function parseInteger(
  cursor: Cursor,
  token: Token,
  options: Named & { readonly min?: number; readonly max?: number } = {},
): number {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = options;
  const bounded = options.min !== undefined || options.max !== undefined;
  const value = /^[+-]?\d+$/.test(token.text) ? Number(token.text) : Number.NaN;
  if (value >= min && value <= max) return value + 0; // "-0" is 0
  if (bounded) throw expected(cursor, token, options, rangeText(min, max, String));
  throw expected(cursor, token, options, 'a whole number');
}

/** What Go's strconv.ParseBool takes: 1 t T true TRUE True, 0 f F false FALSE False. */
export function parseBoolean(cursor: Cursor, token: Token, options: Named = {}): boolean {
  const value = booleanOf(token.text);
  if (value === undefined) throw expected(cursor, token, options, 'true or false');
  return value;
}

export function booleanOf(text: string): boolean | undefined {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  return undefined;
}

/**
 * The zones of a list of arguments: scheme and port stripped, lower case, with final dot, a CIDR as its reverse zones.
 * What is no zone is dropped without a word, as CoreDNS does.
 */
export function parseZones(tokens: readonly Token[]): string[] {
  return tokens.flatMap(({ text }) => {
    const parsed = zonesOf(text);
    return 'problem' in parsed ? [] : parsed.zones;
  });
}

export type HostPort = { readonly host: string; readonly port: number };

/** `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, `:8080` (host is ''); an IPv6 host comes without brackets. */
export function parseHostPort(cursor: Cursor, token: Token, options: Named = {}): HostPort {
  const match = /^(?:\[([^\][]*)\]|([^\][:]*)):(\d{1,5})$/.exec(token.text);
  if (!match || Number(match[3]) > MAX_PORT) {
    throw expected(cursor, token, options, 'an address and port such as 127.0.0.1:8080, [::1]:8080 or :8080');
  }
  return { host: match[1] ?? match[2], port: Number(match[3]) };
}

/** Throws unless the line has `min` to `max` arguments. */
export function expectArgs(cursor: Cursor, min: number, max: number): void {
  const count = cursor.args.length;
  if (count >= min && count <= max) return;
  const range = min === max ? `${min}` : max === Number.POSITIVE_INFINITY ? `at least ${min}` : `${min} to ${max}`;
  const wanted = max === 0 ? 'no arguments' : `${range} argument${range === '1' || range === 'at least 1' ? '' : 's'}`;
  const subject = cursor.isProperty ? `${cursor.name.text} takes` : 'takes';
  throw cursor.error(`${subject} ${wanted}, got ${count}`, cursor.args[max] ?? cursor.name);
}

/** Throws if the line has anything within braces. */
export function expectNoBody(cursor: Cursor): void {
  if (!cursor.hasBody) return;
  const subject = cursor.isProperty ? `${cursor.name.text} takes` : 'takes';
  throw cursor.error(`${subject} no block, got "${cursor.body[0].name.text}"`, cursor.body[0].name);
}

/** The error for a property that the directive does not have. */
export function unknownProperty(property: Cursor, known: Iterable<string>): ConfigError {
  const names = [...known];
  const { text } = property.name;
  const hint = didYouMean(text, names) || `; expected ${names.join(', ')}`;
  return property.error(`unknown property "${text}"${hint}`);
}

function expected(cursor: Cursor, token: Token, { name }: Named, what: string): ConfigError {
  const subject = name ?? (cursor.isProperty ? cursor.name.text : undefined);
  const rule = subject === undefined ? `expected ${what}` : `${subject} must be ${what}`;
  return cursor.error(`${rule}, got "${token.text}"`, token);
}

function rangeText(min: number, max: number, show: (value: number) => string): string {
  if (max === Number.POSITIVE_INFINITY || max === Number.MAX_SAFE_INTEGER) return `${show(min)} or more`;
  if (min === Number.NEGATIVE_INFINITY || min === Number.MIN_SAFE_INTEGER) return `${show(max)} or less`;
  return `${show(min)}..${show(max)}`;
}

function shortDuration(valueMs: number): string {
  if (valueMs === 0) return '0';
  if (valueMs % 3_600_000 === 0) return `${valueMs / 3_600_000}h`;
  if (valueMs % 60_000 === 0) return `${valueMs / 60_000}m`;
  if (valueMs % 1000 === 0) return `${valueMs / 1000}s`;
  return `${valueMs}ms`;
}
