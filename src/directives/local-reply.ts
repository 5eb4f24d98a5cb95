import {
  FLAG_AA,
  FLAG_CD,
  FLAG_QR,
  FLAG_RD,
  HEADER_BYTES,
  OPCODE_MASK,
  OPCODE_QUERY,
  RCODE_MASK,
  RCODE_NOERROR,
} from '../wire/header.ts';
import { ROOT_NAME, readName, type WireName } from '../wire/name.ts';
import type { ResourceRecord } from '../wire/record.ts';
import { MessageView, SECTION_ADDITIONAL, SECTION_ANSWER, SECTION_AUTHORITY } from '../wire/view.ts';
import { MessageWriter } from '../wire/writer.ts';
import type { Query } from './contract.ts';

export type LocalRecords = {
  readonly answers?: readonly ResourceRecord[];
  readonly authorities?: readonly ResourceRecord[];
  readonly additionals?: readonly ResourceRecord[];
  readonly rcode?: number;
  /** AA: set unless said otherwise. */
  readonly isAuthoritative?: boolean;
};

const writer = new MessageWriter();

/** A response of a directive's own to the query's question, without OPT; what does not fit in 64 KiB is left out. */
export function localReply({ request }: Query, records: LocalRecords): MessageView {
  const { answers = [], authorities = [], additionals = [], rcode = RCODE_NOERROR, isAuthoritative = true } = records;
  const kept = request.opcode === OPCODE_QUERY ? OPCODE_MASK | FLAG_RD | FLAG_CD : OPCODE_MASK;
  const flags = FLAG_QR | (request.flags & kept) | (isAuthoritative ? FLAG_AA : 0) | (rcode & RCODE_MASK);
  writer.start(request.id, flags);
  writer.copyQuestion(request);
  for (const record of answers) writer.record(SECTION_ANSWER, record);
  for (const record of authorities) writer.record(SECTION_AUTHORITY, record);
  for (const record of additionals) writer.record(SECTION_ADDITIONAL, record);
  return MessageView.trusted(writer.finish());
}

/** The name asked for as the client spells it: the owner of records that answer it. */
export function askedName({ request }: Query): WireName {
  return readName(request.bytes, HEADER_BYTES) ?? ROOT_NAME;
}
