import { oneLine } from '../../corefile/errors.ts';
import { formatIpv4, formatIpv6, IPV4_BYTES, IPV6_BYTES, parseIpv4, parseIpv6 } from '../../wire/address.ts';
import { nameFromText, nameToLowerText } from '../../wire/name.ts';
import type { MessageView } from '../../wire/view.ts';

const MAX_WEIGHT = 255;
const DEFAULT_WEIGHT = 1;

/** Weights of addresses: by owner name in lower case, then by the address as text. */
export type Weights = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Of address record `index`. */
export function weightOf(view: MessageView, index: number, weights: Weights): number {
  const ofName = weights.get(nameToLowerText(view.bytes, view.ownerOffset(index)));
  return ofName?.get(addressText(view, index)) ?? DEFAULT_WEIGHT;
}

function addressText(view: MessageView, index: number): string {
  const length = view.rdataLength(index);
  if (length === IPV4_BYTES) return formatIpv4(view.bytes, view.rdataOffset(index));
  return length === IPV6_BYTES ? formatIpv6(view.bytes, view.rdataOffset(index)) : '';
}

/**
 * Reads a weight file: lines with a domain name, each followed by lines `IP WEIGHT`; empty lines and those that begin
 * with `#` do not count. Of an address given twice the first weight counts. Throws an Error that names file and line.
 */
export function parseWeights(text: string, path: string): Weights {
  const weights = new Map<string, Map<string, number>>();
  let ofName: Map<string, number> | undefined;
  for (const [i, line] of text.split('\n').entries()) {
    const parsed = parseLine(line.trim(), ofName !== undefined);
    if (parsed === undefined) continue;
    if ('problem' in parsed) throw new Error(oneLine(`${path}:${i + 1}: ${parsed.problem}`));
    if ('name' in parsed) {
      ofName = weights.get(parsed.name) ?? new Map();
      weights.set(parsed.name, ofName);
    } else if (!ofName?.has(parsed.address)) {
      ofName?.set(parsed.address, parsed.weight);
    }
  }
  return weights;
}

type Line =
  | { readonly name: string }
  | { readonly address: string; readonly weight: number }
  | { readonly problem: string };

/** `hasName`: a name stands before it. */
function parseLine(line: string, hasName: boolean): Line | undefined {
  if (line === '' || line.startsWith('#')) return undefined;
  const words = line.split(/\s+/);
  if (words.length > 2) return { problem: `expected a domain name, or IP WEIGHT, got "${line}"` };
  const [first, second] = words;
  if (second === undefined) return parseName(first);
  return hasName ? parseWeight(first, second) : { problem: `a domain name must stand before "${line}"` };
}

function parseName(text: string): Line {
  if (parseAddress(text) !== undefined) return { problem: `wrong domain name: "${text}"; is its weight missing?` };
  const name = nameFromText(text);
  return name === undefined ? { problem: `wrong domain name: "${text}"` } : { name: nameToLowerText(name, 0) };
}

function parseWeight(addressText: string, weightText: string): Line {
  const address = parseAddress(addressText);
  if (address === undefined) return { problem: `wrong IP address: "${addressText}"` };
  const weight = /^\d+$/.test(weightText) ? Number(weightText) : 0;
  if (weight < 1 || weight > MAX_WEIGHT) return { problem: `WEIGHT must be 1..${MAX_WEIGHT}, got "${weightText}"` };
  return { address, weight };
}

/** An address in the one spelling that is compared; undefined if it is none. */
function parseAddress(text: string): string | undefined {
  const ipv4 = parseIpv4(text);
  if (ipv4 !== undefined) return formatIpv4(ipv4);
  const ipv6 = parseIpv6(text);
  return ipv6 === undefined ? undefined : formatIpv6(ipv6);
}
