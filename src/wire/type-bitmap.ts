/**
 * Sets of RR types as NSEC and NSEC3 have them (RFC 4034 §4.1.2): for each window of 256 types that has any, its
 * number, the length of its bitmap (1 to 32 bytes), the bitmap, highest bit first.
 */
const WINDOW_TYPES = 256;
const MAX_BITMAP_BYTES = 32;
const HIGHEST_BIT = 0x80;

export function encodeTypeBitmap(types: readonly number[]): Uint8Array {
  const bitmaps = new Map<number, number[]>();
  for (const type of types.toSorted((a, b) => a - b)) {
    const window = Math.trunc(type / WINDOW_TYPES);
    const bitmap = bitmaps.get(window) ?? [];
    const index = Math.trunc((type % WINDOW_TYPES) / 8);
    while (bitmap.length <= index) bitmap.push(0);
    bitmap[index] |= HIGHEST_BIT >> (type % 8);
    bitmaps.set(window, bitmap);
  }
  return Uint8Array.from([...bitmaps].flatMap(([window, bitmap]) => [window, bitmap.length, ...bitmap]));
}

/** The types in ascending order; undefined if the bytes are no such set. */
export function decodeTypeBitmap(bytes: Uint8Array): number[] | undefined {
  const types: number[] = [];
  let lastWindow = -1;
  let position = 0;
  while (position < bytes.length) {
    const window = bytes[position];
    const length = bytes[position + 1];
    const start = position + 2;
    if (window <= lastWindow || !(length >= 1 && length <= MAX_BITMAP_BYTES)) return undefined;
    if (start + length > bytes.length) return undefined;
    for (let bit = 0; bit < length * 8; bit++) {
      const isSet = (bytes[start + (bit >> 3)] & (HIGHEST_BIT >> (bit & 7))) !== 0;
      if (isSet) types.push(window * WINDOW_TYPES + bit);
    }
    lastWindow = window;
    position = start + length;
  }
  return types;
}
