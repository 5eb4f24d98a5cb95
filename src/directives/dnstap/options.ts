import net from 'node:net';
import { hostname } from 'node:os';
import type { Cursor } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import { expectArgs, expectNoBody, parseInteger, unknownProperty } from '../../corefile/values.ts';
import { VERSION } from '../../observe/version.ts';
import { compileFormat, type Format } from '../format.ts';

const FULL = 'full';
const MAX_BUFFER_MIB = 1024;
const MAX_QUEUE = 4096;
const QUEUE_STEP = 10_000;
const MAX_PATH_BYTES = 107; // sun_path, without its final zero.
const PROPERTIES = ['identity', 'version', 'extra', 'skipverify'];

export type DnstapEndpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp' | 'tls'; readonly host: string; readonly port: number };

export type DnstapConfig = {
  readonly endpoint: DnstapEndpoint;
  /** The endpoint as the Corefile has it. */
  readonly name: string;
  /** The messages themselves, beside what is known about them. */
  readonly full: boolean;
  readonly writeBufferMib: number;
  readonly queueCount: number;
  readonly identity: string;
  readonly version: string;
  readonly extra: Format | undefined;
  readonly skipVerify: boolean;
};

type Settings = { -readonly [Name in keyof DnstapConfig]: DnstapConfig[Name] };

/** Syntax: `dnstap ENDPOINT [full] [BUFFER_MIB] [QUEUE] { identity X ; version X ; extra FORMAT ; skipverify }` */
export function parse(cursor: Cursor): DnstapConfig {
  expectArgs(cursor, 1, 4);
  const [endpoint, full, buffer, queue] = cursor.args;
  if (full !== undefined && full.text !== FULL) throw cursor.error(`expected ${FULL}, got "${full.text}"`, full);
  const bufferRange = { name: 'the write buffer in MiB', min: 1, max: MAX_BUFFER_MIB };
  const queueRange = { name: 'the queue in ten thousands', min: 1, max: MAX_QUEUE };
  const config: Settings = {
    endpoint: parseEndpoint(cursor, endpoint),
    name: endpoint.text,
    full: full !== undefined,
    writeBufferMib: buffer === undefined ? 1 : parseInteger(cursor, buffer, bufferRange),
    queueCount: QUEUE_STEP * (queue === undefined ? 1 : parseInteger(cursor, queue, queueRange)),
    identity: hostname(),
    version: `nodens-${VERSION}`,
    extra: undefined,
    skipVerify: false,
  };
  for (const property of cursor.body) parseProperty(property, config);
  return config;
}

function parseProperty(property: Cursor, config: Settings): void {
  const { text } = property.name;
  if (!PROPERTIES.includes(text)) throw unknownProperty(property, PROPERTIES);
  const count = text === 'skipverify' ? 0 : 1;
  expectArgs(property, count, count);
  expectNoBody(property);
  const value = property.args[0]?.text ?? '';
  if (text === 'identity') config.identity = value;
  else if (text === 'version') config.version = value;
  else if (text === 'extra') config.extra = value === '' ? undefined : compileFormat(value);
  else config.skipVerify = true;
}

function parseEndpoint(cursor: Cursor, token: Token): DnstapEndpoint {
  const { text } = token;
  const [, scheme = 'unix', rest = ''] = /^(?:(unix|tcp|tls):\/\/)?(.*)$/.exec(text) ?? [];
  if (scheme === 'unix') {
    if (rest === '' || rest.includes('://')) {
      throw cursor.error(`expected a path, unix://PATH, tcp://HOST:PORT or tls://HOST:PORT, got "${text}"`, token);
    }
    if (Buffer.byteLength(rest) <= MAX_PATH_BYTES) return { kind: 'unix', path: rest };
    throw cursor.error(`the path of a unix socket has ${MAX_PATH_BYTES} bytes at most, got "${rest}"`, token);
  }
  const match = /^(?:\[([^\]]+)\]|([^:[\]/]+)):(\d{1,5})\/?$/.exec(rest);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65535 || (match[1] !== undefined && !net.isIPv6(match[1]))) {
    throw cursor.error(`expected ${scheme}://HOST:PORT, got "${text}"`, token);
  }
  return { kind: scheme === 'tls' ? 'tls' : 'tcp', host: match[1] ?? match[2], port };
}
