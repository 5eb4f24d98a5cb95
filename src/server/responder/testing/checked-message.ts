import { readU32, writeU32 } from '../../../wire/bytes.ts';

const SUM = 4;
const FILL = 8;

/** Bytes that show whether they belong together: a number, a sum over what follows it, and that. */
export function checkedMessage(n: number, fillBytes: number): Uint8Array {
  const message = new Uint8Array(FILL + 4 + fillBytes);
  for (let i = FILL; i < message.length; i++) message[i] = Math.imul(n + 1, i) >>> 3;
  writeU32(message, 0, n);
  writeU32(message, SUM, sumOf(message));
  return message;
}

/** The number; -1 if these are not the bytes of one message. */
export function numberOf(message: Uint8Array): number {
  return message.length >= FILL && readU32(message, SUM) === sumOf(message) ? readU32(message, 0) : -1;
}

function sumOf(message: Uint8Array): number {
  let sum = message.length;
  for (let i = FILL; i < message.length; i++) sum = (Math.imul(sum, 31) + message[i]) >>> 0;
  return sum;
}
