/** RR types and classes: their numbers and mnemonics (IANA "DNS Parameters"). */

export const TYPE_A = 1;
export const TYPE_NS = 2;
export const TYPE_MD = 3;
export const TYPE_MF = 4;
export const TYPE_CNAME = 5;
export const TYPE_SOA = 6;
export const TYPE_MB = 7;
export const TYPE_MG = 8;
export const TYPE_MR = 9;
export const TYPE_NULL = 10;
export const TYPE_PTR = 12;
export const TYPE_HINFO = 13;
export const TYPE_MINFO = 14;
export const TYPE_MX = 15;
export const TYPE_TXT = 16;
export const TYPE_RP = 17;
export const TYPE_AFSDB = 18;
export const TYPE_RT = 21;
export const TYPE_SIG = 24;
export const TYPE_PX = 26;
export const TYPE_AAAA = 28;
export const TYPE_NXT = 30;
export const TYPE_SRV = 33;
export const TYPE_NAPTR = 35;
export const TYPE_KX = 36;
export const TYPE_A6 = 38;
export const TYPE_DNAME = 39;
export const TYPE_OPT = 41;
export const TYPE_DS = 43;
export const TYPE_SSHFP = 44;
export const TYPE_RRSIG = 46;
export const TYPE_NSEC = 47;
export const TYPE_DNSKEY = 48;
export const TYPE_NSEC3 = 50;
export const TYPE_NSEC3PARAM = 51;
export const TYPE_TLSA = 52;
export const TYPE_SMIMEA = 53;
export const TYPE_CDS = 59;
export const TYPE_CDNSKEY = 60;
export const TYPE_SVCB = 64;
export const TYPE_HTTPS = 65;
export const TYPE_SPF = 99;
export const TYPE_TKEY = 249;
export const TYPE_TSIG = 250;
export const TYPE_IXFR = 251;
export const TYPE_AXFR = 252;
export const TYPE_MAILB = 253;
export const TYPE_MAILA = 254;
export const TYPE_ANY = 255;
export const TYPE_URI = 256;
export const TYPE_CAA = 257;

export const CLASS_IN = 1;
export const CLASS_CH = 3;
export const CLASS_HS = 4;
export const CLASS_NONE = 254;
export const CLASS_ANY = 255;

