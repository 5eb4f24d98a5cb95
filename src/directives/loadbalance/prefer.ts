import { parseIpv4, parseIpv6 } from '../../wire/address.ts';
import { type MessageView, SECTION_AUTHORITY, type Section } from '../../wire/view.ts';
import { groupRecords } from './groups.ts';

const BYTE_BITS = 8;

/** A CIDR: the addresses, of one family, whose first `bits` bits are those of `network`. */
export type Prefix = { readonly network: Uint8Array; readonly bits: number };

/** `192.0.2.0/24`, `2001:db8::/32`, host bits ignored; undefined if it is no CIDR. */
export function parsePrefix(text: string): Prefix | undefined {
  const [, address, digits] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  if (address === undefined) return undefined;
  const network = parseIpv4(address) ?? parseIpv6(address);
  const bits = Number(digits);
  return network === undefined || bits > network.length * BYTE_BITS ? undefined : { network, bits };
}

/**
 * Addresses of the first prefix before those of the second and so on, those of none last; otherwise they keep their
 * order. Aliases stand before them, mail exchanges and then everything else behind.
 */
export function prefer(
  view: MessageView,
  section: Section,
  records: readonly number[],
  prefixes: readonly Prefix[],
): readonly number[] {
  if (section === SECTION_AUTHORITY) return records;
  const { aliases, others, addresses, exchanges, opt } = groupRecords(view, records);
  const byRank = Array.from({ length: prefixes.length + 1 }, (): number[] => []);
  for (const index of addresses) {
    const rank = prefixes.findIndex((prefix) => contains(prefix, view, index));
    byRank.at(rank)?.push(index); // That of none, -1, is the last one.
  }
  return [...aliases, ...byRank.flat(), ...exchanges, ...others, ...opt];
}

/** Whether it has the address of address record `index`. */
function contains({ network, bits }: Prefix, view: MessageView, index: number): boolean {
  if (view.rdataLength(index) !== network.length) return false;
  const offset = view.rdataOffset(index);
  const wholeBytes = Math.trunc(bits / BYTE_BITS);
  for (let i = 0; i < wholeBytes; i++) if (view.bytes[offset + i] !== network[i]) return false;
  const mask = (0xff00 >>> (bits % BYTE_BITS)) & 0xff; // Of the byte in which the prefix ends; 0 if it ends between two.
  return ((view.bytes[offset + wholeBytes] ^ network[wholeBytes]) & mask) === 0;
}
