/** What `rewrite edns0` puts into options: text, bytes, or what is known of the query. */
import type { Cursor } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import { parseAddress } from '../../wire/address.ts';
import { writeU16 } from '../../wire/bytes.ts';
import type { RequestDraft } from './request-draft.ts';

type DataOf = (request: RequestDraft) => Uint8Array | undefined;

const VARIABLES: Readonly<Record<string, DataOf>> = {
  qname: (request) => Buffer.from(request.spelledName),
  qtype: (request) => u16(request.qtype),
  client_ip: ({ query }) => parseAddress(query.clientAddress),
  client_port: ({ query }) => u16(query.clientPort),
  protocol: ({ query }) => Buffer.from(query.protocol),
  server_ip: ({ query }) => parseAddress(query.localAddress),
  server_port: ({ query }) => u16(query.localPort),
};
const METADATA = /^[^/]+\/[^/]+$/;
/** Numbers as Go's ParseUint reads them when it may choose the base. */
const NUMBER = /^(0x[\da-f]+|0b[01]+|0o?[0-7]*|[1-9]\d*)$/i;

/** `text`, `0xHEX`, `{variable}` or `{plugin/name}`. */
export function parseData(cursor: Cursor, token: Token): { readonly isConstant: boolean; readonly of: DataOf } {
  const { text } = token;
  const variable = /^\{(.*)\}$/.exec(text)?.[1];
  if (variable !== undefined) return { isConstant: false, of: parseVariable(cursor, token, variable) };
  const data = text.startsWith('0x') ? parseHex(cursor, token) : Buffer.from(text);
  return { isConstant: true, of: () => data };
}

function parseVariable(cursor: Cursor, token: Token, variable: string): DataOf {
  const known = Object.hasOwn(VARIABLES, variable) ? VARIABLES[variable] : undefined;
  if (known !== undefined) return known;
  if (METADATA.test(variable)) return ({ query }) => metadata(query.metadata.get(variable));
  const names = Object.keys(VARIABLES).map((name) => `{${name}}`);
  throw cursor.error(`unsupported variable name "${token.text}", expected ${names.join(', ')} or {plugin/name}`, token);
}

/** Nothing is no value. */
function metadata(value = ''): Uint8Array | undefined {
  return value === '' ? undefined : Buffer.from(value);
}

function parseHex(cursor: Cursor, token: Token): Uint8Array {
  const [, digits] = /^0x((?:[\da-f]{2})*)$/i.exec(token.text) ?? [];
  if (digits !== undefined) return Buffer.from(digits, 'hex');
  throw cursor.error(`DATA must be an even number of hexadecimal digits behind 0x, got "${token.text}"`, token);
}

/** 0 to `max`, decimal, `0x…`, `0b…` or octal with a 0 in front. */
export function parseNumber(cursor: Cursor, token: Token, { name, max }: { name: string; max: number }): number {
  const { text } = token;
  const octal = text.replace(/^0(?=\d)/, '0o');
  const number = NUMBER.test(text) ? Number(octal) : Number.NaN;
  if (number <= max) return number;
  throw cursor.error(`${name} must be 0..${max}, got "${text}"`, token);
}

function u16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  writeU16(bytes, 0, value);
  return bytes;
}
