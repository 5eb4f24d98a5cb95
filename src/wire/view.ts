import { equalIgnoringCase, readU16, readU32 } from './bytes.ts';
import { type Opt, readOpt } from './edns.ts';
import {
  ANCOUNT_OFFSET,
  ARCOUNT_OFFSET,
  FLAG_AA,
  FLAG_AD,
  FLAG_CD,
  FLAG_QR,
  FLAG_RA,
  FLAG_RD,
  FLAG_TC,
  FLAGS_OFFSET,
  HEADER_BYTES,
  ID_OFFSET,
  NSCOUNT_OFFSET,
  OPCODE_MASK,
  OPCODE_SHIFT,
  QDCOUNT_OFFSET,
  QUESTION_FIXED_BYTES,
  RCODE_MASK,
  RECORD_FIXED_BYTES,
} from './header.ts';
import { nameLength, nameToLowerText, nameToText, POINTER_BITS, pointerTarget, skipName } from './name.ts';
import { TYPE_OPT } from './types.ts';

export const SECTION_ANSWER = 0;
export const SECTION_AUTHORITY = 1;
export const SECTION_ADDITIONAL = 2;
export type Section = typeof SECTION_ANSWER | typeof SECTION_AUTHORITY | typeof SECTION_ADDITIONAL;

// From the rdata of a record back to its fixed fields.
const TYPE_BEFORE_RDATA = 10;
const CLASS_BEFORE_RDATA = 8;
const TTL_BEFORE_RDATA = 6;
const RDLENGTH_BEFORE_RDATA = 2;
/** A record with the root as owner and no rdata. */
const MIN_RECORD_BYTES = 1 + RECORD_FIXED_BYTES;

const NO_RECORDS: number[] = [];

/**
 * Indexes a message without copying or decoding it, never throws, reads no byte past its end and takes linear time.
 *
 * Lenient as CoreDNS is: a header alone has no question, whatever it counts; a message may end at the edge of any
 * record, whatever the header counts; bytes behind the last record are ignored. Otherwise what is cut or wrong makes
 * the view `malformed`; the question and the records before the fault can still be read.
 */
export function parseMessage(bytes: Uint8Array): MessageView {
  return MessageView.parse(bytes);
}

/** Where everything lies in a message; the bytes stay as they are, and getters of the header read them anew. */
export class MessageView {
  /** Exactly the message. */
  readonly bytes: Uint8Array;
  /** Made by `trusted`: names are compressed as well as they can be, and there is no OPT but for one of our own. */
  readonly isOurs: boolean;
  /** Questions that could be parsed. */
  readonly questionCount: number;
  /** The offset behind the first question; 12 when there is none. */
  readonly questionEnd: number;
  /** Type and class of the first question, 0 when there is none. */
  readonly qtype: number;
  readonly qclass: number;

  /** Behind all questions; -1 when one of them is malformed. */
  readonly #recordsOffset: number;
  /** Of each record, the offset of its rdata. All else follows from that: a record starts where the last one ends. */
  #rdataOffsets: number[] | undefined;
  /** How many records there are up to the end of the section. */
  #answerEnd = 0;
  #authorityEnd = 0;
  #malformed = false;
  #optIndex = -1;
  #opt: Opt | undefined;
  #qname: string | undefined;
  #qnameLower: string | undefined;

  /** For messages that we made ourselves: their records are indexed only when one is asked for. */
  static trusted(bytes: Uint8Array): MessageView {
    return new MessageView(bytes, true);
  }

  /** See `parseMessage`. */
  static parse(bytes: Uint8Array): MessageView {
    const view = new MessageView(bytes, false);
    view.#records();
    return view;
  }

