/**
 * Domain names in wire form (RFC 1035 §3.1, compressed: §4.1.4).
 *
 * What a pointer leads to must lie, down to its end, before the piece of the name that the pointer stands in. So a name
 * cannot loop, and means the same whatever comes behind it. No more than 127 pointers and 255 bytes are followed, which
 * bounds the work for one name whatever the bytes are.
 */
import { copyBytes, equalIgnoringCase, LOWER_BYTE } from './bytes.ts';
import { HEADER_BYTES } from './header.ts';

/** A name without compression: at most 255 bytes, the last of which is the root label. */
export type WireName = Uint8Array;

export const MAX_NAME_BYTES = 255;
export const MAX_LABEL_BYTES = 63;
/** A name of 255 bytes has at most 127 labels; more pointers than that serve nobody. */
const MAX_POINTERS = 127;
/** The two high bits of a length byte: 11 is a pointer, 01 and 10 are not in use. */
export const POINTER_BITS = 0xc0;

export const ROOT_NAME: WireName = Uint8Array.of(0);

/** The target of the pointer at `offset`. */
export function pointerTarget(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] & ~POINTER_BITS) << 8) | bytes[offset + 1];
}

/**
 * The offset behind the name at `offset`, which must end by `end`; -1 if it does not, or has a label of unknown kind.
 * Pointers are not followed.
 */
export function skipName(bytes: Uint8Array, offset: number, end: number): number {
  let position = offset;
  while (position < end) {
    const length = bytes[position];
    if (length === 0) return position + 1;
    if (length >= POINTER_BITS) return position + 2 <= end ? position + 2 : -1;
    if (length > MAX_LABEL_BYTES) return -1;
    position += length + 1;
  }
  return -1;
}

/** The length in bytes that the name at `offset` has without compression; -1 if it is malformed. */
export function nameLength(bytes: Uint8Array, offset: number): number {
  let total = 0;
  let pointers = 0;
  let end = bytes.length;
  let pieceStart = offset;
  let position = offset;
  while (position < end) {
    const length = bytes[position];
    if (length === 0) return total < MAX_NAME_BYTES ? total + 1 : -1;
    if (length >= POINTER_BITS) {
      if (position + 2 > end || ++pointers > MAX_POINTERS) return -1;
      const target = pointerTarget(bytes, position);
      if (target < HEADER_BYTES || target >= pieceStart) return -1;
      end = pieceStart;
      pieceStart = target;
      position = target;
    } else {
      total += length + 1;
      if (length > MAX_LABEL_BYTES || total >= MAX_NAME_BYTES) return -1;
      position += length + 1;
    }
  }
  return -1;
}

/** A copy of the name at `offset`, decompressed; undefined if it is malformed. */
export function readName(bytes: Uint8Array, offset: number): WireName | undefined {
  const total = nameLength(bytes, offset);
  if (total === -1) return undefined;
  const name = new Uint8Array(total);
  expandName(bytes, offset, name, 0);
  return name;
}

/** Writes the name at `offset`, found good by `nameLength`, decompressed into `target`. Returns the offset behind it. */
export function expandName(bytes: Uint8Array, offset: number, target: Uint8Array, targetOffset: number): number {
  let position = offset;
  let written = targetOffset;
  for (;;) {
    const length = bytes[position];
    if (length >= POINTER_BITS) {
      position = pointerTarget(bytes, position);
      continue;
    }
    for (let i = 0; i <= length; i++) target[written++] = bytes[position++];
    if (length === 0) return written;
  }
}

/** A copy with A-Z lowered. */
export function lowerName(name: WireName): WireName {
  const lower = copyBytes(name, 0, name.length);
  for (let i = 0; i < lower.length; i++) lower[i] = LOWER_BYTE[lower[i]];
  return lower;
}

/** ASCII case-insensitive. */
export function namesEqual(a: WireName, b: WireName): boolean {
  return a.length === b.length && equalIgnoringCase(a, 0, b, 0, a.length);
}

/** Whether `name` is `zone` or below it, ASCII case-insensitive. */
export function nameIsUnder(name: WireName, zone: WireName): boolean {
  let offset = 0;
  while (name.length - offset > zone.length) offset += name[offset] + 1;
  return name.length - offset === zone.length && equalIgnoringCase(name, offset, zone, 0, zone.length);
}

// Presentation format. Escapes are those that CoreDNS prints: `\X` for these, `\DDD` for what is not printable ASCII.
const ESCAPED_BY_BACKSLASH = new Set(Array.from(' .\'@;()"\\', (character) => character.charCodeAt(0)));
const DOT = 0x2e;
const BACKSLASH = 0x5c;
const DIGIT_0 = 0x30;

/** What each byte is in text; 0 if it must be escaped. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte > 0x7e || ESCAPED_BY_BACKSLASH.has(byte) ? 0 : byte,
);
const PLAIN_LOWER = PLAIN.map((byte) => LOWER_BYTE[byte]);

/** The text of one name: each of its 255 bytes can become `\DDD`. Never in use across calls. */
const scratch = Buffer.allocUnsafeSlow(4 * MAX_NAME_BYTES);

/**
 * The name at `offset` in presentation format, with final dot and the case it has. Follows pointers. Of a malformed
 * name, the labels before the fault.
 */
