/** Messages for tests, written as text. */
import { concatBytes, writeU16, writeU32 } from '../bytes.ts';
import type { OptFields } from '../edns.ts';
import { ANCOUNT_OFFSET, FLAG_QR, FLAG_RA, FLAG_RD, RECORD_FIXED_BYTES } from '../header.ts';
import { nameFromText, type WireName } from '../name.ts';
import { formatRecord, parseRecord } from '../presentation.ts';
import { type ResourceRecord, readRecord } from '../record.ts';
import { classFromName, typeFromName } from '../types.ts';
import { type MessageView, SECTION_ADDITIONAL, SECTION_ANSWER, SECTION_AUTHORITY } from '../view.ts';
import { MessageWriter } from '../writer.ts';

export type MessageText = {
  readonly id?: number;
  /** QR, RD and RA by default. */
  readonly flags?: number;
  /** `www.example.org. A` or `www.example.org. CH TXT`; none by default. */
  readonly question?: string;
  /** Records as `parseRecord` takes them. */
  readonly answer?: readonly string[];
  readonly authority?: readonly string[];
  readonly additional?: readonly string[];
  /** An OPT record at the end, with these fields or their defaults; none by default. */
  readonly opt?: Partial<OptFields>;
};

const NO_OPT_FIELDS: OptFields = {
  udpPayloadBytes: 1232,
  extendedRcodeBits: 0,
  version: 0,
  flags: 0,
  options: new Uint8Array(0),
};

const SECTIONS = [
  [SECTION_ANSWER, 'answer'],
  [SECTION_AUTHORITY, 'authority'],
  [SECTION_ADDITIONAL, 'additional'],
] as const;

/** The message on the wire, names compressed. */
export function buildMessage(text: MessageText): Uint8Array {
  const writer = startMessage(text);
  for (const [section, key] of SECTIONS) {
    for (const record of text[key] ?? []) {
      if (!writer.record(section, parseRecord(record))) throw new Error(`does not fit: ${record}`);
    }
  }
  if (text.opt !== undefined) writer.opt({ ...NO_OPT_FIELDS, ...text.opt });
  return writer.finish();
}

/** The same without any compression, and without `opt`. */
export function buildPlainMessage(text: MessageText): Uint8Array {
  const head = startMessage(text).finish();
  const parts = [head];
  for (const [section, key] of SECTIONS) {
    const records = text[key] ?? [];
    writeU16(head, ANCOUNT_OFFSET + 2 * section, records.length);
    for (const record of records) parts.push(plainRecord(parseRecord(record)));
  }
  return concatBytes(parts);
}

function plainRecord(record: ResourceRecord): Uint8Array {
  const fixed = new Uint8Array(RECORD_FIXED_BYTES);
  writeU16(fixed, 0, record.type);
  writeU16(fixed, 2, record.class);
  writeU32(fixed, 4, record.ttl);
  writeU16(fixed, 8, record.rdata.length);
  return concatBytes([record.owner, fixed, record.rdata]);
}

function startMessage(text: MessageText): MessageWriter {
  const writer = new MessageWriter();
  writer.start(text.id ?? 0x1234, text.flags ?? FLAG_QR | FLAG_RD | FLAG_RA);
  if (text.question !== undefined) addQuestion(writer, text.question);
  return writer;
}

function addQuestion(writer: MessageWriter, question: string): void {
  const words = question.split(' ');
  const type = typeFromName(words.at(-1) ?? '');
  const questionClass = words.length === 3 ? classFromName(words[1]) : classFromName('IN');
  if (type === undefined || questionClass === undefined) throw new Error(`not a question: ${question}`);
  writer.question(wireName(words[0]), type, questionClass);
}

/** A name that is known to be good. */
export function wireName(text: string): WireName {
  const name = nameFromText(text);
  if (name === undefined) throw new Error(`not a name: ${text}`);
  return name;
}

/** The records of all sections as text, each with its section in front; `malformed` for what cannot be read. */
export function describeRecords(view: MessageView): string[] {
  return Array.from({ length: view.recordCount }, (_, index) => {
    const record = readRecord(view, index);
    return `${view.sectionOf(index)} ${record === undefined ? 'malformed' : formatRecord(record)}`;
  });
}