  private constructor(bytes: Uint8Array, isOurs: boolean) {
    this.bytes = bytes;
    this.isOurs = isOurs;
    const { length } = bytes;
    const declared = length >= HEADER_BYTES ? readU16(bytes, QDCOUNT_OFFSET) : 0;
    let offset = HEADER_BYTES;
    let count = 0;
    let firstEnd = HEADER_BYTES;
    while (count < declared && offset < length) {
      const nameEnd = skipName(bytes, offset, length);
      if (nameEnd === -1 || nameEnd + QUESTION_FIXED_BYTES > length || nameLength(bytes, offset) === -1) {
        offset = -1;
        break;
      }
      offset = nameEnd + QUESTION_FIXED_BYTES;
      if (count++ === 0) firstEnd = offset;
    }
    this.questionCount = count;
    this.questionEnd = firstEnd;
    this.qtype = count > 0 ? readU16(bytes, firstEnd - 4) : 0;
    this.qclass = count > 0 ? readU16(bytes, firstEnd - 2) : 0;
    this.#recordsOffset = length >= HEADER_BYTES ? offset : -1;
  }

  get id(): number {
    return readU16(this.bytes, ID_OFFSET);
  }
  get flags(): number {
    return readU16(this.bytes, FLAGS_OFFSET);
  }
  get opcode(): number {
    return (this.flags & OPCODE_MASK) >> OPCODE_SHIFT;
  }
  /** The four bits of the header. */
  get rcode(): number {
    return this.flags & RCODE_MASK;
  }
  /** All twelve bits, those of the OPT record included. */
  get extendedRcode(): number {
    const upper = this.opt?.extendedRcodeBits ?? 0;
    return (upper << 4) | this.rcode;
  }
  get qr(): boolean {
    return (this.flags & FLAG_QR) !== 0;
  }
  get aa(): boolean {
    return (this.flags & FLAG_AA) !== 0;
  }
  get tc(): boolean {
    return (this.flags & FLAG_TC) !== 0;
  }
  get rd(): boolean {
    return (this.flags & FLAG_RD) !== 0;
  }
  get ra(): boolean {
    return (this.flags & FLAG_RA) !== 0;
  }
  get ad(): boolean {
    return (this.flags & FLAG_AD) !== 0;
  }
  get cd(): boolean {
    return (this.flags & FLAG_CD) !== 0;
  }

  /** What the header says, whether it is there or not. */
  get headerQuestionCount(): number {
    return readU16(this.bytes, QDCOUNT_OFFSET);
  }
  get headerAnswerCount(): number {
    return readU16(this.bytes, ANCOUNT_OFFSET);
  }
  get headerAuthorityCount(): number {
    return readU16(this.bytes, NSCOUNT_OFFSET);
  }
  get headerAdditionalCount(): number {
    return readU16(this.bytes, ARCOUNT_OFFSET);
  }

  /** Something before the end could not be parsed, or there is no whole header. */
  get malformed(): boolean {
    this.#records();
    return this.#malformed;
  }

  /** The name asked for, as sent, in presentation format; `.` when there is no question. */
  get qname(): string {
    this.#qname ??= this.questionCount > 0 ? nameToText(this.bytes, HEADER_BYTES) : '.';
    return this.#qname;
  }
  get qnameLower(): string {
    this.#qnameLower ??= this.questionCount > 0 ? nameToLowerText(this.bytes, HEADER_BYTES) : '.';
    return this.#qnameLower;
  }

  get recordCount(): number {
    return this.#records().length;
  }
  get answerCount(): number {
    this.#records();
    return this.#answerEnd;
  }
  get authorityCount(): number {
    this.#records();
    return this.#authorityEnd - this.#answerEnd;
  }
  get additionalCount(): number {
    return this.#records().length - this.#authorityEnd;
  }

  // Records of all sections, in order: 0 to recordCount - 1.

