import net from 'node:net';
import { lowerName, nameFromText, ROOT_NAME, type WireName } from '../wire/name.ts';
import { type Endpoint, endpointOf } from './endpoint.ts';

const DNS_PORT = 53;

export type ResolvConf = {
  /** In file order, with duplicates. */
  readonly nameservers: readonly Endpoint[];
  /** Values of `nameserver` that are no IP addresses. */
  readonly ignored: readonly string[];
};

/**
 * The nameservers of a file as resolv.conf(5): the first value of each `nameserver` line. All other lines are passed
 * over, comments among them. The zone of an IPv6 address is dropped, as CoreDNS does.
 */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: Endpoint[] = [];
  const ignored: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, value] = line.trim().split(/\s+/);
    if (keyword !== 'nameserver' || value === undefined) continue;
    const address = value.replace(/%.*$/, '');
    if (net.isIP(address) === 0) ignored.push(value);
    else nameservers.push(endpointOf('dns', address, DNS_PORT));
  }
  return { nameservers, ignored };
}

/**
 * The search list of such a file: the domains of its last `search` or `domain` line, lower case. What is no name is passed
 * over, and so is the root, which stands for no list at all.
 */
export function parseSearchList(text: string): WireName[] {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  const [keyword, ...values] = lines.findLast(([first]) => first === 'search' || first === 'domain') ?? [];
  const words = keyword === 'domain' ? values.slice(0, 1) : values;
  return words.flatMap((word) => {
    const name = nameFromText(word);
    return name === undefined || name.length === ROOT_NAME.length ? [] : [lowerName(name)];
  });
}