const TYPE_NAMES: readonly (readonly [number, string])[] = [
  [TYPE_A, 'A'],
  [TYPE_NS, 'NS'],
  [TYPE_MD, 'MD'],
  [TYPE_MF, 'MF'],
  [TYPE_CNAME, 'CNAME'],
  [TYPE_SOA, 'SOA'],
  [TYPE_MB, 'MB'],
  [TYPE_MG, 'MG'],
  [TYPE_MR, 'MR'],
  [TYPE_NULL, 'NULL'],
  [11, 'WKS'],
  [TYPE_PTR, 'PTR'],
  [TYPE_HINFO, 'HINFO'],
  [TYPE_MINFO, 'MINFO'],
  [TYPE_MX, 'MX'],
  [TYPE_TXT, 'TXT'],
  [TYPE_RP, 'RP'],
  [TYPE_AFSDB, 'AFSDB'],
  [19, 'X25'],
  [20, 'ISDN'],
  [TYPE_RT, 'RT'],
  [22, 'NSAP'],
  [23, 'NSAP-PTR'],
  [TYPE_SIG, 'SIG'],
  [25, 'KEY'],
  [TYPE_PX, 'PX'],
  [27, 'GPOS'],
  [TYPE_AAAA, 'AAAA'],
  [29, 'LOC'],
  [TYPE_NXT, 'NXT'],
  [31, 'EID'],
  [32, 'NIMLOC'],
  [TYPE_SRV, 'SRV'],
  [34, 'ATMA'],
  [TYPE_NAPTR, 'NAPTR'],
  [TYPE_KX, 'KX'],
  [37, 'CERT'],
  [TYPE_A6, 'A6'],
  [TYPE_DNAME, 'DNAME'],
  [40, 'SINK'],
  [TYPE_OPT, 'OPT'],
  [42, 'APL'],
  [TYPE_DS, 'DS'],
  [TYPE_SSHFP, 'SSHFP'],
  [45, 'IPSECKEY'],
  [TYPE_RRSIG, 'RRSIG'],
  [TYPE_NSEC, 'NSEC'],
  [TYPE_DNSKEY, 'DNSKEY'],
  [49, 'DHCID'],
  [TYPE_NSEC3, 'NSEC3'],
  [TYPE_NSEC3PARAM, 'NSEC3PARAM'],
  [TYPE_TLSA, 'TLSA'],
  [TYPE_SMIMEA, 'SMIMEA'],
  [55, 'HIP'],
  [56, 'NINFO'],
  [57, 'RKEY'],
  [58, 'TALINK'],
  [TYPE_CDS, 'CDS'],
  [TYPE_CDNSKEY, 'CDNSKEY'],
  [61, 'OPENPGPKEY'],
  [62, 'CSYNC'],
  [63, 'ZONEMD'],
  [TYPE_SVCB, 'SVCB'],
  [TYPE_HTTPS, 'HTTPS'],
  [66, 'DSYNC'],
  [TYPE_SPF, 'SPF'],
  [100, 'UINFO'],
  [101, 'UID'],
  [102, 'GID'],
  [103, 'UNSPEC'],
  [104, 'NID'],
  [105, 'L32'],
  [106, 'L64'],
  [107, 'LP'],
  [108, 'EUI48'],
  [109, 'EUI64'],
  [128, 'NXNAME'],
  [TYPE_TKEY, 'TKEY'],
  [TYPE_TSIG, 'TSIG'],
  [TYPE_IXFR, 'IXFR'],
  [TYPE_AXFR, 'AXFR'],
  [TYPE_MAILB, 'MAILB'],
  [TYPE_MAILA, 'MAILA'],
  [TYPE_ANY, 'ANY'],
  [TYPE_URI, 'URI'],
  [TYPE_CAA, 'CAA'],
  [258, 'AVC'],
  [259, 'DOA'],
  [260, 'AMTRELAY'],
  [261, 'RESINFO'],
  [262, 'WALLET'],
  [263, 'CLA'],
  [264, 'IPN'],
  [32768, 'TA'],
  [32769, 'DLV'],
];

const CLASS_NAMES: readonly (readonly [number, string])[] = [
  [CLASS_IN, 'IN'],
  [2, 'CS'],
  [CLASS_CH, 'CH'],
  [CLASS_HS, 'HS'],
  [CLASS_NONE, 'NONE'],
  [CLASS_ANY, 'ANY'],
];

const nameOfType = new Map(TYPE_NAMES);
const typeOfName = new Map(TYPE_NAMES.map(([type, name]) => [name, type]));
const nameOfClass = new Map(CLASS_NAMES);
const classOfName = new Map(CLASS_NAMES.map(([number, name]) => [name, number]));

/** `A`, `AAAA` …; `TYPE65280` for what has no mnemonic (RFC 3597 §5). */
export function typeName(type: number): string {
  return nameOfType.get(type) ?? `TYPE${type}`;
}

/** In any case; also `TYPEn`. */
export function typeFromName(text: string): number | undefined {
  const upper = text.toUpperCase();
  return typeOfName.get(upper) ?? numberBehind('TYPE', upper);
}

/** `IN`, `CH` …; `CLASS32` for what has no mnemonic (RFC 3597 §5). */
export function className(number: number): string {
  return nameOfClass.get(number) ?? `CLASS${number}`;
}

/** In any case; also `CLASSn`. */
export function classFromName(text: string): number | undefined {
  const upper = text.toUpperCase();
  return classOfName.get(upper) ?? numberBehind('CLASS', upper);
}

function numberBehind(prefix: string, text: string): number | undefined {
  if (!text.startsWith(prefix)) return undefined;
  const digits = text.slice(prefix.length);
  return /^\d{1,5}$/.test(digits) && Number(digits) <= 0xffff ? Number(digits) : undefined;
}
