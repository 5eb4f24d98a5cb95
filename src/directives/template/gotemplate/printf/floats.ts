import { binaryOf, type Decimal, exactDecimal, rounded, shortestDecimal } from './decimal.ts';
import { hexFloat } from './hex-float.ts';
import { pad, type Spec } from './spec.ts';

/** Of `%g` without a precision: from this exponent on `%e` is used. */
const SHORTEST_MAX_EXPONENT = 6;
const MIN_EXPONENT = -4;
const DEFAULT_PRECISION = 6;

/** Undefined if the verb is none for floats. */
export function formatFloat(verb: string, value: number, spec: Spec): string | undefined {
  if (!'veEfFgGbxX'.includes(verb)) return undefined;
  if (!Number.isFinite(value)) return pad({ ...spec, zero: false }, notFinite(value, spec));
  const isNegative = value < 0 || Object.is(value, -0);
  const sign = isNegative ? '-' : spec.plus ? '+' : spec.space ? ' ' : '';
  let text = unsignedText(verb.toLowerCase(), Math.abs(value), spec.precision);
  if (spec.sharp && verb !== 'b') text = withPoint(verb, text, spec.precision);
  if ('EGX'.includes(verb)) text = text.toUpperCase();
  const missing = (spec.width ?? 0) - sign.length - text.length;
  if (spec.zero && !spec.minus && missing > 0) return sign + '0'.repeat(missing) + text;
  return pad({ ...spec, zero: false }, sign + text);
}

function notFinite(value: number, { plus, space }: Spec): string {
  if (value < 0) return '-Inf';
  const sign = plus ? '+' : space ? ' ' : '';
  return Number.isNaN(value) ? `${sign}NaN` : `${sign === '' ? '+' : sign}Inf`;
}

function unsignedText(verb: string, value: number, precision: number | undefined): string {
  switch (verb) {
    case 'b': {
      const { mantissa, exponent } = binaryOf(value);
      return `${mantissa}p${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`;
    }
    case 'x':
      return hexFloat(value, precision);
    case 'e': {
      const decimals = precision ?? DEFAULT_PRECISION;
      return withExponent(rounded(exactDecimal(value), decimals + 1), decimals);
    }
    case 'f': {
      const decimals = precision ?? DEFAULT_PRECISION;
      const exact = exactDecimal(value);
      return plain(rounded(exact, exact.point + decimals), decimals);
    }
    default:
      return general(value, precision);
  }
}

/** `%g`: whatever is shorter, `%e` or `%f`. */
function general(value: number, precision: number | undefined): string {
  const decimal = precision === undefined ? shortestDecimal(value) : rounded(exactDecimal(value), precision || 1);
  const count = decimal.digits.length;
  let maxExponent = precision === undefined ? SHORTEST_MAX_EXPONENT : precision || 1;
  if (precision !== undefined && maxExponent > count && count >= decimal.point) maxExponent = count;
  const exponent = decimal.point - 1;
  if (exponent < MIN_EXPONENT || exponent >= maxExponent) return withExponent(decimal, Math.max(count - 1, 0));
  return plain(decimal, Math.max(count - decimal.point, 0));
}

function withExponent({ digits, point }: Decimal, decimals: number): string {
  const exponent = digits === '' ? 0 : point - 1;
  const padded = digits.padEnd(decimals + 1, '0').slice(0, decimals + 1);
  const mantissa = decimals > 0 ? `${padded[0]}.${padded.slice(1)}` : padded[0];
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

function plain({ digits, point }: Decimal, decimals: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0';
  if (decimals === 0) return whole;
  const fraction = point > 0 ? digits.slice(point) : '0'.repeat(-point) + digits;
  return `${whole}.${fraction.padEnd(decimals, '0').slice(0, decimals)}`;
}

/** `#`: always a decimal point, and the zeros at the end that `%g` leaves out. */
function withPoint(verb: string, text: string, precision: number | undefined): string {
  const mark = verb === 'x' || verb === 'X' ? 'p' : 'e';
  const [number, exponent] = text.split(mark);
  const tail = exponent === undefined ? '' : `${mark}${exponent}`;
  let result = number.includes('.') ? number : `${number}.`;
  if ('vgGx'.includes(verb)) {
    const significant = number.replace('.', '').replace(/^0+/, '').length;
    const isZero = number === '0';
    const missing = (precision ?? DEFAULT_PRECISION) - significant - (isZero ? 1 : 0);
    result += '0'.repeat(Math.max(missing, 0));
  }
  return result + tail;
}
