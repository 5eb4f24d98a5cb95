import { readU32, writeU32 } from '../../wire/bytes.ts';
import { FLAG_QR, HEADER_BYTES } from '../../wire/header.ts';
import { nameFromText } from '../../wire/name.ts';
import { MessageView } from '../../wire/view.ts';
import { MessageWriter } from '../../wire/writer.ts';

const writer = new MessageWriter();
const PRIVATE_TYPE = 65280;

/** An answer for one of many names that shows whether its bytes belong together. */
export function checkedAnswer(n: number, version: number, fillBytes: number): MessageView {
  const owner = nameFromText(`h${n}.example.org.`) ?? Uint8Array.of(0);
  // The number of the name, a sum over what follows it, and bytes that differ from version to version.
  const rdata = new Uint8Array(8 + fillBytes);
  for (let i = 8; i < rdata.length; i++) rdata[i] = Math.imul(version, i) >>> 3;
  writeU32(rdata, 0, n);
  writeU32(rdata, 4, sumOf(rdata, 8));
  writer.start(0, FLAG_QR);
  writer.question(owner, PRIVATE_TYPE, 1);
  writer.record(0, { owner, type: PRIVATE_TYPE, class: 1, ttl: 60, rdata });
  return MessageView.trusted(writer.finish());
}

/** Whether these are the bytes of an answer for that name, with that TTL. */
export function isWhole(bytes: Uint8Array, n: number, ttl: number): boolean {
  const view = MessageView.parse(bytes);
  if (view.malformed || view.recordCount !== 1 || view.ttlOf(0) !== ttl) return false;
  const rdata = bytes.subarray(view.rdataOffset(0), view.recordEnd(0));
  return readU32(rdata, 0) === n && readU32(rdata, 4) === sumOf(rdata, 8);
}

export const CHECKED_TYPE = PRIVATE_TYPE;
export const CHECKED_NAME_OFFSET = HEADER_BYTES;

function sumOf(bytes: Uint8Array, start: number): number {
  let sum = 0;
  for (let i = start; i < bytes.length; i++) sum = (Math.imul(sum, 31) + bytes[i]) >>> 0;
  return sum;
}
