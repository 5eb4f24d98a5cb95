import { binaryOf } from './decimal.ts';

const FRACTION_BITS = 52;
const MAX_DIGITS = FRACTION_BITS / 4;

/** `0x1.8p+01` of a float64 without its sign: as many digits as it has, or as the precision says. */
export function hexFloat(value: number, precision: number | undefined): string {
  const { digits, power } = value === 0 ? { digits: '0', power: 0 } : digitsOf(value, precision ?? MAX_DIGITS);
  const fraction =
    precision === undefined ? digits.slice(1).replace(/0+$/, '') : digits.slice(1).padEnd(precision, '0');
  const exponent = String(Math.abs(power)).padStart(2, '0');
  return `0x${digits[0]}${fraction === '' ? '' : `.${fraction}`}p${power < 0 ? '-' : '+'}${exponent}`;
}

/** A digit before the point and `count` or, if there are no more, 13 behind it. */
function digitsOf(value: number, count: number): { digits: string; power: number } {
  const { mantissa, exponent } = binaryOf(value);
  const missingBits = FRACTION_BITS + 1 - mantissa.toString(2).length;
  const power = exponent - missingBits + FRACTION_BITS;
  const dropped = 4 * Math.max(0, MAX_DIGITS - count);
  const rounded = roundedShift(mantissa << BigInt(missingBits), BigInt(dropped));
  // All ones become a number with one more bit.
  const isCarried = rounded >> BigInt(FRACTION_BITS + 1 - dropped) > 0n;
  return { digits: (isCarried ? rounded >> 1n : rounded).toString(16), power: isCarried ? power + 1 : power };
}

/** Without the last `bits`; what is just between two goes to the even one. */
function roundedShift(value: bigint, bits: bigint): bigint {
  if (bits === 0n) return value;
  const kept = value >> bits;
  const rest = value - (kept << bits);
  const half = 1n << (bits - 1n);
  return rest > half || (rest === half && kept % 2n === 1n) ? kept + 1n : kept;
}
