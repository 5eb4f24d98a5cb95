import type { Cursor } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import {
  expectArgs,
  expectNoBody,
  parseBoolean,
  parseDuration,
  parseInteger,
  unknownProperty,
} from '../../corefile/values.ts';

/** What a collector speaks, with where it is by default, and the path there. */
const COLLECTORS = {
  zipkin: { address: 'localhost:9411', path: '/api/v2/spans' },
  otlp: { address: 'localhost:4318', path: '/v1/traces' },
  datadog: { address: 'localhost:8126', path: '/v0.3/traces' },
} as const;
const DEFAULT_KIND = 'zipkin';
const DEFAULT_SERVICE = 'coredns';

export type CollectorKind = keyof typeof COLLECTORS;

export type TraceConfig = {
  readonly kind: CollectorKind;
  readonly url: string;
  /** One query in so many is traced; 0: none. */
  readonly every: number;
  readonly service: string;
  /** Of those that are traced, the share that Datadog analyses. */
  readonly analyticsRate: number | undefined;
  readonly maxBacklog: number;
  readonly maxBatch: number;
  readonly batchIntervalMs: number;
};

type Settings = { -readonly [Name in keyof TraceConfig]: TraceConfig[Name] };

const PROPERTIES: Readonly<Record<string, (property: Cursor, settings: Settings) => void>> = {
  every(property, settings) {
    settings.every = parseInteger(property, onlyArg(property), { min: 0 });
  },
  service(property, settings) {
    settings.service = onlyArg(property).text;
  },
  /** Of spans that two processes share: nobody tells us theirs over DNS. */
  client_server(property) {
    const value = optionalArg(property);
    if (value !== undefined) parseBoolean(property, value);
  },
  datadog_analytics_rate(property, settings) {
    const value = optionalArg(property);
    settings.analyticsRate = value === undefined ? undefined : parseRate(property, value);
  },
  zipkin_max_backlog_size(property, settings) {
    settings.maxBacklog = sizeOf(property) ?? settings.maxBacklog;
  },
  zipkin_max_batch_size(property, settings) {
    settings.maxBatch = sizeOf(property) ?? settings.maxBatch;
  },
  zipkin_max_batch_interval(property, settings) {
    const value = optionalArg(property);
    if (value !== undefined) settings.batchIntervalMs = parseDuration(property, value, { minMs: 1 });
  },
};

/** Syntax: `trace [zipkin|otlp|datadog] [ENDPOINT] { every N ; service NAME ; … }` */
export function parse(cursor: Cursor): TraceConfig {
  expectArgs(cursor, 0, 2);
  const { kind, url } = parseCollector(cursor);
  const settings: Settings = {
    kind,
    url,
    every: 1,
    service: DEFAULT_SERVICE,
    analyticsRate: undefined,
    maxBacklog: 1000,
    maxBatch: 100,
    batchIntervalMs: 1000,
  };
  for (const property of cursor.body) {
    const { text } = property.name;
    if (!Object.hasOwn(PROPERTIES, text)) throw unknownProperty(property, Object.keys(PROPERTIES));
    PROPERTIES[text](property, settings);
  }
  if (settings.maxBatch > settings.maxBacklog) settings.maxBatch = settings.maxBacklog;
  return settings;
}

/** One argument is an endpoint of Zipkin, or else a kind. */
function parseCollector(cursor: Cursor): { kind: CollectorKind; url: string } {
  const [first, second] = cursor.args;
  if (first === undefined) return { kind: DEFAULT_KIND, url: urlOf(cursor, DEFAULT_KIND, undefined) };
  const kind = kindOf(first.text.toLowerCase());
  if (second === undefined && kind === undefined) {
    return { kind: DEFAULT_KIND, url: urlOf(cursor, DEFAULT_KIND, first) };
  }
  if (kind !== undefined) return { kind, url: urlOf(cursor, kind, second) };
  const kinds = Object.keys(COLLECTORS).join(', ');
  throw cursor.error(`tracing endpoint type "${first.text}" is not supported; expected one of ${kinds}`, first);
}

function kindOf(text: string): CollectorKind | undefined {
  return text === 'zipkin' || text === 'otlp' || text === 'datadog' ? text : undefined;
}

/** `HOST:PORT`, or a whole URL. */
function urlOf(cursor: Cursor, kind: CollectorKind, token: Token | undefined): string {
  const { address, path } = COLLECTORS[kind];
  const text = token?.text ?? address;
  const url = text.includes('http') ? text : `http://${text}${path}`;
  const parsed = URL.parse(url);
  if (parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.hostname !== '') return url;
  throw cursor.error(`expected HOST:PORT or a URL with http:// or https://, got "${text}"`, token);
}

function parseRate(property: Cursor, token: Token): number {
  const rate = /^\d*\.?\d+$/.test(token.text) ? Number(token.text) : Number.NaN;
  if (rate >= 0 && rate <= 1) return rate;
  throw property.error(`${property.name.text} must be 0..1, got "${token.text}"`, token);
}

/** 0 and none stand for what is usual. */
function sizeOf(property: Cursor): number | undefined {
  const token = optionalArg(property);
  return token === undefined ? undefined : parseInteger(property, token, { min: 0 }) || undefined;
}

function onlyArg(property: Cursor): Token {
  expectArgs(property, 1, 1);
  expectNoBody(property);
  return property.args[0];
}

function optionalArg(property: Cursor): Token | undefined {
  expectArgs(property, 0, 1);
  expectNoBody(property);
  return property.args[0];
}
