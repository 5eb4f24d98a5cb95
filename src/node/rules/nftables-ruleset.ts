/** Our table as text for nft: what is laid once, and the elements that come and go. */
import { isIPv4 } from 'node:net';
import { SELF_MARK } from '../../sys/socket.ts';
import type { Endpoint } from './rules.ts';

export const TABLE = 'inet nodens';
export const TABLE_NAME = 'nodens';

const FAMILIES = [
  { family: 4, ip: 'ip', type: 'ipv4_addr' },
  { family: 6, ip: 'ip6', type: 'ipv6_addr' },
] as const;

/** To one of our places, whatever the family. */
const to = (set: string, verdict: string) =>
  FAMILIES.map(({ family, ip }) => `${ip} daddr . meta l4proto . th dport @${set}${family} ${verdict}`);
const from = (set: string, verdict: string) =>
  FAMILIES.map(({ family, ip }) => `${ip} saddr . meta l4proto . th sport @${set}${family} ${verdict}`);

/**
 * Packets to a place of ours skip connection tracking, and so the DNAT of kube-proxy, while a socket of ours is there for
 * them: the kernel looks that up itself, so that it ends with the process. `socket wildcard` knows only full sockets; what
 * meets the beginning or the end of a TCP connection (SYN_RECV, TIME_WAIT) is found by `socket transparent` alone.
 */
const CHAINS: readonly { name: string; hook?: string; rules: readonly string[] }[] = [
  // Chains that are jumped to stand first.
  {
    // The rest of a connection: ours if our listener, which is marked, has accepted it; else one that kube-proxy has sent on.
    name: 'existing',
    rules: [
      `socket wildcard 0 socket mark ${SELF_MARK} notrack accept`,
      'socket wildcard 0 accept',
      'socket wildcard 1 accept',
      'socket transparent 0 notrack',
    ],
  },
  {
    // A listener of all addresses is somebody else's, or does not know to which address its answers belong.
    name: 'fresh',
    rules: ['socket wildcard 0 notrack accept', 'socket wildcard 1 accept', 'socket transparent 0 notrack'],
  },
  {
    name: 'ours',
    rules: ['tcp flags & (syn | ack) != syn goto existing', ...to('taken', 'goto fresh')],
  },
  { name: 'prerouting', hook: 'prerouting', rules: to('held', 'goto ours') },
  {
    name: 'output',
    hook: 'output',
    rules: [
      ...from('held', 'notrack'),
      ...to('taken', 'notrack'),
      ...to('held', `meta mark ${SELF_MARK} notrack`),
      ...to('health', 'notrack'),
      ...from('health', 'notrack'),
    ],
  },
];

const SETS = ['held', 'taken', 'health'] as const;
export type SetName = (typeof SETS)[number];

/** Makes the table, or makes it as it should be; its elements stay. */
export function layout(): string {
  const sets = SETS.flatMap((set) =>
    FAMILIES.map(
      ({ family, type }) =>
        `add set ${TABLE} ${set}${family} { type ${type} . inet_proto . inet_service; flags timeout; }`,
    ),
  );
  const chains = CHAINS.map(({ name, hook }) => {
    const base = hook === undefined ? '' : ` { type filter hook ${hook} priority raw; policy accept; }`;
    return `add chain ${TABLE} ${name}${base}`;
  });
  const flushes = CHAINS.map(({ name }) => `flush chain ${TABLE} ${name}`);
  const rules = CHAINS.flatMap((chain) => chain.rules.map((rule) => `add rule ${TABLE} ${chain.name} ${rule}`));
  return [`add table ${TABLE}`, ...sets, ...chains, ...flushes, ...rules, ''].join('\n');
}

/** An element of a set: a place and its protocol. */
export type Element = { readonly set: SetName; readonly endpoint: Endpoint; readonly protocol: 'udp' | 'tcp' };

/** `held4 { 10.96.0.10 . udp . 53 }`, which is how elements are told apart, too. */
export function elementText({ set, endpoint: { address, port }, protocol }: Element, options = ''): string {
  return `${set}${isIPv4(address) ? 4 : 6} { ${address} . ${protocol} . ${port}${options} }`;
}

/**
 * Puts the element there, or renews it. Adding one that is there changes nothing, unless the kernel takes `expires`
 * (Linux 6.12): before, it must be taken away within the same transaction.
 */
export function putElement(element: Element, leaseS: number | undefined, canRenew: boolean): string {
  const put = addElement(element, leaseS === undefined ? '' : ` timeout ${leaseS}s expires ${leaseS}s`);
  return canRenew ? put : `${removeElement(element)}${put}`;
}

/** One that is not there would fail the transaction, so that it is added first. */
export function removeElement(element: Element): string {
  return `${addElement(element)}delete element ${TABLE} ${elementText(element)}\n`;
}

function addElement(element: Element, options = ''): string {
  return `add element ${TABLE} ${elementText(element, options)}\n`;
}
