import type { Cursor, Key, Token } from '../../corefile/cursor.ts';
import {
  expectArgs,
  expectNoBody,
  parseDuration,
  parseInteger,
  parseZones,
  unknownProperty,
} from '../../corefile/values.ts';

const DEFAULT_CAPACITY = 10_000;
/** CoreDNS keeps 256 shards of at least 4 entries; the sum of what they hold is kept here. */
const SHARDS = 256;
const MIN_SHARD_CAPACITY = 4;
const DEFAULT_SUCCESS_TTL = 3600;
const DEFAULT_DENIAL_TTL = 1800;
const DEFAULT_MIN_TTL = 5;
const DEFAULT_SERVFAIL_SECONDS = 5;
const MINUTE_MS = 60_000;
const MAX_SERVFAIL_MS = 5 * MINUTE_MS;
const DEFAULT_PREFETCH = { amount: 0, windowMs: MINUTE_MS, percent: 10 };
const MIN_PERCENT = 10;
const MAX_PERCENT = 90;
const DEFAULT_STALE_MS = 60 * MINUTE_MS;
const DEFAULT_RECHECK_MS = 5000;
const MAX_RECHECK_MS = 5 * MINUTE_MS;
const EVERY_NAME: readonly string[] = ['.'];

/** One of the two stores: success or denial. */
export type KindConfig = {
  readonly capacity: number;
  /** Seconds; where they contradict each other, the most wins. */
  readonly maxTtl: number;
  readonly minTtl: number;
  /** Names in these zones are not stored. */
  readonly disabledZones: readonly string[];
};

export type StaleConfig = {
  /** How long an answer may be served after it has expired, whole seconds. */
  readonly seconds: number;
  /** Whether the upstream is asked first. */
  readonly verify: boolean;
  /** How long the client waits for that; 0 is as long as it takes. */
  readonly verifyTimeoutMs: number;
  readonly responseTtl: number;
  /** After a failed refresh, how long none is tried. */
  readonly recheckMs: number;
  readonly preferPositive: boolean;
};

export type CacheConfig = {
  readonly zones: readonly string[];
  readonly success: KindConfig;
  readonly denial: KindConfig;
  /** How long SERVFAIL and NOTIMP are kept; 0 is not at all. */
  readonly servfailSeconds: number;
  /** `amount` 0 is off. */
  readonly prefetch: { readonly amount: number; readonly windowMs: number; readonly percent: number };
  readonly stale: StaleConfig | undefined;
  readonly keepTtl: boolean;
};

type Read = (line: Cursor, config: CacheConfig) => CacheConfig;

const properties = new Map<string, Read>([
  ['success', (line, config) => ({ ...config, success: parseKind(line, config.success) })],
  ['denial', (line, config) => ({ ...config, denial: parseKind(line, config.denial) })],
  ['prefetch', (line, config) => ({ ...config, prefetch: parsePrefetch(line) })],
  ['serve_stale', (line, config) => ({ ...config, stale: parseStale(line) })],
  ['serve_stale_policy', parseStalePolicy],
  ['servfail', (line, config) => ({ ...config, servfailSeconds: parseServfail(line) })],
  ['disable', parseDisable],
  ['keepttl', parseKeepTtl],
]);

/** Syntax: `cache [TTL] [ZONES...] { … }`; see README.md for the properties. */
export function parse(cursor: Cursor, keys: readonly Key[]): CacheConfig {
  let config = parseArguments(cursor, keys);
  // The policy changes what serve_stale has set, wherever that stands.
  const isPolicy = (line: Cursor) => line.name.text === 'serve_stale_policy';
  const policies = cursor.body.filter(isPolicy);
  if (policies.length > 1) throw policies[1].error('serve_stale_policy may stand once');
  for (const line of [...cursor.body.filter((line) => !isPolicy(line)), ...policies]) {
    const read = properties.get(line.name.text);
    if (read === undefined) throw unknownProperty(line, properties.keys());
    expectNoBody(line);
    config = read(line, config);
  }
  return config;
}

/** What holds without any properties. */
function parseArguments(cursor: Cursor, keys: readonly Key[]): CacheConfig {
  const [first] = cursor.args;
  const hasTtl = first !== undefined && /^[+-]?\d+$/.test(first.text);
  const ttl = hasTtl ? parseInteger(cursor, first, { name: 'TTL', min: 1 }) : undefined;
  const zones = parseZones(hasTtl ? cursor.args.slice(1) : cursor.args);
  const capacity = wholeCapacity(DEFAULT_CAPACITY);
  const common = { capacity, minTtl: DEFAULT_MIN_TTL, disabledZones: [] };
  return {
    zones: zones.length > 0 ? zones : keys.map(({ zone }) => zone),
    success: { ...common, maxTtl: ttl ?? DEFAULT_SUCCESS_TTL },
    denial: { ...common, maxTtl: ttl ?? DEFAULT_DENIAL_TTL },
    servfailSeconds: DEFAULT_SERVFAIL_SECONDS,
    prefetch: DEFAULT_PREFETCH,
    stale: undefined,
    keepTtl: false,
  };
}

/** Syntax: `success|denial CAPACITY [TTL] [MINTTL]` */
function parseKind(line: Cursor, kind: KindConfig): KindConfig {
  expectArgs(line, 1, 3);
  const [capacity, ttl, minTtl] = line.args;
  return {
    ...kind,
    capacity: wholeCapacity(parseInteger(line, capacity, { name: 'CAPACITY' })),
    maxTtl: ttl === undefined ? kind.maxTtl : parseInteger(line, ttl, { name: 'TTL', min: 1 }),
    minTtl: minTtl === undefined ? kind.minTtl : parseInteger(line, minTtl, { name: 'MINTTL', min: 0 }),
  };
}

