import { writeU16, writeU32 } from './bytes.ts';
import { OPT_FIXED_BYTES, type OptFields, writeOpt } from './edns.ts';
import {
  ANCOUNT_OFFSET,
  HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  QDCOUNT_OFFSET,
  QUESTION_FIXED_BYTES,
  RECORD_FIXED_BYTES,
  setFlags,
  setId,
} from './header.ts';
import { MAX_NAME_BYTES, skipName, type WireName } from './name.ts';
import { NameDictionary } from './name-dictionary.ts';
import { FIELD_NAME, fieldLength, rdataLayout } from './rdata-layout.ts';
import type { ResourceRecord } from './record.ts';
import { type MessageView, SECTION_ADDITIONAL, type Section } from './view.ts';

const MAX_RDATA_BYTES = 0xffff;
/** Up to here a loop is faster than `set`, which makes a view of the source first. */
const SHORT_COPY_BYTES = 64;

/**
 * Writes one message after the other into a buffer of its own, with names compressed: owner names, and those in the
 * rdata of the types of RFC 1035. Records must come in the order of the sections. What does not fit in the limit is
 * not written at all, not even in part.
 */
export class MessageWriter {
  readonly #message: Uint8Array;
  readonly #dictionary: NameDictionary;
  readonly #capacityBytes: number;
  #limit: number;
  #position = HEADER_BYTES;
  #questionCount = 0;
  readonly #recordCounts = [0, 0, 0];
  /** Names in the dictionary that stand before `#position`. */
  #committedNames = 0;

  constructor(capacityBytes = MAX_MESSAGE_BYTES) {
    this.#capacityBytes = capacityBytes;
    this.#limit = capacityBytes;
    // A name is written before it is known to fit.
    this.#message = new Uint8Array(capacityBytes + MAX_NAME_BYTES + RECORD_FIXED_BYTES);
    this.#dictionary = new NameDictionary(this.#message);
  }

