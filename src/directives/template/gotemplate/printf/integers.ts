import { isPrintable, quoteCharacter } from './quote.ts';
import { pad, type Spec } from './spec.ts';

const BASES: Readonly<Record<string, number>> = { v: 10, d: 10, b: 2, o: 8, O: 8, x: 16, X: 16 };
const MAX_CODE_POINT = 0x10ffffn;
const REPLACEMENT = '\ufffd';

/** Undefined if the verb is none for integers. */
export function formatInteger(verb: string, value: bigint, isSigned: boolean, spec: Spec): string | undefined {
  if (verb === 'v' && spec.goSyntax && !isSigned) return inBase(value, 16, 'x', { ...spec, sharp: true });
  const base = BASES[verb];
  if (base !== undefined) return inBase(value, base, verb, spec);
  switch (verb) {
    case 'c':
      return pad(spec, characterOf(value));
    case 'q':
      return pad(spec, quoteCharacter(characterOf(value), spec.plus));
    case 'U':
      return pad({ ...spec, zero: false }, codePoint(value, spec));
    default:
      return undefined;
  }
}

function inBase(value: bigint, base: number, verb: string, spec: Spec): string {
  const isNegative = value < 0n;
  const padding = { ...spec, zero: false };
  if (spec.precision === 0 && value === 0n) return pad(padding, '');
  const sign = isNegative ? '-' : spec.plus ? '+' : spec.space ? ' ' : '';
  let digits = (isNegative ? -value : value).toString(base).padStart(digitsWanted(spec, sign), '0');
  if (spec.sharp) {
    if (base === 2) digits = `0b${digits}`;
    if (base === 8 && !digits.startsWith('0')) digits = `0${digits}`;
    if (base === 16) digits = `0x${digits}`;
  }
  if (verb === 'O') digits = `0o${digits}`;
  if (verb === 'X') digits = digits.toUpperCase();
  return pad(padding, sign + digits);
}

function digitsWanted({ precision, zero, minus, width }: Spec, sign: string): number {
  if (precision !== undefined) return precision;
  return zero && !minus && width !== undefined ? width - sign.length : 0;
}

function characterOf(value: bigint): string {
  const isCharacter = value >= 0n && value <= MAX_CODE_POINT && !(value >= 0xd800n && value <= 0xdfffn);
  return isCharacter ? String.fromCodePoint(Number(value)) : REPLACEMENT;
}

function codePoint(value: bigint, { precision = 4, sharp }: Spec): string {
  const hex = BigInt.asUintN(64, value).toString(16).toUpperCase().padStart(Math.max(4, precision), '0');
  const character = characterOf(value);
  const isShown = sharp && value >= 0n && value <= MAX_CODE_POINT && isPrintable(character);
  return isShown ? `U+${hex} '${character}'` : `U+${hex}`;
}
