import { readU16 } from '../../wire/bytes.ts';
import { ANCOUNT_OFFSET, ARCOUNT_OFFSET, NSCOUNT_OFFSET, RECORD_FIXED_BYTES } from '../../wire/header.ts';
import { POINTER_BITS, pointerTarget, skipName } from '../../wire/name.ts';
import { TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_MX } from '../../wire/types.ts';

const POINTER_BYTES = 2;
const RDLENGTH_BEFORE_RDATA = 2;
const IPV6_BYTES = 16;

/**
 * Gives the addresses of the answer at `start` another order, as `loadbalance` does with its policy round_robin: where
 * aliases, if any, and then addresses of one type and owner are all that there is, rdata that change places are records
 * that do. False: the answer has another form, which takes more than that; its bytes are as they were.
 */
export function shuffleAddresses(
  bytes: Uint8Array,
  start: number,
  questionEnd: number,
  end: number,
  random: () => number,
): boolean {
  const count = readU16(bytes, start + ANCOUNT_OFFSET);
  if (readU16(bytes, start + NSCOUNT_OFFSET) > 1 || readU16(bytes, start + ARCOUNT_OFFSET) > 1) return false;
  if (count < 2) return true;
  let offset = start + questionEnd;
  let aliases = 0;
  while (aliases < count && typeAt(bytes, offset, end) === TYPE_CNAME) {
    offset = recordEnd(bytes, offset, end);
    aliases++;
  }
  const addresses = count - aliases;
  const type = addresses === 0 ? TYPE_CNAME : typeAt(bytes, offset, end);
  if (type !== TYPE_A && type !== TYPE_AAAA) return type !== TYPE_MX && areAll(bytes, offset, end, addresses, type);
  if (addresses === 1) return true;
  const size = recordEnd(bytes, offset, end) - offset;
  if (!areAlike(bytes, offset, end, addresses, size)) return false;
  const rdata = offset + POINTER_BYTES + RECORD_FIXED_BYTES;
  // Fisher-Yates: every order is as likely as any other.
  for (let place = 0; place < addresses - 1; place++) {
    const chosen = place + Math.floor(random() * (addresses - place));
    if (chosen !== place)
      swap(bytes, rdata + place * size, rdata + chosen * size, size - POINTER_BYTES - RECORD_FIXED_BYTES);
  }
  return true;
}

/** Whether that many records from `offset` on are of the type: then they stay where they are. */
function areAll(bytes: Uint8Array, offset: number, end: number, count: number, type: number): boolean {
  let position = offset;
  for (let i = 0; i < count; i++) {
    if (typeAt(bytes, position, end) !== type) return false;
    position = recordEnd(bytes, position, end);
  }
  return true;
}

/** Whether that many records from `offset` on have the type of the first, its size, and its owner by a pointer. */
function areAlike(bytes: Uint8Array, offset: number, end: number, count: number, size: number): boolean {
  if (bytes[offset] < POINTER_BITS || size > POINTER_BYTES + RECORD_FIXED_BYTES + IPV6_BYTES) return false;
  const owner = pointerTarget(bytes, offset);
  const type = typeAt(bytes, offset, end);
  for (let i = 1; i < count; i++) {
    const position = offset + i * size;
    if (position + size > end || bytes[position] < POINTER_BITS || pointerTarget(bytes, position) !== owner)
      return false;
    if (typeAt(bytes, position, end) !== type || recordEnd(bytes, position, end) !== position + size) return false;
  }
  return true;
}

function typeAt(bytes: Uint8Array, offset: number, end: number): number {
  return readU16(bytes, skipName(bytes, offset, end));
}

function recordEnd(bytes: Uint8Array, offset: number, end: number): number {
  const rdata = skipName(bytes, offset, end) + RECORD_FIXED_BYTES;
  return rdata + readU16(bytes, rdata - RDLENGTH_BEFORE_RDATA);
}

function swap(bytes: Uint8Array, a: number, b: number, length: number): void {
  for (let i = 0; i < length; i++) {
    const byte = bytes[a + i];
    bytes[a + i] = bytes[b + i];
    bytes[b + i] = byte;
  }
}
