import { EDNS_VERSION, MIN_UDP_PAYLOAD_BYTES } from '../../wire/edns.ts';
import { FLAG_TC, RCODE_MASK } from '../../wire/header.ts';
import { type ResourceRecord, readRecord } from '../../wire/record.ts';
import { TYPE_OPT } from '../../wire/types.ts';
import { MessageView, parseMessage, SECTION_ANSWER, type Section } from '../../wire/view.ts';
import type { MessageWriter } from '../../wire/writer.ts';
import type { Outcome, Query } from '../contract.ts';
import { localReply } from '../local-reply.ts';
import { type EdnsOption, encodeOptions, readOptions } from './edns-options.ts';

export type PlacedRecord = { readonly section: Section; readonly record: ResourceRecord };

const EXTENDED_RCODE_SHIFT = 4;
const NO_OPT = { udpPayloadBytes: MIN_UDP_PAYLOAD_BYTES, flags: 0 };

/** The options of a request, as far as their codes are among these, are what a response without OPT shows. */
export type Echo = { readonly options: readonly EdnsOption[]; readonly codes: ReadonlySet<number> };

/** A response while rules change it. */
export class ResponseDraft {
  /** The client's, as it came. */
  readonly query: Query;
  rcode: number;
  isTruncated: boolean;
  /** Of its OPT; undefined without one. */
  options: readonly EdnsOption[] | undefined;
  /** What has gone wrong, for the log. */
  fault: string | undefined;
  readonly #echo: Echo | undefined;
  readonly #message: MessageView;
  #records: readonly PlacedRecord[] | undefined;

  constructor(query: Query, { response, rcode }: Outcome, echo?: Echo) {
    this.query = query;
    this.rcode = rcode;
    this.#message = response ?? localReply(query, { rcode, isAuthoritative: false });
    this.isTruncated = this.#message.tc;
    this.#echo = this.#message.opt === undefined ? echo : undefined;
    this.options = this.#message.opt === undefined ? echo?.options : readOptions(this.#message);
  }

  /** Its options are those of the request. */
  get echoes(): boolean {
    return this.#echo !== undefined;
  }

  /** Of all sections, in order, without OPT. */
  get records(): readonly PlacedRecord[] {
    this.#records ??= readRecords(this.#message);
    return this.#records;
  }

  set records(records: readonly PlacedRecord[]) {
    this.#records = records;
  }

  get answers(): readonly ResourceRecord[] {
    return this.records.filter(({ section }) => section === SECTION_ANSWER).map(({ record }) => record);
  }

  mapRecords(change: (record: ResourceRecord) => ResourceRecord): void {
    this.records = this.records.map(({ section, record }) => ({ section, record: change(record) }));
  }

  /** The message, with the question as the client asked it. */
  build(writer: MessageWriter): MessageView {
    const flags = this.#message.flags & ~(RCODE_MASK | FLAG_TC);
    const allFlags = flags | (this.rcode & RCODE_MASK) | (this.isTruncated ? FLAG_TC : 0);
    writer.start(this.#message.id, allFlags);
    writer.copyQuestion(this.query.request);
    if (!this.#writeRecords(writer)) writer.setFlags(allFlags | FLAG_TC);
    const hasOpt = this.#writeOpt(writer);
    const bytes = writer.finish();
    return hasOpt ? parseMessage(bytes) : MessageView.trusted(bytes);
  }

  /** False: not all of them fit. */
  #writeRecords(writer: MessageWriter): boolean {
    const message = this.#message;
    if (this.#records !== undefined) {
      return this.#records.every(({ section, record }) => writer.record(section, record));
    }
    for (let i = 0; i < message.recordCount; i++) {
      if (message.typeOf(i) !== TYPE_OPT && !writer.copyRecord(message, i)) return false;
    }
    return true;
  }

  /** False: there is none. An rcode over 15 needs one. */
  #writeOpt(writer: MessageWriter): boolean {
    const extendedRcodeBits = this.rcode >>> EXTENDED_RCODE_SHIFT;
    if (this.options === undefined && extendedRcodeBits === 0) return false;
    const { udpPayloadBytes, flags } = this.#message.opt ?? this.query.request.opt ?? NO_OPT;
    const { options = [] } = this;
    const codes = this.#echo?.codes;
    const shown = codes === undefined ? options : options.filter(({ code }) => codes.has(code));
    return writer.opt({
      udpPayloadBytes,
      extendedRcodeBits,
      version: EDNS_VERSION,
      flags,
      options: encodeOptions(shown),
    });
  }
}

/** Those that can be read. */
export function readRecords(message: MessageView): PlacedRecord[] {
  const records: PlacedRecord[] = [];
  for (let i = 0; i < message.recordCount; i++) {
    if (message.typeOf(i) === TYPE_OPT) continue;
    const record = readRecord(message, i);
    if (record !== undefined) records.push({ section: message.sectionOf(i), record });
  }
  return records;
}
