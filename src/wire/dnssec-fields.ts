/** Fields that occur in the records of DNSSEC and its kin: encoded bytes, points in time, sets of types. */
import { formatBase32Hex, parseBase32Hex } from './base32hex.ts';
import { PresentationError } from './presentation-error.ts';
import { encodeString, encodeU16, encodeU32, type Field, parsed } from './rdata-fields.ts';
import { decodeTypeBitmap, encodeTypeBitmap } from './type-bitmap.ts';
import { typeFromName, typeName } from './types.ts';

/** Bytes to the end, in base 16; blanks may stand between the digits. */
export function hexToEnd(what: string): Field {
  return {
    format: (rdata) => (rdata.atEnd ? undefined : formatHex(rdata.rest())),
    parse: (words) => someBytes(parsed(words.rest().join(''), 'in base 16', parseHex), what),
  };
}

/** Bytes to the end, in base 64; blanks may stand between the digits. */
export function base64ToEnd(what: string): Field {
  return {
    format: (rdata) => (rdata.atEnd ? undefined : formatBase64(rdata.rest())),
    parse: (words) => someBytes(parsed(words.rest().join(''), 'in base 64', parseBase64), what),
  };
}

function someBytes(bytes: Uint8Array, what: string): Uint8Array {
  if (bytes.length === 0) throw new PresentationError(`${what} is missing`);
  return bytes;
}

/** The salt of NSEC3: up to 255 bytes behind their length, in base 16; `-` for none (RFC 5155 §3.3). */
export const salt: Field = {
  format: (rdata) => {
    const bytes = rdata.string();
    return bytes?.length === 0 ? '-' : bytes && formatHex(bytes);
  },
  parse: (words) => {
    const text = words.text('salt');
    return encodeString(text === '-' ? new Uint8Array(0) : parsed(text, 'in base 16', parseHex), 'salt');
  },
};

/** The next hashed owner name of NSEC3: bytes behind their length, in base 32 with the extended hex alphabet. */
export const hashedName: Field = {
  format: (rdata) => {
    const bytes = rdata.string();
    return bytes === undefined || bytes.length === 0 ? undefined : formatBase32Hex(bytes);
  },
  parse: (words) => {
    const bytes = parsed(words.text('next hashed owner name'), 'in base 32', parseBase32Hex);
    return encodeString(someBytes(bytes, 'next hashed owner name'), 'next hashed owner name');
  },
};

export const rrType: Field = {
  format: (rdata) => {
    const type = rdata.u16();
    return type === undefined ? undefined : typeName(type);
  },
  parse: (words) => encodeU16(parseType(words.text('type covered'))),
};

/** Types to the end; there may be none. */
export const typeSet: Field = {
  format: (rdata) => decodeTypeBitmap(rdata.rest())?.map(typeName).join(' '),
  parse: (words) => encodeTypeBitmap(words.rest().map(parseType)),
};

function parseType(text: string): number {
  const type = typeFromName(text);
  if (type === undefined) throw new PresentationError(`"${text}" is not a type`);
  return type;
}

/** YYYYMMDDHHmmSS in UTC, or seconds since 1970 (RFC 4034 §3.2); the years are 1970 to 2106. */
export function time(what: string): Field {
  return {
    format: (rdata) => {
      const seconds = rdata.u32();
      if (seconds === undefined) return undefined;
      return new Date(seconds * 1000).toISOString().slice(0, 19).replace(/[-:T]/g, '');
    },
    parse: (words) => {
      const text = words.text(what);
      const seconds = parseTime(text);
      if (seconds === undefined) throw new PresentationError(`${what} must be YYYYMMDDHHmmSS, got "${text}"`);
      return encodeU32(seconds);
    },
  };
}

function parseTime(text: string): number | undefined {
  const isDate = /^\d{14}$/.test(text);
  if (!isDate && !/^\d{1,10}$/.test(text)) return undefined;
  const iso = text.replace(/(....)(..)(..)(..)(..)(..)/, '$1-$2-$3T$4:$5:$6Z');
  const seconds = isDate ? Date.parse(iso) / 1000 : Number(text);
  return seconds >= 0 && seconds <= 0xffffffff ? seconds : undefined;
}

export function formatHex(bytes: Uint8Array): string {
  return bytes.toHex().toUpperCase();
}

export function parseHex(text: string): Uint8Array | undefined {
  return /^([0-9a-f]{2})*$/i.test(text) ? Uint8Array.fromHex(text) : undefined;
}

export function formatBase64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

export function parseBase64(text: string): Uint8Array | undefined {
  const isWhole = text.length % 4 === 0 && /^[0-9a-z+/]*={0,2}$/i.test(text);
  return isWhole ? Buffer.from(text, 'base64') : undefined;
}
