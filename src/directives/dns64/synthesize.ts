import { IPV4_BYTES, IPV6_BYTES } from '../../wire/address.ts';
import { FLAG_TC, setFlags } from '../../wire/header.ts';
import { type ResourceRecord, readRecord } from '../../wire/record.ts';
import { TYPE_A, TYPE_AAAA, TYPE_OPT, TYPE_SOA } from '../../wire/types.ts';
import { type MessageView, SECTION_ADDITIONAL, SECTION_ANSWER, SECTION_AUTHORITY } from '../../wire/view.ts';
import type { Query } from '../contract.ts';
import { localReply } from '../local-reply.ts';

/** How an IPv6 address begins that stands for an IPv4 one: 4 to 12 bytes. */
export type TranslationPrefix = Uint8Array;

/** RFC 6147 §5.1.7: of what has been made, if the answer to AAAA does not say how long it holds. */
const DEFAULT_TTL = 600;
/** Bits 64 to 71 of an address (RFC 6052 §2.2). */
const RESERVED_BYTE = 8;

/** The answer to an AAAA query that had answer `aaaa`, made of the answer `a` to the same question of type A. */
export function synthesize(query: Query, aaaa: MessageView, a: MessageView, prefix: TranslationPrefix): MessageView {
  const maxTtl = soaTtl(aaaa) ?? DEFAULT_TTL;
  const sections: ResourceRecord[][] = [[], [], []];
  for (let index = 0; index < a.recordCount; index++) {
    const record = a.typeOf(index) === TYPE_OPT ? undefined : readRecord(a, index);
    if (record === undefined) continue;
    const section = a.sectionOf(index);
    sections[section].push(section === SECTION_ANSWER ? translated(record, prefix, maxTtl) : record);
  }
  const answers = sections[SECTION_ANSWER];
  const response = localReply(query, {
    answers,
    authorities: sections[SECTION_AUTHORITY],
    additionals: sections[SECTION_ADDITIONAL],
    rcode: a.rcode,
    isAuthoritative: false,
  });
  // An AAAA record is longer than what it is made of: those of a message that was nearly full do not all fit.
  if (a.tc || response.answerCount < answers.length) setFlags(response.bytes, response.flags | FLAG_TC);
  return response;
}

/** An A record as the AAAA record that stands for it; others as they are (RFC 6147 §5.3.3). */
function translated(record: ResourceRecord, prefix: TranslationPrefix, maxTtl: number): ResourceRecord {
  if (record.type !== TYPE_A || record.rdata.length !== IPV4_BYTES) return record;
  return { ...record, type: TYPE_AAAA, ttl: Math.min(record.ttl, maxTtl), rdata: embed(prefix, record.rdata) };
}

/** The IPv4 address behind the prefix, around the reserved byte. */
export function embed(prefix: TranslationPrefix, ipv4: Uint8Array): Uint8Array {
  const address = new Uint8Array(IPV6_BYTES);
  address.set(prefix);
  let target = prefix.length;
  for (const byte of ipv4) {
    if (target === RESERVED_BYTE) target++;
    address[target++] = byte;
  }
  return address;
}

function soaTtl(view: MessageView): number | undefined {
  for (let index = view.answerCount; index < view.answerCount + view.authorityCount; index++) {
    if (view.typeOf(index) === TYPE_SOA) return view.ttlOf(index);
  }
  return undefined;
}
