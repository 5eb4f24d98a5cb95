import {
  FLAG_AD,
  FLAG_CD,
  FLAG_QR,
  FLAG_RA,
  FLAG_RD,
  FLAG_TC,
  HEADER_BYTES,
  OPCODE_NOTIFY,
  OPCODE_QUERY,
  RCODE_FORMERR,
  RCODE_NOTIMP,
} from '../wire/header.ts';
import { hasSoundRdata } from '../wire/sound.ts';
import { type MessageView, parseMessage } from '../wire/view.ts';

const MAX_ANSWERS = 1; // A NOTIFY may carry the new SOA (RFC 1996 §3.7).
const MAX_AUTHORITIES = 1; // An IXFR carries the SOA it has (RFC 1995 §3).
const MAX_ADDITIONALS = 2; // OPT and TSIG.
const OPCODE_SHIFT = 11;
const COPIED_FLAGS = FLAG_TC | FLAG_RD | FLAG_RA | FLAG_AD | FLAG_CD;

/**
 * Reads what has arrived, before anything else is done with it. Gives the indexed query, the bytes to refuse it with, or
 * nothing where it must not be answered at all: a response, or less than a header.
 */
export function screen(message: Uint8Array): MessageView | Uint8Array | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  const flags = readUint16(message, 2);
  if ((flags & FLAG_QR) !== 0) return undefined; // Answering responses would let two servers talk for ever.
  const opcode = (flags >>> OPCODE_SHIFT) & 0xf;
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
  const declared = readUint16(bytes, 6) + readUint16(bytes, 8) + readUint16(bytes, 10);
  if (questionCount === 0 || (end === bytes.length && declared === recordCount)) return request;
  const message = bytes.slice(0, end);
  message[7] = request.answerCount; // All of them are below 256.
  message[9] = request.authorityCount;
  message[11] = request.additionalCount;
  return parseMessage(message);
}

function hasPlausibleCounts(message: Uint8Array): boolean {
  return (
    readUint16(message, 4) === 1 &&
    readUint16(message, 6) <= MAX_ANSWERS &&
    readUint16(message, 8) <= MAX_AUTHORITIES &&
    readUint16(message, 10) <= MAX_ADDITIONALS
  );
}

/** A reply made from the query's header, with the question if it lies before `end`. */
function refusal(message: Uint8Array, opcode: number, rcode: number, end: number): Uint8Array {
  const reply = message.slice(0, end);
  const flags = FLAG_QR | (opcode << OPCODE_SHIFT) | (readUint16(message, 2) & COPIED_FLAGS) | rcode;
  reply[2] = flags >>> 8;
  reply[3] = flags & 0xff;
  reply[4] = 0;
  reply[5] = end > HEADER_BYTES ? 1 : 0;
  return reply.fill(0, 6, HEADER_BYTES);
}

function readUint16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}
