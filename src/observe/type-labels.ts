import { typeFromName } from '../wire/types.ts';

const OTHER_TYPE = 'other';
const TYPES = 'A AAAA CNAME DNSKEY DS MX NSEC NSEC3 NS PTR RRSIG SOA SRV TXT HTTPS IXFR AXFR ANY'.split(' ');
/** The values of the label `type`. */
export const TYPE_LABELS: readonly string[] = [OTHER_TYPE, ...TYPES];

/** By QTYPE: where its label stands; 0 for the others, and for all beyond the end. */
const labelOfType = new Uint8Array(256);
for (const [i, name] of TYPE_LABELS.entries()) labelOfType[typeFromName(name) ?? 0] = i;

/** The index in TYPE_LABELS. */
export function typeLabel(qtype: number): number {
  return qtype < labelOfType.length ? labelOfType[qtype] : 0;
}
