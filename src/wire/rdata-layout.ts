/**
 * Where names stand in rdata, so that it can be moved to another message even if they are compressed. That is allowed in
 * the types of RFC 1035 alone, and only in those are names compressed anew; in others it happens (RFC 3597 §4 lists types
 * in which it has to be expected, and other resolvers bear it in all).
 */
import {
  TYPE_AFSDB,
  TYPE_CNAME,
  TYPE_DNAME,
  TYPE_HTTPS,
  TYPE_KX,
  TYPE_MB,
  TYPE_MD,
  TYPE_MF,
  TYPE_MG,
  TYPE_MINFO,
  TYPE_MR,
  TYPE_MX,
  TYPE_NAPTR,
  TYPE_NS,
  TYPE_NSEC,
  TYPE_NXT,
  TYPE_PTR,
  TYPE_PX,
  TYPE_RP,
  TYPE_RRSIG,
  TYPE_RT,
  TYPE_SIG,
  TYPE_SOA,
  TYPE_SRV,
  TYPE_SVCB,
} from './types.ts';

/** Fields in order; a positive number is so many bytes that are copied. */
export type RdataField = number;
export const FIELD_NAME = 0;
/** A length byte and so many bytes. */
export const FIELD_STRING = -1;
/** Whatever is left. */
export const FIELD_REST = -2;

export type RdataLayout = { readonly mayCompress: boolean; readonly fields: readonly RdataField[] };

const SOA_NUMBERS_BYTES = 20;
const SIG_FIXED_BYTES = 18;

const rfc1035 = (...fields: RdataField[]): RdataLayout => ({ mayCompress: true, fields });
const later = (...fields: RdataField[]): RdataLayout => ({ mayCompress: false, fields });

const layouts = new Map<number, RdataLayout>([
  [TYPE_NS, rfc1035(FIELD_NAME)],
  [TYPE_MD, rfc1035(FIELD_NAME)],
  [TYPE_MF, rfc1035(FIELD_NAME)],
  [TYPE_CNAME, rfc1035(FIELD_NAME)],
  [TYPE_SOA, rfc1035(FIELD_NAME, FIELD_NAME, SOA_NUMBERS_BYTES)],
  [TYPE_MB, rfc1035(FIELD_NAME)],
  [TYPE_MG, rfc1035(FIELD_NAME)],
  [TYPE_MR, rfc1035(FIELD_NAME)],
  [TYPE_PTR, rfc1035(FIELD_NAME)],
  [TYPE_MINFO, rfc1035(FIELD_NAME, FIELD_NAME)],
  [TYPE_MX, rfc1035(2, FIELD_NAME)],
  [TYPE_RP, later(FIELD_NAME, FIELD_NAME)],
  [TYPE_AFSDB, later(2, FIELD_NAME)],
  [TYPE_RT, later(2, FIELD_NAME)],
  [TYPE_SIG, later(SIG_FIXED_BYTES, FIELD_NAME, FIELD_REST)],
  [TYPE_PX, later(2, FIELD_NAME, FIELD_NAME)],
  [TYPE_NXT, later(FIELD_NAME, FIELD_REST)],
  [TYPE_SRV, later(6, FIELD_NAME)],
  [TYPE_NAPTR, later(4, FIELD_STRING, FIELD_STRING, FIELD_STRING, FIELD_NAME)],
  [TYPE_KX, later(2, FIELD_NAME)],
  [TYPE_DNAME, later(FIELD_NAME)],
  [TYPE_RRSIG, later(SIG_FIXED_BYTES, FIELD_NAME, FIELD_REST)],
  [TYPE_NSEC, later(FIELD_NAME, FIELD_REST)],
  [TYPE_SVCB, later(2, FIELD_NAME, FIELD_REST)],
  [TYPE_HTTPS, later(2, FIELD_NAME, FIELD_REST)],
]);

/** Undefined for types whose rdata is copied as it is. */
export function rdataLayout(type: number): RdataLayout | undefined {
  return layouts.get(type);
}

/** The length of a field that is not a name, at `offset` of rdata that ends at `end`; -1 if it does not fit. */
export function fieldLength(field: RdataField, bytes: Uint8Array, offset: number, end: number): number {
  if (field === FIELD_REST) return end - offset;
  if (field === FIELD_STRING && offset === end) return -1;
  const length = field === FIELD_STRING ? 1 + bytes[offset] : field;
  return offset + length <= end ? length : -1;
}
