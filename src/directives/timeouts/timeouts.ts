import type { Cursor } from '../../corefile/cursor.ts';
import { durationMs } from '../../corefile/duration.ts';
import { expectArgs, expectNoBody, parseInteger, unknownProperty } from '../../corefile/values.ts';
import type { Block, Directive } from '../contract.ts';

const MIN_MS = 1000;
const MAX_MS = 24 * 3600 * 1000;
const UNLIMITED = -1;

export type TimeoutsConfig = {
  readonly readMs?: number;
  readonly writeMs?: number;
  readonly idleMs?: number;
  /** Queries that one connection may bring; infinite for -1. */
  readonly maxTcpQueries?: number;
};

const FIELDS = new Map<string, keyof TimeoutsConfig>([
  ['read', 'readMs'],
  ['write', 'writeMs'],
  ['idle', 'idleMs'],
  ['maxtcpqueries', 'maxTcpQueries'],
]);

/** Syntax: `timeouts { read|write|idle DURATION ; maxtcpqueries COUNT }` */
export function parse(cursor: Cursor): TimeoutsConfig {
  expectArgs(cursor, 0, 0);
  if (!cursor.hasBody)
    throw cursor.error(`timeouts block with no timeouts specified; give ${[...FIELDS.keys()].join(', ')}`);
  const config: { -readonly [Field in keyof TimeoutsConfig]: number } = {};
  for (const property of cursor.body) {
    const field = FIELDS.get(property.name.text);
    if (field === undefined) throw unknownProperty(property, FIELDS.keys());
    expectArgs(property, 1, 1);
    expectNoBody(property);
    config[field] = field === 'maxTcpQueries' ? parseQueries(property) : parseTimeout(property);
  }
  return config;
}

/** A Go duration, or whole seconds without unit. */
function parseTimeout(property: Cursor): number {
  const [{ text }] = property.args;
  const timeoutMs = /^\d+$/.test(text) ? Number(text) * 1000 : durationMs(text);
  if (timeoutMs === undefined || timeoutMs < MIN_MS || timeoutMs > MAX_MS) {
    const message = `${property.name.text} must be 1s..24h (a bare number is seconds), got "${text}"`;
    throw property.error(message, property.args[0]);
  }
  return timeoutMs;
}

/** How many queries a connection may bring; -1 is without limit. */
function parseQueries(property: Cursor): number {
  const [count] = property.args;
  const value = parseInteger(property, count, { min: UNLIMITED });
  if (value === 0) throw property.error('maxtcpqueries must be -1 or more than 0, got "0"', count);
  return value === UNLIMITED ? Number.POSITIVE_INFINITY : value;
}

/** They are those of the listener: of several blocks on one, the last that sets one counts. */
function setup(config: TimeoutsConfig, block: Block): undefined {
  Object.assign(block.listener, config);
}

/** Of several in one block, too, the last that sets one counts. */
function merge(configs: readonly TimeoutsConfig[]): TimeoutsConfig {
  return Object.assign({}, ...configs);
}

export const timeouts: Directive<TimeoutsConfig> = { name: 'timeouts', repeat: merge, parse, setup };
