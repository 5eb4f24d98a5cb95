/** The option that tells an upstream which network a client is in (RFC 7871). */
import type { Cursor } from '../../corefile/cursor.ts';
import type { Token } from '../../corefile/token.ts';
import { IPV4_BYTES, IPV6_BYTES, parseAddress } from '../../wire/address.ts';
import { writeU16 } from '../../wire/bytes.ts';
import { parseNumber } from './edns-data.ts';

const BYTE_BITS = 8;
const FAMILY_IPV4 = 1;
const FAMILY_IPV6 = 2;
// Family u16, source prefix u8, scope prefix u8, then the address as far as the prefix goes.
const SOURCE_OFFSET = 2;
const ADDRESS_OFFSET = 4;

export type PrefixBits = { readonly v4: number; readonly v6: number };

/** `V4BITS V6BITS` */
export function parsePrefixBits(cursor: Cursor, [v4, v6]: readonly Token[]): PrefixBits {
  return {
    v4: parseNumber(cursor, v4, { name: 'V4BITS', max: BYTE_BITS * IPV4_BYTES }),
    v6: parseNumber(cursor, v6, { name: 'V6BITS', max: BYTE_BITS * IPV6_BYTES }),
  };
}

/** Its data; host bits are 0. Undefined if that is no address. */
export function clientSubnet(text: string, { v4, v6 }: PrefixBits): Uint8Array | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const isV4 = address.length === IPV4_BYTES;
  const bits = isV4 ? v4 : v6;
  const data = new Uint8Array(ADDRESS_OFFSET + Math.ceil(bits / BYTE_BITS));
  writeU16(data, 0, isV4 ? FAMILY_IPV4 : FAMILY_IPV6);
  data[SOURCE_OFFSET] = bits;
  data.set(address.subarray(0, data.length - ADDRESS_OFFSET), ADDRESS_OFFSET);
  const lastBits = bits % BYTE_BITS;
  if (lastBits > 0) data[data.length - 1] &= 0xff << (BYTE_BITS - lastBits);
  return data;
}
