import { IPV4_BYTES, IPV6_BYTES, parseIpv4 } from './address.ts';

const V4_SUFFIX = '.in-addr.arpa.';
const V6_SUFFIX = '.ip6.arpa.';
const NIBBLES = /^(?:[0-9a-f]\.){31}[0-9a-f]$/;

/**
 * The address that a reverse name (RFC 1035 §3.5, RFC 3596 §2.5; lower case, with final dot) stands for; undefined if it
 * is none, or stands for a network.
 */
export function addressOfReverseName(name: string): Uint8Array | undefined {
  if (name.endsWith(V4_SUFFIX)) return parseIpv4(name.slice(0, -V4_SUFFIX.length))?.reverse();
  if (!name.endsWith(V6_SUFFIX)) return undefined;
  const labels = name.slice(0, -V6_SUFFIX.length);
  return NIBBLES.test(labels) ? bytesOfNibbles(labels.replaceAll('.', '')) : undefined;
}

/** Hexadecimal digits, the last one first. */
function bytesOfNibbles(digits: string): Uint8Array {
  const bytes = new Uint8Array(IPV6_BYTES);
  for (let i = 0; i < IPV6_BYTES; i++) {
    const low = 2 * (IPV6_BYTES - 1 - i);
    bytes[i] = Number.parseInt(digits[low + 1] + digits[low], 16);
  }
  return bytes;
}

/** `1.2.0.192.in-addr.arpa.` of the bytes of 192.0.2.1. */
export function reverseNameOf(address: Uint8Array): string {
  if (address.length === IPV4_BYTES) return `${[...address].reverse().join('.')}${V4_SUFFIX}`;
  const digits = Buffer.from(address).toString('hex');
  return `${[...digits].reverse().join('.')}${V6_SUFFIX}`;
}
