import { quote } from './printf/quote.ts';
import { type Callable, CallError, unsigned, type Value, type Work } from './values.ts';

const MAX_BITS = 64n;
const PREFIXES: readonly (readonly [RegExp, number])[] = [
  [/^0[xX]/, 16],
  [/^0[bB]/, 2],
  [/^0[oO]/, 8],
  [/^0(?=.)/, 8],
];

/** `parseInt TEXT BASE BITS`: Go's `strconv.ParseUint`. Base 0: the text says it, as numbers in Go do. */
export const PARSE_INT: Callable = {
  parameters: ['string', 'int', 'int'],
  call: ([text, base, bits], work) => parse(String(text), base, bits, work),
};

function parse(text: string, base: Value, bits: Value, work: Work): Value {
  const failed = (reason: string) => new CallError(`strconv.ParseUint: parsing ${quote(text)}: ${reason}`);
  work.spendOn(text.length);
  if (text === '') throw failed('invalid syntax');
  const { digits, radix } = base === 0n ? byPrefix(text) : { digits: text.toLowerCase(), radix: Number(base) };
  if (radix < 2 || radix > 36) throw failed(`invalid base ${base}`);
  if (typeof bits !== 'bigint' || bits < 0n || bits > MAX_BITS) throw failed(`invalid bit size ${bits}`);
  const limit = 2n ** (bits === 0n ? MAX_BITS : bits);
  let value = 0n;
  for (const digit of digits) {
    const number = Number.parseInt(digit, radix);
    if (Number.isNaN(number)) throw failed('invalid syntax');
    // What follows may still be no digit, which counts more.
    if (value < limit) value = value * BigInt(radix) + BigInt(number);
  }
  if (digits === '') throw failed('invalid syntax');
  if (value >= limit) throw failed('value out of range');
  return unsigned(value, 64);
}

/** Digits may have underscores between them then. */
function byPrefix(text: string): { digits: string; radix: number } {
  const [prefix, radix] = PREFIXES.find(([pattern]) => pattern.test(text)) ?? [/^/, 10];
  const digits = text.replace(prefix, '').toLowerCase();
  const isSpaced = /^[^_]+(?:_[^_]+)*$/.test(radix === 10 ? digits : digits.replace(/^_/, ''));
  return { digits: isSpaced ? digits.replaceAll('_', '') : '', radix };
}