  /** Begins a new message; the limit is the capacity again. */
  start(id: number, flags: number): void {
    this.#limit = this.#capacityBytes;
    this.#position = HEADER_BYTES;
    this.#questionCount = 0;
    this.#recordCounts.fill(0);
    this.#dictionary.forget(0);
    this.#committedNames = 0;
    setId(this.#message, id);
    setFlags(this.#message, flags);
  }

  /** What the message may have in all; can be changed at any time. */
  setLimit(bytes: number): void {
    this.#limit = Math.min(bytes, this.#capacityBytes);
  }

  /** Bytes so far. */
  get length(): number {
    return this.#position;
  }

  setFlags(flags: number): void {
    setFlags(this.#message, flags);
  }

  /** Before any record. A question is written whatever the limit. */
  question(name: WireName, type: number, questionClass: number): void {
    this.#question(name, 0, type, questionClass);
  }

  /** The first question of `view`, if it has one. */
  copyQuestion(view: MessageView): void {
    if (view.questionCount > 0) this.#question(view.bytes, HEADER_BYTES, view.qtype, view.qclass);
  }

  #question(source: Uint8Array, nameOffset: number, type: number, questionClass: number): void {
    const end = this.#dictionary.write(source, nameOffset, this.#position, true);
    if (end === -1) throw new Error('the name of a question is malformed');
    writeU16(this.#message, end, type);
    writeU16(this.#message, end + 2, questionClass);
    this.#position = end + QUESTION_FIXED_BYTES;
    this.#committedNames = this.#dictionary.count;
    this.#questionCount++;
  }

  /** False: it does not fit, or its owner or rdata is malformed; nothing is written then. */
  record(section: Section, record: ResourceRecord): boolean {
    const { type, rdata } = record;
    const rdataStart = this.#head(record.owner, 0, type, record.class, record.ttl);
    return this.#commit(section, this.#rdata(rdataStart, type, rdata, 0, rdata.length));
  }

  /** Record `index` of `view`; false as for `record`. */
  copyRecord(
    view: MessageView,
    index: number,
    section: Section = view.sectionOf(index),
    ttl: number = view.ttlOf(index),
  ): boolean {
    const { bytes } = view;
    const type = view.typeOf(index);
    const rdataStart = this.#head(bytes, view.ownerOffset(index), type, view.classOf(index), ttl);
    return this.#commit(section, this.#rdata(rdataStart, type, bytes, view.rdataOffset(index), view.recordEnd(index)));
  }

  /** In the additional section; false if it does not fit. */
  opt(fields: OptFields): boolean {
    if (this.#position + OPT_FIXED_BYTES + fields.options.length > this.#limit) return false;
    return this.#commit(SECTION_ADDITIONAL, writeOpt(this.#message, this.#position, fields));
  }

  /** A copy of exactly the message. */
  finish(): Uint8Array {
    const message = this.#message;
    writeU16(message, QDCOUNT_OFFSET, this.#questionCount);
    for (let section = 0; section < this.#recordCounts.length; section++) {
      writeU16(message, ANCOUNT_OFFSET + 2 * section, this.#recordCounts[section]);
    }
    return message.slice(0, this.#position);
  }

  /** Writes what stands before the rdata. Returns where the rdata starts, -1 if the owner is malformed. */
  #head(source: Uint8Array, ownerOffset: number, type: number, recordClass: number, ttl: number): number {
    const message = this.#message;
    const fixed = this.#dictionary.write(source, ownerOffset, this.#position, true);
    if (fixed === -1) return -1;
    writeU16(message, fixed, type);
    writeU16(message, fixed + 2, recordClass);
    writeU32(message, fixed + 4, ttl);
    return fixed + RECORD_FIXED_BYTES;
  }

  /** Writes rdata and its length in front. Returns the end, -1 if it does not fit or is malformed. */
  #rdata(start: number, type: number, source: Uint8Array, offset: number, end: number): number {
    if (start === -1 || start > this.#limit) return -1;
    const layout = rdataLayout(type);
    let written = start;
    let position = offset;
    // Empty rdata of any type occurs in UPDATE messages (RFC 2136 §2.4).
    if (layout !== undefined && offset < end) {
      for (const field of layout.fields) {
        if (field === FIELD_NAME) {
          const nameEnd = skipName(source, position, end);
          written = nameEnd === -1 ? -1 : this.#dictionary.write(source, position, written, layout.mayCompress);
          position = nameEnd;
        } else {
          const length = fieldLength(field, source, position, end);
          written = length === -1 ? -1 : this.#copy(source, position, position + length, written);
          position += length;
        }
        if (written === -1 || written > this.#limit) return -1;
      }
      if (position !== end) return -1;
    } else {
      written = this.#copy(source, offset, end, start);
    }
    if (written - start > MAX_RDATA_BYTES) return -1;
    writeU16(this.#message, start - 2, written - start);
    return written;
  }

  /** Returns the end of what it wrote, -1 if it does not fit. */
  #copy(source: Uint8Array, start: number, end: number, target: number): number {
    const targetEnd = target + end - start;
    if (targetEnd > this.#limit) return -1;
    if (end - start <= SHORT_COPY_BYTES) {
      for (let i = start, to = target; i < end; i++, to++) this.#message[to] = source[i];
    } else {
      this.#message.set(source.subarray(start, end), target);
    }
    return targetEnd;
  }

  /** Keeps the record that was written up to `end`, or takes it back if that is -1. */
  #commit(section: Section, end: number): boolean {
    if (end === -1) {
      this.#dictionary.forget(this.#committedNames);
      return false;
    }
    for (let later = section + 1; later < this.#recordCounts.length; later++) {
      if (this.#recordCounts[later] > 0) throw new Error('records must be written in the order of the sections');
    }
    this.#position = end;
    this.#committedNames = this.#dictionary.count;
    this.#recordCounts[section]++;
    return true;
  }
}
