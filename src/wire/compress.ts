import { copyBytes, writeU16 } from './bytes.ts';
import { ANCOUNT_OFFSET, ARCOUNT_OFFSET, NSCOUNT_OFFSET, QDCOUNT_OFFSET } from './header.ts';
import { POINTER_BITS } from './name.ts';
import { FIELD_NAME, fieldLength, type RdataLayout, rdataLayout } from './rdata-layout.ts';
import { TYPE_OPT } from './types.ts';
import type { MessageView } from './view.ts';
import { MessageWriter } from './writer.ts';

let writer: MessageWriter | undefined;

/**
 * The message without OPT records, in whatever section, and with its names compressed; of several questions, the first.
 * The counts are those of the records that are there, and nothing follows the last one.
 *
 * It is a mere copy if no name is left to compress. If it cannot be rewritten, as a name in rdata is malformed or it
 * would grow beyond 65535 bytes, it is a copy of what stands before the first OPT.
 */
export function compressMessage(view: MessageView): Uint8Array {
  const optIndex = firstOpt(view);
  const optIsLast = optIndex >= view.recordCount - 1;
  if (optIsLast && view.questionCount < 2 && isCompressed(view)) return copyUpTo(view, optIndex);
  return rewrite(view) ?? copyUpTo(view, optIndex);
}

/** The index of the first OPT; `recordCount` if there is none. */
function firstOpt(view: MessageView): number {
  const { recordCount } = view;
  let index = 0;
  while (index < recordCount && view.typeOf(index) !== TYPE_OPT) index++;
  return index;
}

/** Whether nothing is left to compress: each name behind the question is the root or ends in a pointer. */
function isCompressed(view: MessageView): boolean {
  const { bytes, recordCount } = view;
  for (let i = 0; i < recordCount; i++) {
    const rdataOffset = view.rdataOffset(i);
    if (compressedEnd(bytes, view.ownerOffset(i), rdataOffset) === -1) return false;
    const layout = rdataLayout(view.typeOf(i));
    if (layout?.mayCompress && !rdataIsCompressed(bytes, layout, rdataOffset, view.recordEnd(i))) return false;
  }
  return true;
}

function rdataIsCompressed(bytes: Uint8Array, layout: RdataLayout, offset: number, end: number): boolean {
  let position = offset;
  for (const field of layout.fields) {
    const isName = field === FIELD_NAME;
    const fieldEnd = isName ? compressedEnd(bytes, position, end) : position + fieldLength(field, bytes, position, end);
    if (fieldEnd < position) return false;
    position = fieldEnd;
  }
  return true;
}

/** The offset behind a name that is the root or ends in a pointer; -1 for every other. */
function compressedEnd(bytes: Uint8Array, offset: number, end: number): number {
  if (bytes[offset] === 0) return offset + 1;
  let position = offset;
  while (position + 2 <= end && bytes[position] !== 0) {
    if (bytes[position] >= POINTER_BITS) return position + 2;
    position += bytes[position] + 1;
  }
  return -1;
}

/** A copy of header, question and the records before `index`. */
function copyUpTo(view: MessageView, index: number): Uint8Array {
  const answerCount = Math.min(view.answerCount, index);
  const authorityCount = Math.min(view.authorityCount, index - answerCount);
  let end = view.questionEnd;
  if (index > 0) end = view.recordEnd(index - 1);
  else if (view.questionCount > 1) end = view.ownerOffset(0);
  const message = copyBytes(view.bytes, 0, end);
  writeU16(message, QDCOUNT_OFFSET, view.questionCount);
  writeU16(message, ANCOUNT_OFFSET, answerCount);
  writeU16(message, NSCOUNT_OFFSET, authorityCount);
  writeU16(message, ARCOUNT_OFFSET, index - answerCount - authorityCount);
  return message;
}

function rewrite(view: MessageView): Uint8Array | undefined {
  writer ??= new MessageWriter();
  writer.start(view.id, view.flags);
  writer.copyQuestion(view);
  for (let i = 0; i < view.recordCount; i++) {
    if (view.typeOf(i) === TYPE_OPT) continue;
    if (!writer.copyRecord(view, i)) return undefined;
  }
  return writer.finish();
}
