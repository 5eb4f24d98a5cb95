/** The rules of iptables for one place: those of node-cache, and what failing open needs besides. */
import { SELF_MARK } from '../../sys/socket.ts';
import type { Endpoint } from './rules.ts';

export type Row = { readonly table: 'raw' | 'filter'; readonly chain: string; readonly match: readonly string[] };

const SKIP = ['-m', 'comment', '--comment', 'NodeLocal DNS Cache: skip conntrack'];
const ALLOW = ['-m', 'comment', '--comment', 'NodeLocal DNS Cache: allow DNS traffic'];
const PROTOCOLS = ['tcp', 'udp'] as const;
const MARKED = ['-m', 'mark', '--mark', `0x${SELF_MARK.toString(16)}`];

const to = ({ address, port }: Endpoint, protocol: string) => ['-p', protocol, '-d', address, '--dport', `${port}`];
const from = ({ address, port }: Endpoint, protocol: string) => ['-p', protocol, '-s', address, '--sport', `${port}`];
const raw = (chain: string, match: readonly string[], more: readonly string[] = []): Row => {
  return { table: 'raw', chain, match: [...match, ...more, '-j', 'NOTRACK', ...SKIP] };
};
const allow = (chain: string, match: readonly string[]): Row => {
  return { table: 'filter', chain, match: [...match, '-j', 'ACCEPT', ...ALLOW] };
};

/**
 * While our address is on the node: answers, queries to ourselves, and the rest of connections that we have accepted. Their
 * sockets have inherited the mark of our listener; one that kube-proxy has sent on would only find the listener itself.
 */
export function heldRows(endpoint: Endpoint, hasSocketMatch: boolean): Row[] {
  const accepted = ['!', '--syn', '-m', 'socket', '--restore-skmark', ...MARKED];
  return [
    ...PROTOCOLS.map((protocol) => allow('INPUT', to(endpoint, protocol))),
    ...PROTOCOLS.map((protocol) => raw('OUTPUT', from(endpoint, protocol))),
    ...PROTOCOLS.map((protocol) => allow('OUTPUT', from(endpoint, protocol))),
    ...PROTOCOLS.map((protocol) => raw('OUTPUT', to(endpoint, protocol), MARKED)),
    ...(hasSocketMatch ? [raw('PREROUTING', to(endpoint, 'tcp'), accepted)] : []),
  ];
}

/**
 * New traffic is ours while a socket listens for it: `-m socket` asks the kernel for one that is bound to this very address,
 * and finds those of connections, too. (`--nowildcard` would let sockets of all addresses count: iptables-extensions(8).)
 */
export function takenRows(endpoint: Endpoint, hasSocketMatch: boolean): Row[] {
  const listened = hasSocketMatch ? ['-m', 'socket'] : [];
  return [
    ...PROTOCOLS.map((protocol) => raw('PREROUTING', to(endpoint, protocol), listened)),
    ...PROTOCOLS.map((protocol) => raw('OUTPUT', to(endpoint, protocol))),
  ];
}

export function healthRows(endpoint: Endpoint): Row[] {
  return [raw('OUTPUT', to(endpoint, 'tcp')), raw('OUTPUT', from(endpoint, 'tcp'))];
}

/**
 * What node-cache and coredns-nodecache have left behind, and we do not make: their rules keep packets from connection
 * tracking although nobody listens any more, so that kube-proxy could not send them to the cluster DNS.
 */
export function foreignRows(endpoint: Endpoint, hasSocketMatch: boolean): Row[] {
  const ours = new Set([...heldRows(endpoint, hasSocketMatch), ...takenRows(endpoint, hasSocketMatch)].map(rowText));
  const commented = takenRows(endpoint, false);
  const plain = [...heldRows(endpoint, false), ...commented]
    .filter(({ match }) => !match.includes('mark'))
    .map((row) => ({ ...row, match: row.match.slice(0, -SKIP.length) }));
  return [...commented, ...plain].filter((row) => !ours.has(rowText(row)));
}

/** A row as words; equal rows have equal text. */
export function rowText({ table, chain, match }: Row): string {
  return [table, chain, ...match].join(' ');
}