function wholeCapacity(capacity: number): number {
  return SHARDS * Math.max(Math.trunc(capacity / SHARDS), MIN_SHARD_CAPACITY);
}

/** Syntax: `prefetch AMOUNT [DURATION [PERCENT%]]` */
function parsePrefetch(line: Cursor): CacheConfig['prefetch'] {
  expectArgs(line, 1, 3);
  const [amount, window, percent] = line.args;
  return {
    amount: parseInteger(line, amount, { name: 'AMOUNT', min: 0 }),
    windowMs: window === undefined ? DEFAULT_PREFETCH.windowMs : parseDuration(line, window, { name: 'DURATION' }),
    percent: percent === undefined ? DEFAULT_PREFETCH.percent : parsePercent(line, percent),
  };
}

function parsePercent(line: Cursor, token: Token): number {
  const percent = /^[+-]?\d+%$/.test(token.text) ? Number.parseInt(token.text, 10) : Number.NaN;
  if (percent >= MIN_PERCENT && percent <= MAX_PERCENT) return percent;
  throw line.error(`PERCENT must be ${MIN_PERCENT}%..${MAX_PERCENT}%, got "${token.text}"`, token);
}

/**
 * Syntax: `serve_stale [DURATION] [immediate [RESPONSE_TTL [FAILURE_RECHECK]]]` or
 * `serve_stale [DURATION] [verify [VERIFY_TIMEOUT [RESPONSE_TTL [FAILURE_RECHECK]]]]`
 */
function parseStale(line: Cursor): StaleConfig | undefined {
  const [first] = line.args;
  const hasDuration = first !== undefined && !isMode(first);
  const durationMs = hasDuration ? parseDuration(line, first, { name: 'DURATION', minMs: 0 }) : DEFAULT_STALE_MS;
  const [mode, ...rest] = hasDuration ? line.args.slice(1) : line.args;
  if (mode !== undefined && !isMode(mode)) {
    throw line.error(`the refresh mode must be immediate or verify, got "${mode.text}"`, mode);
  }
  const verify = mode?.text.toLowerCase() === 'verify';
  const most = verify ? 3 : 2;
  if (rest.length > most) {
    throw line.error(`${verify ? 'verify' : 'immediate'} takes 0 to ${most} arguments, got ${rest.length}`, rest[most]);
  }
  const timeout = verify ? rest.shift() : undefined;
  const [responseTtl, recheck] = rest;
  const seconds = Math.trunc(durationMs / 1000);
  const stale = {
    seconds,
    verify,
    verifyTimeoutMs: timeout === undefined ? 0 : parseDuration(line, timeout, { name: 'VERIFY_TIMEOUT', minMs: 0 }),
    responseTtl: responseTtl === undefined ? 0 : parseResponseTtl(line, responseTtl),
    recheckMs:
      recheck === undefined
        ? DEFAULT_RECHECK_MS
        : parseDuration(line, recheck, { name: 'FAILURE_RECHECK', minMs: 0, maxMs: MAX_RECHECK_MS }),
    preferPositive: false,
  };
  return seconds > 0 ? stale : undefined;
}

function isMode({ text }: Token): boolean {
  return /^(immediate|verify)$/i.test(text);
}

/** A duration in whole seconds, or their number. */
function parseResponseTtl(line: Cursor, token: Token): number {
  if (/^\d+$/.test(token.text)) return Number(token.text);
  const ttl = parseDuration(line, token, { name: 'RESPONSE_TTL', minMs: 0 }) / 1000;
  if (Number.isInteger(ttl)) return ttl;
  throw line.error(`RESPONSE_TTL must be whole seconds, got "${token.text}"`, token);
}

/** Syntax: `serve_stale_policy prefer_positive` */
function parseStalePolicy(line: Cursor, config: CacheConfig): CacheConfig {
  expectArgs(line, 1, 1);
  const [policy] = line.args;
  if (policy.text !== 'prefer_positive') {
    throw line.error(`serve_stale_policy must be prefer_positive, got "${policy.text}"`, policy);
  }
  if (config.stale === undefined) throw line.error('serve_stale_policy needs serve_stale');
  return { ...config, stale: { ...config.stale, preferPositive: true } };
}

/** Syntax: `servfail DURATION` */
function parseServfail(line: Cursor): number {
  expectArgs(line, 1, 1);
  return Math.trunc(parseDuration(line, line.args[0], { minMs: 0, maxMs: MAX_SERVFAIL_MS }) / 1000);
}

/** Syntax: `disable success|denial [ZONES...]`; the last line for a kind counts. */
function parseDisable(line: Cursor, config: CacheConfig): CacheConfig {
  expectArgs(line, 1, Number.POSITIVE_INFINITY);
  const [{ text: kind }, ...zoneTokens] = line.args;
  const zones = parseZones(zoneTokens);
  const disabledZones = zones.length > 0 ? zones : EVERY_NAME;
  if (kind === 'success') return { ...config, success: { ...config.success, disabledZones } };
  if (kind === 'denial') return { ...config, denial: { ...config.denial, disabledZones } };
  throw line.error(`disable must be followed by success or denial, got "${kind}"`, line.args[0]);
}

/** Syntax: `keepttl` */
function parseKeepTtl(line: Cursor, config: CacheConfig): CacheConfig {
  expectArgs(line, 0, 0);
  return { ...config, keepTtl: true };
}
