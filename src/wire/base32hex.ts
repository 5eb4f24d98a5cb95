/** Base 32 with the extended hex alphabet, without padding (RFC 4648 §7). */
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUV';
const DIGIT_BITS = 5;

export function formatBase32Hex(bytes: Uint8Array): string {
  let text = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    for (bits += 8; bits >= DIGIT_BITS; bits -= DIGIT_BITS) text += ALPHABET[(buffer >> (bits - DIGIT_BITS)) & 31];
    buffer &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET[(buffer << (DIGIT_BITS - bits)) & 31];
}

/** In either case; undefined for other characters, or bits that make no whole byte. */
export function parseBase32Hex(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  let buffer = 0;
  let bits = 0;
  for (const character of text.toUpperCase()) {
    const digit = ALPHABET.indexOf(character);
    if (digit === -1) return undefined;
    buffer = (buffer << DIGIT_BITS) | digit;
    bits += DIGIT_BITS;
    if (bits >= 8) {
      bits -= 8;
      bytes.push(buffer >> bits);
      buffer &= (1 << bits) - 1;
    }
  }
  return bits < DIGIT_BITS && buffer === 0 ? Uint8Array.from(bytes) : undefined;
}
