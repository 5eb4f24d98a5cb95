/** Decimal digits of a float64: 0.DIGITS × 10^point, without zeros at the end; none for 0. */
export type Decimal = { readonly digits: string; readonly point: number };

const MANTISSA_BITS = 52n;
const EXPONENT_BIAS = 1075;

/** As few digits as tell the number from its neighbours. */
export function shortestDecimal(value: number): Decimal {
  if (value === 0) return { digits: '', point: 0 };
  const [mantissa, exponent] = value.toExponential().split('e');
  return { digits: trimZeros(mantissa.replace('.', '')), point: Number(exponent) + 1 };
}

/** All digits, of which a float64 has up to 767. */
export function exactDecimal(value: number): Decimal {
  const { mantissa, exponent } = binaryOf(value);
  if (mantissa === 0n) return { digits: '', point: 0 };
  if (exponent >= 0) {
    const text = (mantissa << BigInt(exponent)).toString();
    return { digits: trimZeros(text), point: text.length };
  }
  const text = (mantissa * 5n ** BigInt(-exponent)).toString();
  return { digits: trimZeros(text), point: text.length + exponent };
}

/** The value as mantissa × 2^exponent. */
export function binaryOf(value: number): { mantissa: bigint; exponent: number } {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, Math.abs(value));
  const word = bits.getBigUint64(0);
  const biased = Number(word >> MANTISSA_BITS);
  const fraction = word & ((1n << MANTISSA_BITS) - 1n);
  if (biased === 0) return { mantissa: fraction, exponent: 1 - EXPONENT_BIAS };
  return { mantissa: fraction | (1n << MANTISSA_BITS), exponent: biased - EXPONENT_BIAS };
}

/** With at most `count` digits; what is just between two goes to the even one. */
export function rounded({ digits, point }: Decimal, count: number): Decimal {
  if (count >= digits.length) return { digits, point };
  if (count < 0) return { digits: '', point: 0 };
  const kept = digits.slice(0, count);
  const rest = digits.slice(count);
  const isOdd = count > 0 && Number(kept.at(-1)) % 2 === 1;
  const isUp = rest === '5' ? isOdd : rest >= '5';
  if (!isUp) return { digits: trimZeros(kept), point: trimZeros(kept) === '' ? 0 : point };
  const next = (BigInt(kept === '' ? 0 : kept) + 1n).toString();
  return { digits: trimZeros(next), point: point + next.length - count };
}

function trimZeros(digits: string): string {
  return digits.replace(/0+$/, '');
}
