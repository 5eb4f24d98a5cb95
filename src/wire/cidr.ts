import { parseIpv4, parseIpv6 } from './address.ts';

export const BYTE_BITS = 8;

/** The addresses, of one family, whose first `bits` bits are those of `network`. */
export type Cidr = { readonly network: Uint8Array; readonly bits: number };

/** `192.0.2.0/24`, `2001:db8::/32`, host bits as they are; undefined if it is no CIDR. */
export function parseCidr(text: string): Cidr | undefined {
  const [, address, digits] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  if (address === undefined) return undefined;
  const network = parseIpv4(address) ?? parseIpv6(address);
  const bits = Number(digits);
  return network === undefined || bits > network.length * BYTE_BITS ? undefined : { network, bits };
}