export function nameToText(bytes: Uint8Array, offset: number): string {
  return textOf(bytes, offset, PLAIN);
}

/** As `nameToText`, with A-Z lowered. */
export function nameToLowerText(bytes: Uint8Array, offset: number): string {
  return textOf(bytes, offset, PLAIN_LOWER);
}

function textOf(bytes: Uint8Array, offset: number, plain: Uint8Array): string {
  let position = offset;
  let pieceStart = offset;
  let end = bytes.length;
  let pointers = 0;
  let total = 0;
  let written = 0;
  while (position < end) {
    const length = bytes[position++];
    if (length === 0) break;
    if (length >= POINTER_BITS) {
      const target = pointerTarget(bytes, position - 1);
      if (position >= end || target < HEADER_BYTES || target >= pieceStart || ++pointers > MAX_POINTERS) break;
      end = pieceStart;
      pieceStart = target;
      position = target;
      continue;
    }
    const labelEnd = position + length;
    total += length + 1;
    if (length > MAX_LABEL_BYTES || labelEnd > end || total >= MAX_NAME_BYTES) break;
    while (position < labelEnd) {
      const byte = bytes[position++];
      const character = plain[byte];
      if (character !== 0) scratch[written++] = character;
      else written = writeEscape(byte, written);
    }
    scratch[written++] = DOT;
  }
  return written === 0 ? '.' : scratch.toString('latin1', 0, written);
}

/** Into `scratch`; returns the offset behind it. */
function writeEscape(byte: number, at: number): number {
  scratch[at] = BACKSLASH;
  if (ESCAPED_BY_BACKSLASH.has(byte)) {
    scratch[at + 1] = byte;
    return at + 2;
  }
  scratch[at + 1] = DIGIT_0 + Math.trunc(byte / 100);
  scratch[at + 2] = DIGIT_0 + (Math.trunc(byte / 10) % 10);
  scratch[at + 3] = DIGIT_0 + (byte % 10);
  return at + 4;
}

/**
 * Presentation format to wire form. A name without final dot is taken as absolute. Undefined if it has an empty label,
 * a label over 63 bytes, more than 255 bytes, or an escape that is neither `\DDD` up to 255 nor `\X`.
 */
export function nameFromText(text: string): WireName | undefined {
  if (text === '.') return ROOT_NAME;
  const source = Buffer.from(text, 'utf8');
  const name = new Uint8Array(MAX_NAME_BYTES);
  let labelStart = 0;
  let written = 1;
  for (let i = 0; i < source.length; i++) {
    let byte = source[i];
    if (byte === DOT) {
      if (!endLabel(name, labelStart, written)) return undefined;
      labelStart = written++;
      continue;
    }
    if (byte === BACKSLASH) {
      if (isDigit(source[i + 1])) {
        byte = decimalByte(source, i + 1);
        i += 3;
      } else {
        byte = source[++i] ?? -1;
      }
      if (byte < 0) return undefined;
    }
    if (written >= MAX_NAME_BYTES) return undefined;
    name[written++] = byte;
  }
  if (written - labelStart > 1) {
    if (!endLabel(name, labelStart, written)) return undefined;
    labelStart = written++;
  }
  return labelStart > 0 && written <= MAX_NAME_BYTES ? copyBytes(name, 0, written) : undefined;
}

/** Sets the length of the label that starts at `labelStart`; false if it cannot have that length. */
function endLabel(name: Uint8Array, labelStart: number, labelEnd: number): boolean {
  const length = labelEnd - labelStart - 1;
  name[labelStart] = length;
  return length > 0 && length <= MAX_LABEL_BYTES;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= DIGIT_0 && byte <= DIGIT_0 + 9;
}

/** The value of three digits, -1 if they are not three or above 255. */
function decimalByte(text: Uint8Array, offset: number): number {
  if (!isDigit(text[offset + 1]) || !isDigit(text[offset + 2])) return -1;
  const value = (text[offset] - DIGIT_0) * 100 + (text[offset + 1] - DIGIT_0) * 10 + text[offset + 2] - DIGIT_0;
  return value <= 255 ? value : -1;
}

/** Lowers A-Z and nothing else. */
export function lowerText(text: string): string {
  return NOT_ASCII.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text.toLowerCase();
}
const NOT_ASCII = /[^\0-\x7f]/;

/** Whether `name` is `zone` or below it; both in lower case with final dot. */
export function isSubdomain(name: string, zone: string): boolean {
  if (name.length === zone.length || zone === '.') return name === zone || zone === '.';
  return name.endsWith(zone) && isLabelEnd(name, name.length - zone.length - 1);
}

/** The name without its first label: `example.org.` of `www.example.org.`; `.` of a single label and of `.`. */
export function parentOf(name: string): string {
  let dot = name.indexOf('.');
  while (dot !== -1 && !isLabelEnd(name, dot)) dot = name.indexOf('.', dot + 1);
  return dot === -1 || dot === name.length - 1 ? '.' : name.slice(dot + 1);
}

/** Whether there is a dot at `index`, and not an escaped one: an even number of backslashes stands before it. */
function isLabelEnd(name: string, index: number): boolean {
  if (name.charCodeAt(index) !== DOT) return false;
  let start = index;
  while (name.charCodeAt(start - 1) === BACKSLASH) start--;
  return (index - start) % 2 === 0;
}
