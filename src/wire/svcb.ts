/**
 * The parameters of SVCB and HTTPS records (RFC 9460 §2.2): in ascending order of the keys, for each one
 *
 *   key (16 bits) | length (16 bits) | value
 */
import { concatBytes } from './bytes.ts';
import { unescapeBytes } from './character-string.ts';
import { PresentationError } from './presentation-error.ts';
import { encodeU16, type Field } from './rdata-fields.ts';
import type { RdataReader } from './rdata-reader.ts';
import {
  KEY_ALPN,
  KEY_MANDATORY,
  KEY_NO_DEFAULT_ALPN,
  keyName,
  mandatoryKeys,
  opaque,
  parseKey,
  valueFormat,
} from './svcb-values.ts';

const MAX_VALUE_BYTES = 0xffff;

type Params = Map<number, Uint8Array>;

/** All parameters, to the end; there may be none. */
export const svcParams: Field = {
  format: (rdata) => {
    const params = readParams(rdata);
    if (params === undefined || inconsistency(params) !== undefined) return undefined;
    const texts: string[] = [];
    for (const [key, value] of params) {
      const text = valueFormat(key).format(value);
      if (text === undefined) return undefined;
      texts.push(text === '' ? keyName(key) : `${keyName(key)}=${text}`);
    }
    return texts.join(' ');
  },
  parse: (words) => {
    const params: Params = new Map();
    for (const word of words.rest()) {
      const [key, value] = parseParam(word);
      if (params.has(key)) throw new PresentationError(`${keyName(key)} is given twice`);
      params.set(key, value);
    }
    const fault = inconsistency(params);
    if (fault !== undefined) throw new PresentationError(fault);
    const sorted = [...params].toSorted(([a], [b]) => a - b);
    return concatBytes(sorted.flatMap(([key, value]) => [encodeU16(key), encodeU16(value.length), value]));
  },
};

/** Undefined if they are cut, or not in ascending order. */
function readParams(rdata: RdataReader): Params | undefined {
  const params: Params = new Map();
  let lastKey = -1;
  while (!rdata.atEnd) {
    const key = rdata.u16();
    const length = rdata.u16();
    const value = length === undefined ? undefined : rdata.take(length);
    if (key === undefined || value === undefined || key <= lastKey) return undefined;
    params.set(key, value);
    lastKey = key;
  }
  return params;
}

/** `key=value`, `key="value"` or `key`; a key written as a number takes its value as it is on the wire. */
function parseParam(word: string): [number, Uint8Array] {
  const equals = word.indexOf('=');
  const keyText = equals === -1 ? word : word.slice(0, equals);
  const key = parseKey(keyText);
  const format = keyText === keyName(key) ? valueFormat(key) : opaque;
  const text = equals === -1 ? '' : Buffer.from(unescapeBytes(word.slice(equals + 1))).toString('latin1');
  try {
    const value = format.parse(text);
    if (value.length > MAX_VALUE_BYTES) throw new PresentationError('is too long');
    return [key, value];
  } catch (error) {
    if (error instanceof PresentationError) throw new PresentationError(`${keyText}: ${error.message}`);
    throw error;
  }
}

/** What is wrong with the parameters as a whole (RFC 9460 §7.1.1 and §8), if anything is. */
function inconsistency(params: Params): string | undefined {
  if (params.has(KEY_NO_DEFAULT_ALPN) && !params.has(KEY_ALPN)) return 'no-default-alpn needs alpn';
  const mandatory = params.get(KEY_MANDATORY);
  if (mandatory === undefined) return undefined;
  const absent = mandatoryKeys(mandatory)?.find((key) => !params.has(key));
  return absent === undefined ? undefined : `mandatory: ${keyName(absent)} is not given`;
}
