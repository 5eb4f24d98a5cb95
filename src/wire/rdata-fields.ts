import { formatIpv4, formatIpv6, IPV4_BYTES, IPV6_BYTES, parseIpv4, parseIpv6 } from './address.ts';
import { concatBytes, writeU16, writeU32 } from './bytes.ts';
import { escapeBytes, MAX_STRING_BYTES, quoteBytes, unescapeBytes } from './character-string.ts';
import { nameToText } from './name.ts';
import { PresentationError } from './presentation-error.ts';
import type { RdataReader } from './rdata-reader.ts';
import type { RdataWords } from './rdata-words.ts';
import { parseTtl } from './ttl-text.ts';

/** One field of rdata, between wire form and text. `what` names it in errors, here and below. */
export type Field = {
  /** Takes the field off the rdata; undefined if that does not fit. */
  readonly format: (rdata: RdataReader) => string | undefined;
  /** Takes the field off the words of a line; throws PresentationError. */
  readonly parse: (words: RdataWords) => Uint8Array;
};

export function u8(what: string): Field {
  return {
    format: (rdata) => rdata.u8()?.toString(),
    parse: (words) => Uint8Array.of(words.number(what, 0xff)),
  };
}

export function u16(what: string): Field {
  return {
    format: (rdata) => rdata.u16()?.toString(),
    parse: (words) => encodeU16(words.number(what, 0xffff)),
  };
}

export function u32(what: string): Field {
  return {
    format: (rdata) => rdata.u32()?.toString(),
    parse: (words) => encodeU32(words.number(what, 0xffffffff)),
  };
}

/** Seconds; also written `1h30m`. */
export function duration(what: string): Field {
  return {
    format: (rdata) => rdata.u32()?.toString(),
    parse: (words) => {
      const text = words.text(what);
      const seconds = parseTtl(text);
      if (seconds === undefined) throw new PresentationError(`${what} must be a time in seconds, got "${text}"`);
      return encodeU32(seconds);
    },
  };
}

export function name(what: string): Field {
  return {
    format: (rdata) => {
      const wireName = rdata.name();
      return wireName && nameToText(wireName, 0);
    },
    parse: (words) => words.name(what),
  };
}

export const ipv4: Field = {
  format: (rdata) => {
    const bytes = rdata.take(IPV4_BYTES);
    return bytes && formatIpv4(bytes);
  },
  parse: (words) => parsed(words.text('address'), 'an IPv4 address', parseIpv4),
};

export const ipv6: Field = {
  format: (rdata) => {
    const bytes = rdata.take(IPV6_BYTES);
    return bytes && formatIpv6(bytes);
  },
  parse: (words) => parsed(words.text('address'), 'an IPv6 address', parseIpv6),
};

/** What `parse` makes of the text; throws `"text" is not KIND` if that is undefined. */
export function parsed(text: string, kind: string, parse: (text: string) => Uint8Array | undefined): Uint8Array {
  const bytes = parse(text);
  if (bytes === undefined) throw new PresentationError(`"${text}" is not ${kind}`);
  return bytes;
}

/** A character-string: up to 255 bytes behind their length. */
export function string(what: string): Field {
  return {
    format: (rdata) => {
      const bytes = rdata.string();
      return bytes && quoteBytes(bytes);
    },
    parse: (words) => encodeString(words.bytes(what), what),
  };
}

/** One character-string or more, to the end; a longer text becomes several, as in CoreDNS. */
export const strings: Field = {
  format: (rdata) => {
    const texts: string[] = [];
    do {
      const bytes = rdata.string();
      if (bytes === undefined) return undefined;
      texts.push(quoteBytes(bytes));
    } while (!rdata.atEnd);
    return texts.join(' ');
  },
  parse: (words) => {
    const texts = words.rest().map(unescapeBytes);
    if (texts.length === 0) throw new PresentationError('text is missing');
    return concatBytes(texts.flatMap(splitLongText).map((bytes) => encodeString(bytes, 'text')));
  },
};

function splitLongText(bytes: Uint8Array): Uint8Array[] {
  const pieces = [bytes.subarray(0, MAX_STRING_BYTES)];
  for (let start = MAX_STRING_BYTES; start < bytes.length; start += MAX_STRING_BYTES) {
    pieces.push(bytes.subarray(start, start + MAX_STRING_BYTES));
  }
  return pieces;
}

/** Text to the end of the rdata, without a length (CAA, URI). */
export function longText(what: string): Field {
  return {
    format: (rdata) => quoteBytes(rdata.rest()),
    parse: (words) => words.bytes(what),
  };
}

/** The tag of a CAA record (RFC 8659 §4.1): letters and digits, not quoted. */
export const caaTag: Field = {
  format: (rdata) => {
    const bytes = rdata.string();
    const text = bytes && escapeBytes(bytes);
    return text !== undefined && CAA_TAG.test(text) ? text : undefined;
  },
  parse: (words) => {
    const text = words.text('tag');
    if (!CAA_TAG.test(text)) throw new PresentationError(`tag must be letters and digits, got "${text}"`);
    return encodeString(Buffer.from(text, 'latin1'), 'tag');
  },
};
const CAA_TAG = /^[A-Za-z0-9]{1,255}$/;

export function encodeString(bytes: Uint8Array, what: string): Uint8Array {
  if (bytes.length > MAX_STRING_BYTES) throw new PresentationError(`${what} has more than ${MAX_STRING_BYTES} bytes`);
  return concatBytes([Uint8Array.of(bytes.length), bytes]);
}

export function encodeU16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  writeU16(bytes, 0, value);
  return bytes;
}

export function encodeU32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, value);
  return bytes;
}
