/** A message as templates see it: the fields of the Go package that CoreDNS is built on. */
import { FLAG_AA, FLAG_AD, FLAG_CD, FLAG_QR, FLAG_RA, FLAG_RD, FLAG_TC, FLAG_Z } from '../../wire/header.ts';
import { nameToText } from '../../wire/name.ts';
import { formatRecord } from '../../wire/presentation.ts';
import { readRecord } from '../../wire/record.ts';
import { className, typeName } from '../../wire/types.ts';
import {
  type MessageView,
  SECTION_ADDITIONAL,
  SECTION_ANSWER,
  SECTION_AUTHORITY,
  type Section,
} from '../../wire/view.ts';
import { type List, type Struct, unsigned, type Value } from './gotemplate/values.ts';

const U32_BITS = 64; // Printed alike.

export function messageOf(view: MessageView): Struct {
  const { flags } = view;
  const header = {
    Id: unsigned(view.id, 16),
    Response: (flags & FLAG_QR) !== 0,
    Opcode: BigInt(view.opcode),
    Authoritative: (flags & FLAG_AA) !== 0,
    Truncated: (flags & FLAG_TC) !== 0,
    RecursionDesired: (flags & FLAG_RD) !== 0,
    RecursionAvailable: (flags & FLAG_RA) !== 0,
    Zero: (flags & FLAG_Z) !== 0,
    AuthenticatedData: (flags & FLAG_AD) !== 0,
    CheckingDisabled: (flags & FLAG_CD) !== 0,
    Rcode: BigInt(view.rcode),
  };
  const question = questionOf(view);
  return struct('*dns.Msg', question.text, {
    ...header,
    MsgHdr: struct('dns.MsgHdr', question.text, header),
    Question: listOf('dns.Question', view.questionCount > 0 ? [question] : []),
    Answer: recordsOf(view, SECTION_ANSWER),
    Ns: recordsOf(view, SECTION_AUTHORITY),
    Extra: recordsOf(view, SECTION_ADDITIONAL),
  });
}

/** The name is spelt as the client did. */
export function questionOf({ qname, qtype, qclass }: MessageView): Struct {
  const text = `;${qname}\t${className(qclass)}\t ${typeName(qtype)}`;
  const fields = { Name: qname, Qtype: unsigned(qtype, 16), Qclass: unsigned(qclass, 16) };
  return struct('*dns.Question', text, fields);
}

function recordsOf(view: MessageView, section: Section): List {
  const indexes = Array.from({ length: view.recordCount }, (_, i) => i);
  return listOf(
    'dns.RR',
    indexes.filter((i) => view.sectionOf(i) === section).map((i) => recordOf(view, i)),
  );
}

function recordOf(view: MessageView, index: number): Struct {
  const record = readRecord(view, index);
  const text = record === undefined ? '' : formatRecord(record);
  const header = struct('*dns.RR_Header', text, {
    Name: nameToText(view.bytes, view.ownerOffset(index)),
    Rrtype: unsigned(view.typeOf(index), 16),
    Class: unsigned(view.classOf(index), 16),
    Ttl: unsigned(view.ttlOf(index), U32_BITS),
    Rdlength: unsigned(view.rdataLength(index), 16),
  });
  const methods = {
    Header: { parameters: [], call: () => header },
    String: { parameters: [], call: () => text },
  };
  return { ...struct('dns.RR', text, { Hdr: header }), methods };
}

function struct(type: string, text: string, fields: Readonly<Record<string, Value>>): Struct {
  return { kind: 'struct', type, text, fields };
}

function listOf(elementType: string, items: readonly Struct[]): List {
  return { kind: 'list', items, elementType };
}
