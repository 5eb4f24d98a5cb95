/** Records as text (RFC 1035 §5.1), and unknown types and classes as RFC 3597 §5 has them. */
import { concatBytes } from './bytes.ts';
import { formatHex, parseHex } from './dnssec-fields.ts';
import { nameToText } from './name.ts';
import { PresentationError } from './presentation-error.ts';
import type { Field } from './rdata-fields.ts';
import { rdataFormat } from './rdata-formats.ts';
import { RdataReader } from './rdata-reader.ts';
import { absoluteName, RdataWords } from './rdata-words.ts';
import { type ResourceRecord, readRdata } from './record.ts';
import { parseTtl } from './ttl-text.ts';
import { CLASS_IN, classFromName, className, typeFromName, typeName } from './types.ts';
import { splitWords, type Word } from './words.ts';

export { PresentationError } from './presentation-error.ts';

/** As in CoreDNS. */
const DEFAULT_TTL = 3600;
const MAX_RDATA_BYTES = 0xffff;
/** Begins rdata that is given as bytes. */
const GENERIC = '\\#';

/** `www.example.org.  300  IN  A  192.0.2.1`, with tabs between the fields. */
export function formatRecord(record: ResourceRecord): string {
  const owner = nameToText(record.owner, 0);
  const rdata = formatRdata(record.type, record.rdata);
  return `${owner}\t${record.ttl}\t${className(record.class)}\t${typeName(record.type)}\t${rdata}`;
}

/** Rdata that does not fit its type, and that of unknown types, as `\# LENGTH HEX`. */
export function formatRdata(type: number, rdata: Uint8Array): string {
  const fields = rdataFormat(type);
  return (fields && formatFields(fields, rdata)) ?? formatGeneric(rdata);
}

function formatFields(fields: readonly Field[], rdata: Uint8Array): string | undefined {
  const reader = new RdataReader(rdata);
  const texts: string[] = [];
  for (const field of fields) {
    const text = field.format(reader);
    if (text === undefined) return undefined;
    if (text !== '') texts.push(text);
  }
  return reader.atEnd ? texts.join(' ') : undefined;
}

function formatGeneric(rdata: Uint8Array): string {
  return rdata.length === 0 ? `${GENERIC} 0` : `${GENERIC} ${rdata.length} ${formatHex(rdata)}`;
}

export type ParseOptions = {
  /** What completes relative names, and what `@` stands for: a name with final dot; the root by default. */
  readonly origin?: string;
  /** Of a record that names none: 3600 by default. */
  readonly ttl?: number;
  /** Of a record that names none: IN by default. */
  readonly class?: number;
  /** Leaves what comes after the first record, which is an error otherwise. */
  readonly firstOnly?: boolean;
};

/**
 * One record: `OWNER [TTL] [CLASS] TYPE RDATA`, TTL and class in either order. Throws PresentationError with a message
 * of one line.
 */
export function parseRecord(text: string, options: ParseOptions = {}): ResourceRecord {
  const { origin = '.' } = options;
  const [ownerWord, ...words] = splitWords(text, options.firstOnly);
  if (ownerWord === undefined) throw new PresentationError('there is no record');
  const owner = absoluteName(ownerWord.text, origin, 'owner');
  let ttl: number | undefined;
  let recordClass: number | undefined;
  let next = 0;
  for (; next < words.length; next++) {
    const { text: word } = words[next];
    const asTtl = ttl === undefined ? parseTtl(word) : undefined;
    const asClass = recordClass === undefined ? classFromName(word) : undefined;
    if (asTtl === undefined && asClass === undefined) break;
    ttl ??= asTtl;
    recordClass ??= asClass;
  }
  const typeWord = words[next];
  if (typeWord === undefined) throw new PresentationError('type is missing');
  const type = typeFromName(typeWord.text);
  if (type === undefined) throw new PresentationError(`"${typeWord.text}" is not a type, a class or a TTL`);
  return {
    owner,
    type,
    class: recordClass ?? options.class ?? CLASS_IN,
    ttl: ttl ?? options.ttl ?? DEFAULT_TTL,
    rdata: parseRdata(type, words.slice(next + 1), origin),
  };
}

function parseRdata(type: number, words: readonly Word[], origin: string): Uint8Array {
  try {
    const rdata =
      words[0]?.text === GENERIC && !words[0].quoted ? parseGeneric(type, words) : parseFields(type, words, origin);
    if (rdata.length > MAX_RDATA_BYTES) throw new PresentationError(`more than ${MAX_RDATA_BYTES} bytes`);
    return rdata;
  } catch (error) {
    if (error instanceof PresentationError) throw new PresentationError(`${typeName(type)}: ${error.message}`);
    throw error;
  }
}

function parseFields(type: number, words: readonly Word[], origin: string): Uint8Array {
  const fields = rdataFormat(type);
  if (fields === undefined) throw new PresentationError(`rdata must be written as ${GENERIC} LENGTH HEX`);
  const rdataWords = new RdataWords(words, origin);
  const rdata = concatBytes(fields.map((field) => field.parse(rdataWords)));
  rdataWords.end();
  return rdata;
}

function parseGeneric(type: number, words: readonly Word[]): Uint8Array {
  const rdataWords = new RdataWords(words.slice(1), '.');
  const length = rdataWords.number('length', MAX_RDATA_BYTES);
  const rdata = parseHex(rdataWords.rest().join(''));
  if (rdata?.length !== length) throw new PresentationError(`rdata must be ${length} bytes in base 16`);
  // Names must be whole and not compressed.
  if (readRdata(rdata, type, 0, length)?.length !== length) throw new PresentationError('rdata does not fit the type');
  return rdata;
}
