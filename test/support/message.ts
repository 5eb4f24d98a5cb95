/**
 * DNS messages as the tests write and read them. Queries are put together by hand, because tests need every bit of
 * them; what servers send is read by npm dns-packet. Nothing here uses nodens's own wire code.
 */
import { decode } from 'dns-packet';
import { recordText } from './records.ts';

export const QTYPES: Readonly<Record<string, number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
};

export const FLAGS = { QR: 0x8000, AA: 0x400, TC: 0x200, RD: 0x100, RA: 0x80, Z: 0x40, AD: 0x20, CD: 0x10 } as const;
export const RCODES: readonly string[] = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];
const BADVERS = 16;
const OPT_TYPE = 41;

export type EdnsOption = { readonly code: number; readonly data: Buffer };

export type QueryParts = {
  readonly qname: string;
  /** A name of QTYPES or a number; A by default. */
  readonly qtype?: string | number;
  readonly qclass?: number;
  readonly id?: number;
  /** The 16 bits behind the id: QR, opcode, flags, rcode. RD by default. */
  readonly flags?: number;
  readonly edns?: {
    readonly udpPayloadBytes?: number;
    readonly version?: number;
    readonly flags?: number;
    readonly options?: readonly EdnsOption[];
  };
};

/** A query of one question, with an OPT record if `edns` is given. */
export function buildQuery(parts: QueryParts): Buffer {
  const { qname, qtype = 'A', qclass = 1, id = randomId(), flags = FLAGS.RD, edns } = parts;
  const header = numbers16(id, flags, 1, 0, 0, edns ? 1 : 0);
  const question = [encodeName(qname), numbers16(typeNumber(qtype), qclass)];
  return Buffer.concat([header, ...question, ...(edns ? [buildOpt(edns)] : [])]);
}

export function buildOpt({ udpPayloadBytes = 1232, version = 0, flags = 0, options = [] }: QueryParts['edns'] & {}) {
  const rdata = Buffer.concat(options.flatMap(({ code, data }) => [numbers16(code, data.length), data]));
  return Buffer.concat([
    encodeName('.'),
    numbers16(OPT_TYPE, udpPayloadBytes),
    Buffer.from([0, version]),
    numbers16(flags, rdata.length),
    rdata,
  ]);
}

/** A name in wire form; labels are plain text, escapes are not read. */
export function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  const parts = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]);
  return Buffer.concat([...parts, Buffer.from([0])]);
}

export function typeNumber(type: string | number): number {
  const number = typeof type === 'number' ? type : QTYPES[type];
  if (number === undefined) throw new Error(`add type ${type} to QTYPES`);
  return number;
}

export function numbers16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2);
  return bytes;
}

export function randomId(): number {
  return Math.floor(Math.random() * 0x10000);
}

/** A response, decoded; records are lines of text like `www.example.org 300 A 192.0.2.1`. */
export type Response = {
  readonly bytes: Buffer;
  readonly id: number;
  /** The 16 bits behind the id. */
  readonly flags: number;
  readonly opcode: number;
  /** With the bits of the OPT record, as text. */
  readonly rcode: string;
  readonly aa: boolean;
  readonly tc: boolean;
  readonly rd: boolean;
  readonly ra: boolean;
  readonly ad: boolean;
  readonly cd: boolean;
  /** `www.example.org A IN` */
  readonly question: string | undefined;
  readonly answers: readonly string[];
  readonly authorities: readonly string[];
  /** Without the OPT record. */
  readonly additionals: readonly string[];
  /** TTLs of all records but OPT, in their order. */
  readonly ttls: readonly number[];
  readonly opt: ResponseOpt | undefined;
};

export type ResponseOpt = {
  readonly udpPayloadBytes: number;
  readonly version: number;
  readonly flags: number;
  readonly dnssecOk: boolean;
  readonly options: readonly EdnsOption[];
};

export function readResponse(bytes: Buffer): Response {
  const packet = decode(bytes);
  const flags = bytes.readUInt16BE(2);
  const has = (bit: number) => (flags & bit) !== 0;
  const sections = [packet.answers, packet.authorities, packet.additionals].map((records) => records ?? []);
  const records = sections.map((section) => section.filter((record) => record.type !== 'OPT'));
  const opts = sections[2].filter((record) => record.type === 'OPT');
  if (opts.length > 1) throw new Error('the response has two OPT records');
  const opt = opts[0];
  const rcode = (flags & 0xf) | ((opt?.extendedRcode ?? 0) << 4);
  const question = packet.questions?.[0];
  return {
    bytes,
    id: bytes.readUInt16BE(0),
    flags,
    opcode: (flags >> 11) & 0xf,
    rcode: rcode === BADVERS ? 'BADVERS' : (RCODES[rcode] ?? `RCODE${rcode}`),
    aa: has(FLAGS.AA),
    tc: has(FLAGS.TC),
    rd: has(FLAGS.RD),
    ra: has(FLAGS.RA),
    ad: has(FLAGS.AD),
    cd: has(FLAGS.CD),
    question: question && `${question.name} ${question.type} ${question.class}`,
    answers: records[0].map(recordText),
    authorities: records[1].map(recordText),
    additionals: records[2].map(recordText),
    ttls: records.flat().map((record) => ('ttl' in record ? (record.ttl ?? 0) : 0)),
    opt: opt && {
      udpPayloadBytes: opt.udpPayloadSize,
      version: opt.ednsVersion,
      flags: opt.flags,
      dnssecOk: opt.flag_do,
      options: opt.options.map(({ code, data = Buffer.alloc(0) }) => ({ code, data: Buffer.from(data) })),
    },
  };
}
