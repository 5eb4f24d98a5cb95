import { isIPv4, isIPv6 } from 'node:net';

const V4_BITS = 32;
const V6_BITS = 128;
/** Bits that one label of a reverse name stands for. */
const V4_LABEL_BITS = 8;
const V6_LABEL_BITS = 4;

/**
 * The reverse zones that cover a CIDR: one if its prefix ends at a label, else all those of the next longer prefix that
 * does (`10.0.0.0/9` is 128 zones). Host bits are ignored. Undefined if the text is no CIDR.
 */
export function reverseZones(text: string): string[] | undefined {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  if (!match) return undefined;
  const [, address, digits] = match;
  const prefixBits = Number(digits);
  if (isIPv4(address) && prefixBits <= V4_BITS) {
    const value = BigInt(address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0));
    return splitPrefix(value, V4_BITS, prefixBits, V4_LABEL_BITS).map((labels) =>
      [...labels, 'in-addr.arpa.'].join('.'),
    );
  }
  if (isIPv6(address) && !address.includes('%') && prefixBits <= V6_BITS) {
    const prefixes = splitPrefix(v6Value(address), V6_BITS, prefixBits, V6_LABEL_BITS);
    return prefixes.map((labels) => [...labels, 'ip6.arpa.'].join('.'));
  }
  return undefined;
}

/** The labels, lowest first, of each prefix of whole labels that `value/prefixBits` is made of. */
function splitPrefix(value: bigint, bits: number, prefixBits: number, labelBits: number): string[][] {
  const labelCount = Math.ceil(prefixBits / labelBits);
  const freeBits = labelCount * labelBits - prefixBits;
  const first = (value >> BigInt(bits - prefixBits)) << BigInt(freeBits);
  return Array.from({ length: 2 ** freeBits }, (_, index) => labelsOf(first + BigInt(index), labelCount, labelBits));
}

function labelsOf(prefix: bigint, labelCount: number, labelBits: number): string[] {
  const radix = labelBits === V4_LABEL_BITS ? 10 : 16;
  const mask = (1n << BigInt(labelBits)) - 1n;
  return Array.from({ length: labelCount }, (_, index) =>
    ((prefix >> BigInt(index * labelBits)) & mask).toString(radix),
  );
}

function v6Value(address: string): bigint {
  // The URL parser writes the eight groups' shortest form and turns a dotted tail into groups.
  const [head, tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const headGroups = head === '' ? [] : head.split(':');
  const tailGroups = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - headGroups.length - tailGroups.length }, () => '0');
  const groups = [...headGroups, ...zeros, ...tailGroups];
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}
