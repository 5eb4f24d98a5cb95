import { readU16, writeU16 } from '../wire/bytes.ts';
import {
  ANCOUNT_OFFSET,
  ARCOUNT_OFFSET,
  FLAG_AD,
  FLAG_CD,
  FLAG_QR,
  FLAG_RA,
  FLAG_RD,
  FLAG_TC,
  FLAGS_OFFSET,
  HEADER_BYTES,
  NSCOUNT_OFFSET,
  OPCODE_MASK,
  OPCODE_NOTIFY,
  OPCODE_QUERY,
  OPCODE_SHIFT,
  QDCOUNT_OFFSET,
  RCODE_FORMERR,
  RCODE_NOTIMP,
  setFlags,
} from '../wire/header.ts';
import { hasSoundRdata } from '../wire/sound.ts';
import { type MessageView, parseMessage } from '../wire/view.ts';

const MAX_ANSWERS = 1; // A NOTIFY may carry the new SOA (RFC 1996 §3.7).
const MAX_AUTHORITIES = 1; // An IXFR carries the SOA it has (RFC 1995 §3).
const MAX_ADDITIONALS = 2; // OPT and TSIG.
const COPIED_FLAGS = FLAG_TC | FLAG_RD | FLAG_RA | FLAG_AD | FLAG_CD;

/**
 * Reads what has arrived, before anything else is done with it. Gives the indexed query, the bytes to refuse it with, or
 * nothing where it must not be answered at all: a response, or less than a header.
 */
export function screen(message: Uint8Array): MessageView | Uint8Array | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  const flags = readU16(message, FLAGS_OFFSET);
  if ((flags & FLAG_QR) !== 0) return undefined; // Answering responses would let two servers talk for ever.
  const opcode = (flags & OPCODE_MASK) >>> OPCODE_SHIFT;
  if (opcode !== OPCODE_QUERY && opcode !== OPCODE_NOTIFY) return refusal(message, opcode, RCODE_NOTIMP, HEADER_BYTES);
  if (!hasPlausibleCounts(message)) return refusal(message, OPCODE_QUERY, RCODE_FORMERR, HEADER_BYTES);
  const request = parseMessage(message);
  if (!request.malformed && hasSoundRdata(request)) return tidied(request);
  return refusal(message, OPCODE_QUERY, RCODE_FORMERR, request.questionEnd);
}

/**
 * The query without bytes behind its last record, and with the counts of what is there: what we let pass an upstream,
 * which gets the query as it is, may not.
 */
function tidied(request: MessageView): MessageView {
  const { bytes, recordCount, questionCount } = request;
  const end = recordCount > 0 ? request.recordEnd(recordCount - 1) : request.questionEnd;
  const declared = request.headerAnswerCount + request.headerAuthorityCount + request.headerAdditionalCount;
  if (questionCount === 0 || (end === bytes.length && declared === recordCount)) return request;
  const message = bytes.slice(0, end);
  writeU16(message, ANCOUNT_OFFSET, request.answerCount);
  writeU16(message, NSCOUNT_OFFSET, request.authorityCount);
  writeU16(message, ARCOUNT_OFFSET, request.additionalCount);
  return parseMessage(message);
}

function hasPlausibleCounts(message: Uint8Array): boolean {
  return (
    readU16(message, QDCOUNT_OFFSET) === 1 &&
    readU16(message, ANCOUNT_OFFSET) <= MAX_ANSWERS &&
    readU16(message, NSCOUNT_OFFSET) <= MAX_AUTHORITIES &&
    readU16(message, ARCOUNT_OFFSET) <= MAX_ADDITIONALS
  );
}

/** A reply made from the query's header, with the question if it lies before `end`. */
function refusal(message: Uint8Array, opcode: number, rcode: number, end: number): Uint8Array {
  const reply = message.slice(0, end);
  setFlags(reply, FLAG_QR | (opcode << OPCODE_SHIFT) | (readU16(message, FLAGS_OFFSET) & COPIED_FLAGS) | rcode);
  writeU16(reply, QDCOUNT_OFFSET, end > HEADER_BYTES ? 1 : 0);
  return reply.fill(0, ANCOUNT_OFFSET, HEADER_BYTES);
}
