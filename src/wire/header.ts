import { writeU16 } from './bytes.ts';

/**
 * The header of a message (RFC 1035 §4.1.1): six 16-bit words.
 *
 *   0 id   2 flags   4 QDCOUNT   6 ANCOUNT   8 NSCOUNT   10 ARCOUNT
 */
export const ID_OFFSET = 0;
export const FLAGS_OFFSET = 2;
export const QDCOUNT_OFFSET = 4;
export const ANCOUNT_OFFSET = 6;
export const NSCOUNT_OFFSET = 8;
export const ARCOUNT_OFFSET = 10;
export const HEADER_BYTES = 12;
export const MAX_MESSAGE_BYTES = 65535;

/** Of each record, between owner name and rdata: type, class, TTL, RDLENGTH. */
export const RECORD_FIXED_BYTES = 10;
/** Of each question, behind its name: type and class. */
export const QUESTION_FIXED_BYTES = 4;

export const FLAG_QR = 0x8000;
export const OPCODE_MASK = 0x7800;
export const OPCODE_SHIFT = 11;
export const FLAG_AA = 0x0400;
export const FLAG_TC = 0x0200;
export const FLAG_RD = 0x0100;
export const FLAG_RA = 0x0080;
export const FLAG_Z = 0x0040;
export const FLAG_AD = 0x0020;
export const FLAG_CD = 0x0010;
export const RCODE_MASK = 0x000f;

export const OPCODE_QUERY = 0;
export const OPCODE_NOTIFY = 4;
export const OPCODE_UPDATE = 5;

export const RCODE_NOERROR = 0;
export const RCODE_FORMERR = 1;
export const RCODE_SERVFAIL = 2;
export const RCODE_NXDOMAIN = 3;
export const RCODE_NOTIMP = 4;
export const RCODE_REFUSED = 5;
export const RCODE_YXDOMAIN = 6;
export const RCODE_YXRRSET = 7;
export const RCODE_NXRRSET = 8;
export const RCODE_NOTAUTH = 9;
export const RCODE_NOTZONE = 10;
/** The first rcode that needs the upper bits in an OPT record. */
export const RCODE_BADVERS = 16;
export const RCODE_BADCOOKIE = 23;

const RCODE_NAMES: readonly (readonly [number, string])[] = [
  [RCODE_NOERROR, 'NOERROR'],
  [RCODE_FORMERR, 'FORMERR'],
  [RCODE_SERVFAIL, 'SERVFAIL'],
  [RCODE_NXDOMAIN, 'NXDOMAIN'],
  [RCODE_NOTIMP, 'NOTIMP'],
  [RCODE_REFUSED, 'REFUSED'],
  [RCODE_YXDOMAIN, 'YXDOMAIN'],
  [RCODE_YXRRSET, 'YXRRSET'],
  [RCODE_NXRRSET, 'NXRRSET'],
  [RCODE_NOTAUTH, 'NOTAUTH'],
  [RCODE_NOTZONE, 'NOTZONE'],
  [11, 'DSOTYPENI'],
  [RCODE_BADVERS, 'BADVERS'],
  [17, 'BADKEY'],
  [18, 'BADTIME'],
  [19, 'BADMODE'],
  [20, 'BADNAME'],
  [21, 'BADALG'],
  [22, 'BADTRUNC'],
  [RCODE_BADCOOKIE, 'BADCOOKIE'],
];
// TSIG's name for 16, and a spelling that CoreDNS takes as well.
const RCODE_ALIASES: readonly (readonly [number, string])[] = [
  [RCODE_BADVERS, 'BADSIG'],
  [RCODE_NOTIMP, 'NOTIMPL'],
];

const nameOfRcode = new Map(RCODE_NAMES);
const rcodeOfName = new Map([...RCODE_NAMES, ...RCODE_ALIASES].map(([rcode, name]) => [name, rcode]));

/** `NOERROR`, `NXDOMAIN` …; `RCODE4095` for what has no name. */
export function rcodeName(rcode: number): string {
  return nameOfRcode.get(rcode) ?? `RCODE${rcode}`;
}

/** In any case; also `RCODEn`. */
export function rcodeFromName(text: string): number | undefined {
  const upper = text.toUpperCase();
  const known = rcodeOfName.get(upper);
  if (known !== undefined) return known;
  const number = /^RCODE(\d{1,4})$/.exec(upper);
  return number !== null && Number(number[1]) <= 4095 ? Number(number[1]) : undefined;
}

/** Patches the id of a message in place. */
export function setId(message: Uint8Array, id: number): void {
  writeU16(message, ID_OFFSET, id);
}

/** Patches the whole flags word (with opcode and the low four bits of the rcode) in place. */
export function setFlags(message: Uint8Array, flags: number): void {
  writeU16(message, FLAGS_OFFSET, flags);
}
