/** Whether a message answers a request (RFC 5452 §9.1): id and source have been seen to by whoever received it. */
import { copyBytes, equalIgnoringCase, readU16, writeU16 } from '../wire/bytes.ts';
import {
  ANCOUNT_OFFSET,
  FLAG_QR,
  FLAG_TC,
  FLAGS_OFFSET,
  HEADER_BYTES,
  OPCODE_MASK,
  QDCOUNT_OFFSET,
  QUESTION_FIXED_BYTES,
  RECORD_FIXED_BYTES,
} from '../wire/header.ts';
import { MAX_LABEL_BYTES, POINTER_BITS } from '../wire/name.ts';
import { hasSoundRdata } from '../wire/sound.ts';
import { MessageView } from '../wire/view.ts';
import type { Exchange } from './exchange.ts';

const QDCOUNT_END = ANCOUNT_OFFSET;

/** `stray`: not an answer to this request. `cut`: it is one as far as it goes, but it ends within the question. */
export type Fit = 'stray' | 'cut' | 'whole';

/** How the first `length` bytes of `message`, at least a header, stand to the exchange whose id they have. */
export function fitOf(exchange: Exchange, message: Uint8Array, length: number): Fit {
  const flags = readU16(message, FLAGS_OFFSET);
  if (exchange.headerSuffices) return (flags & FLAG_QR) !== 0 || (flags & OPCODE_MASK) === 0 ? 'whole' : 'stray';
  if ((flags & FLAG_QR) === 0 || readU16(message, QDCOUNT_OFFSET) !== 1) return 'stray';
  const { bytes, questionEnd } = exchange.request;
  const nameEnd = questionEnd - QUESTION_FIXED_BYTES;
  const end = Math.min(questionEnd, length);
  if (!equalIgnoringCase(bytes, HEADER_BYTES, message, HEADER_BYTES, Math.min(nameEnd, end) - HEADER_BYTES)) {
    return 'stray';
  }
  for (let i = nameEnd; i < end; i++) if (bytes[i] !== message[i]) return 'stray';
  return end < questionEnd ? 'cut' : 'whole';
}

/** Whether whoever gets the reply can make sense of all of it. */
export function isReadable(reply: MessageView): boolean {
  return !reply.malformed && hasSoundRdata(reply);
}

/** Whether a reply ends before all of it is there. A malformed one may be just that, or plain rubbish. */
export function lacksData(reply: MessageView): boolean {
  if (!reply.malformed) return reply.recordCount < countedRecords(reply);
  const { bytes } = reply;
  let offset = reply.recordCount === 0 ? reply.questionEnd : reply.recordEnd(reply.recordCount - 1);
  while (offset < bytes.length && bytes[offset] !== 0 && bytes[offset] < POINTER_BITS) {
    if (bytes[offset] > MAX_LABEL_BYTES) return false;
    offset += bytes[offset] + 1;
  }
  const nameEnd = offset + (bytes[offset] === 0 ? 1 : 2);
  const rdataOffset = nameEnd + RECORD_FIXED_BYTES;
  return rdataOffset > bytes.length || rdataOffset + readU16(bytes, rdataOffset - 2) > bytes.length;
}

function countedRecords(view: MessageView): number {
  return view.headerAnswerCount + view.headerAuthorityCount + view.headerAdditionalCount;
}

/**
 * What the client gets for a reply that was cut on its way: flags and rcode as they came, TC set, and no records, so
 * that it asks again over TCP.
 */
export function truncatedReply(request: MessageView, cut: Uint8Array): MessageView {
  const reply = copyBytes(request.bytes, 0, request.questionEnd);
  reply.set(cut.subarray(0, QDCOUNT_OFFSET));
  writeU16(reply, FLAGS_OFFSET, readU16(cut, FLAGS_OFFSET) | FLAG_TC);
  writeU16(reply, QDCOUNT_OFFSET, 1);
  reply.fill(0, QDCOUNT_END, HEADER_BYTES);
  return MessageView.trusted(reply);
}
