/** Random queries and answers for names that come again and again, in all that makes replies differ. */

import { concatBytes } from '../../../wire/bytes.ts';
import { encodeOption, OPT_FIXED_BYTES, OPTION_COOKIE, OPTION_NSID, writeOpt } from '../../../wire/edns.ts';
import { FLAG_AA, FLAG_AD, FLAG_CD, FLAG_QR, FLAG_RA, FLAG_RD, FLAG_Z } from '../../../wire/header.ts';
import type { MessageText } from '../../../wire/testing/build.ts';
import { wireName } from '../../../wire/testing/build.ts';
import type { Prng } from '../../../wire/testing/prng.ts';
import { CLASS_IN, TYPE_A, TYPE_AAAA, TYPE_DS, TYPE_HTTPS, TYPE_MX, TYPE_TXT } from '../../../wire/types.ts';

const NAMES = [
  'a.example.org.',
  'www.example.org.',
  'web-1.ns.svc.cluster.example.org.',
  'a\\.b.example.org.',
  `${'x'.repeat(63)}.${'y'.repeat(63)}.example.org.`,
  'example.org.',
  '.',
];
const QTYPES = [TYPE_A, TYPE_A, TYPE_A, TYPE_AAAA, TYPE_TXT, TYPE_MX, TYPE_HTTPS, 65280];
const TTLS = [0, 1, 5, 30, 60, 3600, 2 ** 31 + 5];
const PAYLOADS = [0, 100, 511, 512, 513, 700, 1232, 1400, 2000, 4096, 4097, 65535];
/** TXT records of some 260 bytes: 20 of them are beyond what a responder sends. */
const COUNTS = [0, 1, 1, 2, 3, 5, 8, 13, 14, 15, 16, 20, 40];
const SOA = 'SOA ns.example.org. host.example.org. 1 2 3 4';

export type RandomQuestion = { readonly qname: string; readonly qtype: number };

export function randomQuestion(prng: Prng): RandomQuestion {
  return { qname: prng.pick(NAMES), qtype: prng.pick(QTYPES) };
}

/** What nearly every client sends, with all that may vary; now and then something that a responder hands over. */
export function randomQuery(prng: Prng, { qname, qtype }: RandomQuestion, isUsual = prng.below(16) > 0): Uint8Array {
  const flags = [FLAG_RD, FLAG_AD, FLAG_CD, FLAG_Z, FLAG_RA, FLAG_AA].reduce(
    (sum, flag) => (prng.below(5) === 0 ? sum ^ flag : sum),
    FLAG_RD,
  );
  const hasOpt = prng.below(3) > 0;
  const name = randomSpelling(prng, wireName(qname));
  const header = words(prng.below(0x10000), flags, 1, 0, 0, hasOpt ? 1 : 0);
  const question = words(isUsual || prng.below(2) === 0 ? qtype : TYPE_DS, isUsual ? CLASS_IN : 1 + prng.below(4));
  const opt = hasOpt ? randomOpt(prng, isUsual) : new Uint8Array(0);
  const rest = isUsual || prng.below(2) === 0 ? new Uint8Array(0) : new Uint8Array(1 + prng.below(8));
  return concatBytes([header, name, question, opt, rest]);
}

/** The name as it is, or with letters of either case. */
function randomSpelling(prng: Prng, name: Uint8Array): Uint8Array {
  if (prng.below(2) === 0) return name;
  return name.map((byte) => (byte >= 0x61 && byte <= 0x7a && prng.below(2) === 0 ? byte - 0x20 : byte));
}

function randomOpt(prng: Prng, isUsual: boolean): Uint8Array {
  const options = isUsual
    ? new Uint8Array(0)
    : prng.pick([encodeOption(OPTION_NSID, new Uint8Array(0)), encodeOption(OPTION_COOKIE, new Uint8Array(8).fill(7))]);
  const target = new Uint8Array(OPT_FIXED_BYTES + options.length);
  writeOpt(target, 0, {
    udpPayloadBytes: prng.below(4) > 0 ? prng.pick(PAYLOADS) : prng.below(0x10000),
    extendedRcodeBits: isUsual ? 0 : prng.below(2),
    version: isUsual ? 0 : prng.below(3),
    flags: prng.pick([0, 0, 0x8000, 0x8000, 0x4000, 0xffff, prng.below(0x10000)]),
    options,
  });
  return target;
}

/** An answer of an upstream: of any kind that is kept, and of some that are not. */
export function randomAnswer(prng: Prng, { qname, qtype }: RandomQuestion): MessageText {
  const flags = FLAG_QR | FLAG_RA | prng.pick([0, FLAG_AD, FLAG_AA, FLAG_RD]);
  const ttl = prng.pick(TTLS);
  const opt = prng.below(2) === 0 ? { flags: prng.pick([0, 0x8000]) } : undefined;
  const soa = `${qname} ${ttl} ${SOA} ${prng.pick(TTLS)}`;
  switch (prng.below(10)) {
    case 0:
      return { flags: flags | 3, authority: [soa], ...(opt && { opt }) };
    case 1:
      return { flags, authority: [soa], ...(opt && { opt }) };
    case 2:
      return { flags: flags | prng.pick([2, 4, 5]), ...(opt && { opt }) };
    case 3:
      return { flags, authority: [`example.org. ${ttl} NS ns.example.org.`], ...(opt && { opt }) };
    default:
      return { flags, ...randomSections(prng, qname, qtype, ttl), ...(opt && { opt }) };
  }
}

function randomSections(prng: Prng, qname: string, qtype: number, ttl: number): MessageText {
  const owner = qname === '.' ? 'x.' : `x.${qname}`;
  const count = prng.pick(COUNTS);
  const records = Array.from({ length: count }, (_, i) => `${qname} ${ttl} ${rdataOf(qtype, i)}`);
  const chain = prng.below(4) === 0 && count > 0;
  const answer = chain
    ? [`${qname} ${ttl} CNAME ${owner}`, ...records.map((text) => `${owner}${text.slice(qname.length)}`)]
    : records;
  const authority = prng.below(3) === 0 ? [`example.org. ${prng.pick(TTLS)} NS ns.example.org.`] : [];
  const additional = prng.below(3) === 0 ? ['ns.example.org. 60 A 192.0.2.53', 'ns.example.org. 60 AAAA ::1'] : [];
  return { answer, authority, additional };
}

function rdataOf(qtype: number, i: number): string {
  switch (qtype) {
    case TYPE_A:
      return `A 192.0.2.${i}`;
    case TYPE_AAAA:
      return `AAAA 2001:db8::${i}`;
    case TYPE_TXT:
      return `TXT "${`${i} `.padEnd(250, 'text')}"`;
    case TYPE_MX:
      return `MX ${i} mail${i}.example.org.`;
    case TYPE_HTTPS:
      return `HTTPS ${i + 1} . alpn=h2 port=${8000 + i}`;
    default:
      return `TYPE${qtype} \\# 4 0A0000${i.toString(16).padStart(2, '0')}`;
  }
}

/** 16-bit numbers as the bytes of a message. */
function words(...values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value >>> 8, value & 0xff]));
}
