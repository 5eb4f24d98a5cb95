import { CacheKey, KEY_CD, KEY_DO } from '../../cache/key.ts';
import type { Memory } from '../../cache/layout.ts';
import type { DatagramBatch } from '../../sys/datagrams.ts';
import { readU16 } from '../../wire/bytes.ts';
import { EDNS_FLAG_DO, EDNS_VERSION, OPT_FIXED_BYTES } from '../../wire/edns.ts';
import {
  FLAG_AD,
  FLAG_CD,
  FLAG_QR,
  FLAGS_OFFSET,
  HEADER_BYTES,
  OPCODE_MASK,
  QDCOUNT_OFFSET,
  QUESTION_FIXED_BYTES,
} from '../../wire/header.ts';
import { CLASS_IN, TYPE_DS, TYPE_OPT } from '../../wire/types.ts';

/** QDCOUNT 1 and ANCOUNT 0, NSCOUNT 0 and ARCOUNT 0 or 1, as a little-endian machine reads them. */
const ONE_QUESTION = 0x0000_0100;
const ONE_ADDITIONAL = 0x0100_0000;

// Of an OPT record, from its start.
const OPT_TYPE = 1;
const OPT_PAYLOAD = 3;
const OPT_VERSION = 6;
const OPT_FLAGS = 7;
const OPT_RDLENGTH = 9;

/** What a datagram is to a responder. */
export const PLAIN = 0;
/** Something that only the resolver understands. */
export const UNUSUAL = 1;
/** Never answered: shorter than a header, or itself a response. */
export const UNANSWERABLE = 2;

/**
 * The query that nearly everybody sends: opcode QUERY, one question of class IN, and nothing else but perhaps an OPT of
 * version 0 without options. Read in place; what is found stays in the fields until the next `read`.
 */
export class PlainQuery {
  /** Under which the cache would have the answer. */
  readonly key: CacheKey;
  /** PLAIN, UNUSUAL or UNANSWERABLE; in the last two cases the other fields mean nothing. */
  kind = UNANSWERABLE;
  flags = 0;
  qtype = 0;
  /** Of the datagram, and from its start to the end of the question. */
  messageBytes = 0;
  questionEnd = 0;
  hasOpt = false;
  /** 0 without OPT. */
  udpPayloadBytes = 0;
  optFlags = 0;

  constructor(memory: Memory) {
    this.key = new CacheKey(memory);
  }

  /** Takes the datagram in the slot. */
  read(batch: DatagramBatch, slot: number): void {
    this.kind = this.#read(batch, slot);
  }

  #read(batch: DatagramBatch, slot: number): number {
    const { bytes, words } = batch;
    const start = batch.messageOffset(slot);
    const messageBytes = batch.messageLength(slot);
    const end = start + messageBytes;
    if (messageBytes < HEADER_BYTES) return UNANSWERABLE;
    const flags = readU16(bytes, start + FLAGS_OFFSET);
    if ((flags & FLAG_QR) !== 0) return UNANSWERABLE;
    const counts = (start + QDCOUNT_OFFSET) >>> 2;
    const additional = words[counts + 1];
    if ((flags & OPCODE_MASK) !== 0 || words[counts] !== ONE_QUESTION) return UNUSUAL;
    if (additional !== 0 && additional !== ONE_ADDITIONAL) return UNUSUAL;

    const nameBytes = this.key.takeName(bytes, words, start + HEADER_BYTES, end);
    const questionEnd = HEADER_BYTES + nameBytes + QUESTION_FIXED_BYTES;
    if (nameBytes === -1 || questionEnd > messageBytes) return UNUSUAL;
    const qtypeOffset = start + questionEnd - QUESTION_FIXED_BYTES;
    const qtype = readU16(bytes, qtypeOffset);
    // DS belongs to the parent of its name, and to another block than everything else.
    if (qtype === TYPE_DS || readU16(bytes, qtypeOffset + 2) !== CLASS_IN) return UNUSUAL;

    this.flags = flags;
    this.qtype = qtype;
    this.messageBytes = messageBytes;
    this.questionEnd = questionEnd;
    if (!this.#readOpt(bytes, start + questionEnd, end, additional !== 0)) return UNUSUAL;
    this.key.seal(qtype, (this.dnssecOk ? KEY_DO : 0) | ((flags & FLAG_CD) !== 0 ? KEY_CD : 0));
    return PLAIN;
  }

  #readOpt(bytes: Uint8Array, offset: number, end: number, hasOpt: boolean): boolean {
    this.hasOpt = hasOpt;
    this.udpPayloadBytes = 0;
    this.optFlags = 0;
    if (!hasOpt) return offset === end;
    if (end - offset !== OPT_FIXED_BYTES || bytes[offset] !== 0) return false;
    if (readU16(bytes, offset + OPT_TYPE) !== TYPE_OPT || bytes[offset + OPT_VERSION] !== EDNS_VERSION) return false;
    this.udpPayloadBytes = readU16(bytes, offset + OPT_PAYLOAD);
    this.optFlags = readU16(bytes, offset + OPT_FLAGS);
    return readU16(bytes, offset + OPT_RDLENGTH) === 0;
  }

  get dnssecOk(): boolean {
    return (this.optFlags & EDNS_FLAG_DO) !== 0;
  }

  /** RFC 6840 §5.7, §5.8: only who asks with DO or AD is told whether the answer is authentic. */
  get wantsAuthentic(): boolean {
    return this.dnssecOk || (this.flags & FLAG_AD) !== 0;
  }
}
