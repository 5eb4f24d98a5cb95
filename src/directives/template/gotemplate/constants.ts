/** Constants of Go, from how they are written. What is no constant gives undefined. */
import type { NumberNode } from './nodes.ts';

const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;
const MAX_CODE_POINT = 0x10ffff;

const INTEGER = /^([+-]?)(0[xX](?:_?[\da-fA-F])+|0[oO]?(?:_?[0-7])+|0[bB](?:_?[01])+|0|[1-9](?:_?\d)*)$/;
const FLOAT = /^[+-]?(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?$/;
const HEX_FLOAT = /^([+-]?)0[xX]_?([\da-fA-F_]*)\.?([\da-fA-F_]*)[pP]([+-]?\d+)$/;

/** `12`, `0x1f`, `1_000`, `2.5`, `1e3`: its type is int or float64, as the syntax says. */
export function parseNumber(text: string, offset: number): NumberNode | undefined {
  const integer = integerOf(text);
  if (integer !== undefined) {
    const fits = integer <= MAX_INT64 && integer >= -MAX_INT64 - 1n;
    if (!fits && (integer < 0n || integer > MAX_UINT64)) return undefined;
    return { kind: 'number', text, value: fits ? integer : undefined, integer: fits ? integer : undefined, offset };
  }
  const float = floatOf(text);
  if (float === undefined) return undefined;
  const isWhole = Number.isInteger(float) && Math.abs(float) < 2 ** 63;
  return { kind: 'number', text, value: float, integer: isWhole ? BigInt(float) : undefined, offset };
}

function integerOf(text: string): bigint | undefined {
  const [, sign, written] = INTEGER.exec(text) ?? [];
  if (written === undefined) return undefined;
  const digits = written.replaceAll('_', '').replace(/^0(?=[0-7])/, '0o');
  const value = BigInt(digits);
  return sign === '-' ? -value : value;
}

function floatOf(text: string): number | undefined {
  const digits = text.replaceAll('_', '');
  if (FLOAT.test(text) && /[.eE]/.test(text)) return finite(Number(digits));
  const [, sign, whole = '', fraction = '', exponent] = HEX_FLOAT.exec(digits) ?? [];
  if (exponent === undefined || whole + fraction === '') return undefined;
  const mantissa = Number.parseInt(whole + fraction, 16);
  const value = mantissa * 2 ** (Number(exponent) - 4 * fraction.length);
  return finite(sign === '-' ? -value : value);
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/** `'a'`, `'\n'`, `'\u00e9'`: the number of the character. */
export function parseCharacter(text: string, offset: number): NumberNode | undefined {
  const value = unescaped(text.slice(1, -1), "'");
  const code = value?.codePointAt(0);
  if (value === undefined || code === undefined || value.length !== String.fromCodePoint(code).length) return undefined;
  return { kind: 'number', text, value: BigInt(code), integer: BigInt(code), offset };
}

/** The text of `"…"` or `` `…` ``. */
export function parseString(text: string): string | undefined {
  return text.startsWith('`') ? text.slice(1, -1).replaceAll('\r', '') : unescaped(text.slice(1, -1), '"');
}

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};
const ESCAPE = /\\(?:([0-7]{3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|(.))|[^\\]+/gs;

/** Undefined for an escape that Go does not know; of the quotes only the one that is in use may be escaped. */
function unescaped(text: string, quotes: '"' | "'"): string | undefined {
  if (!text.includes('\\')) return text;
  const pieces: Uint8Array[] = [];
  for (const [piece, octal, hex, short, long, simple] of text.matchAll(ESCAPE)) {
    const byte = octal !== undefined ? Number.parseInt(octal, 8) : hex !== undefined ? Number.parseInt(hex, 16) : -1;
    const code = Number.parseInt(short ?? long ?? '', 16);
    const plain = simple === undefined ? piece : simple === quotes ? quotes : SIMPLE[simple];
    if (byte > 0xff || code > MAX_CODE_POINT || (code >= 0xd800 && code <= 0xdfff) || plain === undefined) {
      return undefined;
    }
    if (byte >= 0) pieces.push(Uint8Array.of(byte));
    else pieces.push(Buffer.from(Number.isNaN(code) ? plain : String.fromCodePoint(code)));
  }
  // Escapes of single bytes may make up one character together.
  return Buffer.concat(pieces).toString();
}