  sectionOf(index: number): Section {
    this.#records();
    if (index < this.#answerEnd) return SECTION_ANSWER;
    return index < this.#authorityEnd ? SECTION_AUTHORITY : SECTION_ADDITIONAL;
  }
  ownerOffset(index: number): number {
    return index === 0 ? this.#recordsOffset : this.recordEnd(index - 1);
  }
  typeOf(index: number): number {
    return readU16(this.bytes, this.#records()[index] - TYPE_BEFORE_RDATA);
  }
  classOf(index: number): number {
    return readU16(this.bytes, this.#records()[index] - CLASS_BEFORE_RDATA);
  }
  ttlOf(index: number): number {
    return readU32(this.bytes, this.#records()[index] - TTL_BEFORE_RDATA);
  }
  ttlOffset(index: number): number {
    return this.#records()[index] - TTL_BEFORE_RDATA;
  }
  rdataOffset(index: number): number {
    return this.#records()[index];
  }
  rdataLength(index: number): number {
    return readU16(this.bytes, this.#records()[index] - RDLENGTH_BEFORE_RDATA);
  }
  recordEnd(index: number): number {
    return this.rdataOffset(index) + this.rdataLength(index);
  }

  /** The last OPT of the additional section. */
  get opt(): Opt | undefined {
    this.#records();
    const index = this.#optIndex;
    if (index !== -1 && this.#opt === undefined) {
      this.#opt = readOpt(this.bytes, index, this.ownerOffset(index), this.rdataOffset(index), this.recordEnd(index));
    }
    return this.#opt;
  }

  #records(): number[] {
    this.#rdataOffsets ??= this.#index();
    return this.#rdataOffsets;
  }

  #index(): number[] {
    const { bytes } = this;
    const end = bytes.length;
    let offset = this.#recordsOffset;
    this.#malformed = offset === -1;
    if (offset === -1 || offset === end) return NO_RECORDS;

    const answerEnd = this.headerAnswerCount;
    const authorityEnd = answerEnd + this.headerAuthorityCount;
    const declared = authorityEnd + this.headerAdditionalCount;
    const room = Math.trunc((end - offset) / MIN_RECORD_BYTES);
    const rdataOffsets = new Array<number>(Math.min(declared, room));
    // Most owners are a pointer to the question, or the same one as the record before has.
    let goodTarget = this.questionCount > 0 ? HEADER_BYTES : -1;
    let count = 0;
    while (count < declared && offset < end) {
      const fixed = ownerEnd(bytes, offset, goodTarget);
      const rdataOffset = fixed + RECORD_FIXED_BYTES;
      this.#malformed = fixed === -1 || rdataOffset > end;
      if (this.#malformed) break;
      const recordEnd = rdataOffset + readU16(bytes, rdataOffset - RDLENGTH_BEFORE_RDATA);
      this.#malformed = recordEnd > end;
      if (this.#malformed) break;
      if (bytes[offset] >= POINTER_BITS) goodTarget = pointerTarget(bytes, offset);
      if (count >= authorityEnd && readU16(bytes, fixed) === TYPE_OPT) this.#optIndex = count;
      rdataOffsets[count++] = rdataOffset;
      offset = recordEnd;
    }
    rdataOffsets.length = count;
    this.#answerEnd = Math.min(answerEnd, count);
    this.#authorityEnd = Math.min(authorityEnd, count);
    return rdataOffsets;
  }
}

/** The offset behind an owner name, -1 if it is malformed. A pointer to `goodTarget` is known to be good. */
function ownerEnd(bytes: Uint8Array, offset: number, goodTarget: number): number {
  if (bytes[offset] === 0) return offset + 1;
  const isPointer = bytes[offset] >= POINTER_BITS && offset + 2 <= bytes.length;
  if (isPointer && pointerTarget(bytes, offset) === goodTarget) return offset + 2;
  return nameLength(bytes, offset) === -1 ? -1 : skipName(bytes, offset, bytes.length);
}

/** Whether both messages have one question, and the same: the name in any ASCII case, type and class. */
export function sameQuestion(a: MessageView, b: MessageView): boolean {
  if (a.questionCount !== 1 || b.questionCount !== 1 || a.questionEnd !== b.questionEnd) return false;
  if (a.qtype !== b.qtype || a.qclass !== b.qclass) return false;
  const nameBytes = a.questionEnd - QUESTION_FIXED_BYTES - HEADER_BYTES;
  // The name of a first question cannot be compressed: there is nothing before it to point to.
  return equalIgnoringCase(a.bytes, HEADER_BYTES, b.bytes, HEADER_BYTES, nameBytes);
}
