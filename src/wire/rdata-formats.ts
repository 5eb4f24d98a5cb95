import { base64ToEnd, hashedName, hexToEnd, rrType, salt, time, typeSet } from './dnssec-fields.ts';
import {
  caaTag,
  duration,
  type Field,
  ipv4,
  ipv6,
  longText,
  name,
  string,
  strings,
  u8,
  u16,
  u32,
} from './rdata-fields.ts';
import { svcParams } from './svcb.ts';
import {
  TYPE_A,
  TYPE_AAAA,
  TYPE_AFSDB,
  TYPE_CAA,
  TYPE_CDNSKEY,
  TYPE_CDS,
  TYPE_CNAME,
  TYPE_DNAME,
  TYPE_DNSKEY,
  TYPE_DS,
  TYPE_HINFO,
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
  TYPE_NSEC3,
  TYPE_NSEC3PARAM,
  TYPE_PTR,
  TYPE_PX,
  TYPE_RP,
  TYPE_RRSIG,
  TYPE_RT,
  TYPE_SMIMEA,
  TYPE_SOA,
  TYPE_SPF,
  TYPE_SRV,
  TYPE_SSHFP,
  TYPE_SVCB,
  TYPE_TLSA,
  TYPE_TXT,
  TYPE_URI,
} from './types.ts';

const oneName = [name('name')];
const preferenceAndName = [u16('preference'), name('name')];
const delegationSigner = [u16('key tag'), u8('algorithm'), u8('digest type'), hexToEnd('digest')];
const key = [u16('flags'), u8('protocol'), u8('algorithm'), base64ToEnd('key')];
const certificateAssociation = [u8('usage'), u8('selector'), u8('matching type'), hexToEnd('certificate data')];
const serviceBinding = [u16('priority'), name('target'), svcParams];
const hashParameters = [u8('hash algorithm'), u8('flags'), u16('iterations'), salt];

const formats = new Map<number, readonly Field[]>([
  [TYPE_A, [ipv4]],
  [TYPE_NS, oneName],
  [TYPE_MD, oneName],
  [TYPE_MF, oneName],
  [TYPE_CNAME, oneName],
  [
    TYPE_SOA,
    [
      name('primary server'),
      name('mailbox'),
      u32('serial'),
      duration('refresh'),
      duration('retry'),
      duration('expire'),
      duration('minimum'),
    ],
  ],
  [TYPE_MB, oneName],
  [TYPE_MG, oneName],
  [TYPE_MR, oneName],
  [TYPE_PTR, oneName],
  [TYPE_HINFO, [string('CPU'), string('OS')]],
  [TYPE_MINFO, [name('mailbox'), name('error mailbox')]],
  [TYPE_MX, preferenceAndName],
  [TYPE_TXT, [strings]],
  [TYPE_RP, [name('mailbox'), name('TXT name')]],
  [TYPE_AFSDB, preferenceAndName],
  [TYPE_RT, preferenceAndName],
  [TYPE_PX, [u16('preference'), name('RFC 822 name'), name('X.400 name')]],
  [TYPE_AAAA, [ipv6]],
  [TYPE_SRV, [u16('priority'), u16('weight'), u16('port'), name('target')]],
  [
    TYPE_NAPTR,
    [u16('order'), u16('preference'), string('flags'), string('services'), string('regexp'), name('replacement')],
  ],
  [TYPE_KX, preferenceAndName],
  [TYPE_DNAME, oneName],
  [TYPE_DS, delegationSigner],
  [TYPE_SSHFP, [u8('algorithm'), u8('type'), hexToEnd('fingerprint')]],
  [
    TYPE_RRSIG,
    [
      rrType,
      u8('algorithm'),
      u8('labels'),
      u32('original TTL'),
      time('expiration'),
      time('inception'),
      u16('key tag'),
      name('signer'),
      base64ToEnd('signature'),
    ],
  ],
  [TYPE_NSEC, [name('next name'), typeSet]],
  [TYPE_DNSKEY, key],
  [TYPE_NSEC3, [...hashParameters, hashedName, typeSet]],
  [TYPE_NSEC3PARAM, hashParameters],
  [TYPE_TLSA, certificateAssociation],
  [TYPE_SMIMEA, certificateAssociation],
  [TYPE_CDS, delegationSigner],
  [TYPE_CDNSKEY, key],
  [TYPE_SVCB, serviceBinding],
  [TYPE_HTTPS, serviceBinding],
  [TYPE_SPF, [strings]],
  [TYPE_URI, [u16('priority'), u16('weight'), longText('target')]],
  [TYPE_CAA, [u8('flags'), caaTag, longText('value')]],
]);

/** The fields of a type in presentation format; undefined for types that are written as RFC 3597 has it. */
export function rdataFormat(type: number): readonly Field[] | undefined {
  return formats.get(type);
}
