import { PresentationError } from './presentation-error.ts';

/** The most that a character-string can hold: it has one byte for its length (RFC 1035 §3.3). */
export const MAX_STRING_BYTES = 255;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NOT_PLAIN = /["\\]|[^ -~]/;

/** The bytes between quotes; `"` and `\` behind a backslash, and `\DDD` for what is not printable ASCII. */
export function quoteBytes(bytes: Uint8Array): string {
  return `"${escapeBytes(bytes)}"`;
}

/** As in `quoteBytes`, without the quotes. */
export function escapeBytes(bytes: Uint8Array): string {
  const plain = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  if (!NOT_PLAIN.test(plain)) return plain;
  let text = '';
  for (const byte of bytes) {
    if (byte === QUOTE || byte === BACKSLASH) text += `\\${String.fromCharCode(byte)}`;
    else if (byte < 0x20 || byte > 0x7e) text += `\\${String(byte).padStart(3, '0')}`;
    else text += String.fromCharCode(byte);
  }
  return text;
}

/** The bytes that a word means: `\DDD` is one, `\X` is X, all else is UTF-8. */
export function unescapeBytes(text: string): Uint8Array {
  const source = Buffer.from(text, 'utf8');
  const bytes = new Uint8Array(source.length);
  let written = 0;
  let position = 0;
  while (position < source.length) {
    if (source[position] !== BACKSLASH) {
      bytes[written++] = source[position++];
      continue;
    }
    const digits = /^\d{3}/.exec(source.toString('latin1', position + 1, position + 4));
    const byte = digits === null ? source[position + 1] : Number(digits[0]);
    if (byte === undefined || byte > 255) throw new PresentationError(`"${text}" has an escape that is no byte`);
    bytes[written++] = byte;
    position += digits === null ? 2 : 4;
  }
  return bytes.slice(0, written);
}

/** The text, or as much of its UTF-8 as there is room for, with its length before it. */
export function characterString(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'utf8').subarray(0, MAX_STRING_BYTES);
  return Uint8Array.of(bytes.length, ...bytes);
}
