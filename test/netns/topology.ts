/**
 * Addresses and links of the test bed. Each pod and each DNS pod has a veth pair of its own to the node, as with a CNI
 * plug-in that routes; the DNS pods stand for those on other nodes.
 *
 *   pod-0 10.244.1.10 ──┐                ┌── dns-0 10.244.2.2
 *   pod-1 10.244.1.11 ──┤ node 172.18.0.2├── dns-1 10.244.3.2
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from './host.ts';

export type Family = 4 | 6;
export type Addresses = Readonly<Record<Family, string>>;

/** kube-dns: what the pods' resolv.conf names. */
export const SERVICE: Addresses = { 4: '10.96.0.10', 6: 'fd00:10:96::a' };
/** kube-dns-upstream, a second service with the same endpoints: whom a cache that holds the first one asks. */
export const UPSTREAM_SERVICE: Addresses = { 4: '10.96.0.11', 6: 'fd00:10:96::b' };
export const CLUSTER_CIDR: Addresses = { 4: '10.244.0.0/16', 6: 'fd00:10:244::/48' };
export const NODE: Addresses = { 4: '172.18.0.2', 6: 'fd00:172:18::2' };
export const DNS_PODS: readonly Addresses[] = [
  { 4: '10.244.2.2', 6: 'fd00:10:244:2::2' },
  { 4: '10.244.3.2', 6: 'fd00:10:244:3::2' },
];
const ANYWHERE: Addresses = { 4: '0.0.0.0/0', 6: '::/0' };
/** The node as its pods see it: where their default route goes. */
const GATEWAY: Addresses = { 4: '10.244.1.1', 6: 'fd00:10:244:1::1' };

export function podAddresses(index: number): Addresses {
  return { 4: `10.244.1.${10 + index}`, 6: `fd00:10:244:1::${10 + index}` };
}

/** A host at the end of a veth pair. */
type Spoke = { readonly host: Host; readonly link: string; readonly own: Addresses; readonly node: Addresses };

/** Connects every host to the node. */
export async function connect(
  node: Host,
  pods: readonly Host[],
  dnsPods: readonly Host[],
  families: readonly Family[],
) {
  const spokes: Spoke[] = [
    ...pods.map((host, i) => ({ host, link: `pod${i}`, own: podAddresses(i), node: GATEWAY })),
    ...dnsPods.map((host, i) => ({ host, link: `dns${i}`, own: DNS_PODS[i], node: NODE })),
  ];
  const settings = ['ipv4/ip_forward', ...(families.includes(6) ? ['ipv6/conf/all/forwarding'] : [])];
  await node.exec(['sh', '-ec', settings.map((setting) => `echo 1 >/proc/sys/net/${setting}`).join('\n')]);
  // A node has a default route: a packet to a service IP is sent at all because of it, and goes elsewhere after the DNAT.
  const defaultRoutes = families.map((family) => `route add ${ANYWHERE[family]} dev dns0 src ${NODE[family]}`);
  await batch(node, [...spokes.flatMap((spoke) => nodeCommands(spoke, families)), ...defaultRoutes]);
  await Promise.all(spokes.map((spoke) => batch(spoke.host, spokeCommands(spoke, families))));
}

function nodeCommands({ host, link, own, node }: Spoke, families: readonly Family[]): string[] {
  const addresses = families.map((family) => addAddress(family, node[family], own[family], link));
  return [`link add ${link} type veth peer name eth0 netns ${host.pid}`, `link set ${link} up`, ...addresses];
}

function spokeCommands({ own, node }: Spoke, families: readonly Family[]): string[] {
  const perFamily = families.flatMap((family) => [
    addAddress(family, own[family], node[family], 'eth0'),
    `route add ${ANYWHERE[family]} via ${node[family]} dev eth0 onlink`,
  ]);
  return ['link set eth0 up', ...perFamily];
}

/** Without nodad, an IPv6 address could not be used for a second. */
function addAddress(family: Family, own: string, peer: string, link: string): string {
  return `address add ${own} peer ${peer} dev ${link}${family === 6 ? ' nodad' : ''}`;
}

/** Runs commands of `ip`. */
export async function batch(host: Host, commands: readonly string[]): Promise<void> {
  const file = join(host.directory, 'ip.batch');
  writeFileSync(file, `${commands.join('\n')}\n`);
  await host.exec(['ip', '-batch', file]);
}
