/** The keys of SVCB parameters, and how the value of each is written (RFC 9460 §7 and §14.3.2). */
import { formatIpv4, formatIpv6, IPV4_BYTES, IPV6_BYTES, parseIpv4, parseIpv6 } from './address.ts';
import { concatBytes, readU16 } from './bytes.ts';
import { quoteBytes } from './character-string.ts';
import { formatBase64, parseBase64 } from './dnssec-fields.ts';
import { PresentationError } from './presentation-error.ts';
import { encodeString, encodeU16, parsed } from './rdata-fields.ts';
import { RdataReader } from './rdata-reader.ts';

export const KEY_MANDATORY = 0;
export const KEY_ALPN = 1;
export const KEY_NO_DEFAULT_ALPN = 2;
/** Reserved as "Invalid key". */
const KEY_INVALID = 65535;

/** The value of a parameter, between wire form and the text behind "=". */
export type ValueFormat = {
  /** Undefined if the value does not fit its key; '' makes the key stand alone. */
  readonly format: (value: Uint8Array) => string | undefined;
  /** Gets a character for each byte, escapes undone; '' also when there is no "=". Throws PresentationError. */
  readonly parse: (text: string) => Uint8Array;
};

/** Bytes without further meaning, in quotes. */
export const opaque: ValueFormat = {
  format: (value) => (value.length === 0 ? '' : quoteBytes(value)),
  parse: latin1Bytes,
};

const none: ValueFormat = {
  format: (value) => (value.length === 0 ? '' : undefined),
  parse: (text) => {
    if (text !== '') throw new PresentationError(`takes no value, got "${text}"`);
    return new Uint8Array(0);
  },
};

const port: ValueFormat = {
  format: (value) => (value.length === 2 ? String(readU16(value, 0)) : undefined),
  parse: parseU16,
};

const base64: ValueFormat = {
  format: (value) => (value.length === 0 ? undefined : formatBase64(value)),
  parse: (text) => {
    if (text === '') throw new PresentationError('needs a value');
    return parsed(text, 'in base 64', parseBase64);
  },
};

/** Items of one size between commas, one at least. */
function listOf(itemBytes: number, format: (item: Uint8Array) => string, parse: ValueFormat['parse']): ValueFormat {
  return {
    format: (value) => {
      if (value.length === 0 || value.length % itemBytes !== 0) return undefined;
      const items = Array.from({ length: value.length / itemBytes }, (_, i) => value.subarray(i * itemBytes));
      return items.map((item) => format(item)).join(',');
    },
    parse: (text) => concatBytes(text.split(',').map(parse)),
  };
}

const ipv4Hints = listOf(IPV4_BYTES, formatIpv4, (text) => parsed(text, 'an IPv4 address', parseIpv4));
const ipv6Hints = listOf(IPV6_BYTES, formatIpv6, (text) => parsed(text, 'an IPv6 address', parseIpv6));
const groups = listOf(2, (item) => String(readU16(item, 0)), parseU16);

/** Keys, in ascending order whatever the order they are written in. */
const mandatory: ValueFormat = {
  format: (value) => {
    const keys = mandatoryKeys(value);
    return keys?.map(keyName).join(',');
  },
  parse: (text) => {
    const keys = text.split(',').map(parseKey);
    const value = concatBytes(keys.toSorted((a, b) => a - b).map(encodeU16));
    if (mandatoryKeys(value) === undefined) throw new PresentationError(`"${text}" repeats a key or names itself`);
    return value;
  },
};

/** The keys in a value of `mandatory`; undefined if they are none, not ascending, or `mandatory` is one of them. */
export function mandatoryKeys(value: Uint8Array): number[] | undefined {
  if (value.length === 0 || value.length % 2 !== 0) return undefined;
  const keys = Array.from({ length: value.length / 2 }, (_, i) => readU16(value, 2 * i));
  return keys.every((key, i) => key > (keys[i - 1] ?? KEY_MANDATORY)) ? keys : undefined;
}

/** Character-strings between commas; "," and "\" within one stand behind a backslash (RFC 9460 §A.1). */
function stringList(mayBeEmpty: boolean): ValueFormat {
  return {
    format: (value) => {
      if (value.length === 0) return mayBeEmpty ? '' : undefined;
      const items: string[] = [];
      const reader = new RdataReader(value);
      while (!reader.atEnd) {
        const item = reader.string();
        if (item === undefined || item.length === 0) return undefined;
        items.push(Buffer.from(item).toString('latin1').replace(/[,\\]/g, '\\$&'));
      }
      return quoteBytes(latin1Bytes(items.join(',')));
    },
    parse: (text) => {
      if (text === '' && mayBeEmpty) return new Uint8Array(0);
      if (!/^([^\\]|\\[,\\])*$/s.test(text)) throw new PresentationError('"\\" stands only before "," or "\\"');
      const items = text.split(/(?<=(?<!\\)(?:\\\\)*),/).map((item) => item.replace(/\\(.)/g, '$1'));
      if (items.includes('')) throw new PresentationError('has an empty item');
      return concatBytes(items.map((item) => encodeString(latin1Bytes(item), 'item')));
    },
  };
}

const KEYS: readonly (readonly [number, string, ValueFormat])[] = [
  [KEY_MANDATORY, 'mandatory', mandatory],
  [KEY_ALPN, 'alpn', stringList(false)],
  [KEY_NO_DEFAULT_ALPN, 'no-default-alpn', none],
  [3, 'port', port],
  [4, 'ipv4hint', ipv4Hints],
  [5, 'ech', base64],
  [6, 'ipv6hint', ipv6Hints],
  [7, 'dohpath', opaque], // RFC 9461
  [8, 'ohttp', none], // RFC 9540
  [9, 'tls-supported-groups', groups],
  [10, 'docpath', stringList(true)],
];
const nameOfKey = new Map(KEYS.map(([key, name]) => [key, name]));
const keyOfName = new Map(KEYS.map(([key, name]) => [name, key]));
const formatOfKey = new Map(KEYS.map(([key, , format]) => [key, format]));

/** `alpn` …; `key667` for what has no name. */
export function keyName(key: number): string {
  return nameOfKey.get(key) ?? `key${key}`;
}

/** Throws PresentationError if it is no key. */
export function parseKey(text: string): number {
  const number = /^key(0|[1-9]\d{0,4})$/.exec(text);
  const key = number === null ? keyOfName.get(text) : Number(number[1]);
  if (key === undefined || key >= KEY_INVALID) throw new PresentationError(`"${text}" is not a parameter`);
  return key;
}

/** A key without a format of its own takes any bytes. */
export function valueFormat(key: number): ValueFormat {
  return formatOfKey.get(key) ?? opaque;
}

function parseU16(text: string): Uint8Array {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 0xffff) {
    throw new PresentationError(`must be 0..65535, got "${text}"`);
  }
  return encodeU16(Number(text));
}

function latin1Bytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}
