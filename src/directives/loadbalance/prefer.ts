import { BYTE_BITS, type Cidr } from '../../wire/cidr.ts';
import { type MessageView, SECTION_AUTHORITY, type Section } from '../../wire/view.ts';
import { groupRecords } from './groups.ts';

/**
 * Addresses of the first prefix before those of the second and so on, those of none last; otherwise they keep their
 * order. Aliases stand before them, mail exchanges and then everything else behind.
 */
export function prefer(
  view: MessageView,
  section: Section,
  records: readonly number[],
  prefixes: readonly Cidr[],
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
function contains({ network, bits }: Cidr, view: MessageView, index: number): boolean {
  if (view.rdataLength(index) !== network.length) return false;
  const offset = view.rdataOffset(index);
  const wholeBytes = Math.trunc(bits / BYTE_BITS);
  for (let i = 0; i < wholeBytes; i++) if (view.bytes[offset + i] !== network[i]) return false;
  const mask = (0xff00 >>> (bits % BYTE_BITS)) & 0xff; // Of the byte in which the prefix ends; 0 if it ends between two.
  return ((view.bytes[offset + wholeBytes] ^ network[wholeBytes]) & mask) === 0;
}
