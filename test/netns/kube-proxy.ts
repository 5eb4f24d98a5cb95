/**
 * The rules that kube-proxy makes for the DNS services with two endpoints, in each of its modes: the same tables, chains,
 * marks and probabilities. What it makes for everything else is left out.
 */
import { realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTemporaryDirectory } from '../support/child.ts';
import { findProgram } from '../support/programs.ts';
import type { Host } from './host.ts';
import { type Addresses, CLUSTER_CIDR, DNS_PODS, type Family, SERVICE, UPSTREAM_SERVICE } from './topology.ts';

export const PROXY_MODES = ['nftables', 'iptables-nft', 'iptables-legacy'] as const;
export type ProxyMode = (typeof PROXY_MODES)[number];

/** The programs that it needs, for `missing()`. */
export const PROXY_PROGRAMS = ['nft', 'iptables', 'iptables-nft', 'iptables-legacy'];

type Protocol = 'udp' | 'tcp';
/** A port of a service, with a part of the names of its chains, which in kube-proxy are hashes of the rest. */
type ServicePort = {
  readonly service: string;
  readonly addresses: Addresses;
  readonly protocol: Protocol;
  readonly hash: string;
};

const SERVICE_PORTS: readonly ServicePort[] = [
  { service: 'kube-dns', addresses: SERVICE, protocol: 'udp', hash: 'TCOU7JCQXEZGVUNU' },
  { service: 'kube-dns', addresses: SERVICE, protocol: 'tcp', hash: 'ERIFXISQEP7F7OF4' },
  { service: 'kube-dns-upstream', addresses: UPSTREAM_SERVICE, protocol: 'udp', hash: 'ZRLRAB2E5DTUX37C' },
  { service: 'kube-dns-upstream', addresses: UPSTREAM_SERVICE, protocol: 'tcp', hash: 'PUPH7JXK4XNKVRVG' },
];

/** Makes the rules on the node. */
export async function installProxy(node: Host, mode: ProxyMode, families: readonly Family[]): Promise<void> {
  for (const family of families) {
    const file = join(node.directory, `kube-proxy-${family}`);
    writeFileSync(file, mode === 'nftables' ? nftRules(family) : iptablesRules(family));
    const restore = `${family === 4 ? 'iptables' : 'ip6tables'}-restore`;
    await node.exec(mode === 'nftables' ? ['nft', '-f', file] : [restore, '-w', '5', file]);
  }
}

/**
 * A directory for the start of the node's PATH in which `iptables` is that of the mode, as on a host where the
 * distribution has chosen. None for nftables, where either may be there.
 */
export function iptablesDirectory(mode: ProxyMode): string[] {
  if (mode === 'nftables') return [];
  const program = realpathSync(findProgram(mode) ?? mode);
  const directory = makeTemporaryDirectory(mode);
  for (const name of ['iptables', 'ip6tables']) {
    for (const suffix of ['', '-save', '-restore']) symlinkSync(program, join(directory, name + suffix));
  }
  return [directory];
}

function iptablesRules(family: Family): string {
  const chains = SERVICE_PORTS.flatMap((port) => [
    serviceChain(port),
    ...DNS_PODS.map((_, i) => endpointChain(port, i)),
  ]);
  return `*nat
${chains.map((chain) => `:${chain} - [0:0]`).join('\n')}
:KUBE-SERVICES - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
${SERVICE_PORTS.flatMap((port) => iptablesService(port, family)).join('\n')}
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
COMMIT
*filter
:KUBE-FORWARD - [0:0]
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`;
}

function iptablesService(port: ServicePort, family: Family): string[] {
  const { service, addresses, protocol } = port;
  const comment = `-m comment --comment "kube-system/${service}:${portName(protocol)} cluster IP"`;
  const destination = `${addresses[family]}/${family === 4 ? 32 : 128}`;
  const toService = `-d ${destination} -p ${protocol} ${comment} -m ${protocol} --dport 53`;
  const chain = serviceChain(port);
  const endpoints = DNS_PODS.flatMap((pod, i) => {
    const left = DNS_PODS.length - i;
    const choice = left > 1 ? `-m statistic --mode random --probability ${1 / left} ` : '';
    const endpoint = endpointChain(port, i);
    return [
      `-A ${chain} ${choice}-j ${endpoint}`,
      `-A ${endpoint} -s ${pod[family]} -j KUBE-MARK-MASQ`,
      `-A ${endpoint} -p ${protocol} -m ${protocol} -j DNAT --to-destination ${socket(pod, family)}`,
    ];
  });
  return [
    `-A KUBE-SERVICES ${toService} -j ${chain}`,
    `-A ${chain} ! -s ${CLUSTER_CIDR[family]} ${toService} -j KUBE-MARK-MASQ`,
    ...endpoints,
  ];
}

function serviceChain({ hash }: ServicePort): string {
  return `KUBE-SVC-${hash}`;
}

function endpointChain({ hash }: ServicePort, index: number): string {
  return `KUBE-SEP-${hash.slice(0, -1)}${index}`;
}

function nftRules(family: Family): string {
  const ip = family === 4 ? 'ip' : 'ip6';
  const elements = SERVICE_PORTS.map(
    (port) => `${port.addresses[family]} . ${port.protocol} . 53 : goto ${nftService(port)}`,
  );
  return `table ${ip} kube-proxy {
  comment "rules for kube-proxy"
  map service-ips {
    type ${family === 4 ? 'ipv4_addr' : 'ipv6_addr'} . inet_proto . inet_service : verdict
    comment "ClusterIP, ExternalIP and LoadBalancer IP traffic"
    elements = { ${elements.join(', ')} }
  }
  chain mark-for-masquerade {
    meta mark set meta mark or 0x4000
  }
${SERVICE_PORTS.flatMap((port) => nftServiceChains(port, family, ip)).join('\n')}
  chain services {
    ${ip} daddr . meta l4proto . th dport vmap @service-ips
  }
  chain masquerading {
    meta mark & 0x4000 == 0 return
    meta mark set meta mark ^ 0x4000
    masquerade fully-random
  }
  chain nat-prerouting {
    type nat hook prerouting priority -100; policy accept;
    jump services
  }
  chain nat-output {
    type nat hook output priority -100; policy accept;
    jump services
  }
  chain nat-postrouting {
    type nat hook postrouting priority 100; policy accept;
    jump masquerading
  }
}
`;
}

function nftServiceChains(port: ServicePort, family: Family, ip: string): string[] {
  const { addresses, protocol } = port;
  const choices = DNS_PODS.map((_, i) => `${i} : goto ${nftEndpoint(port, i)}`);
  const isOutside = `${ip} saddr != ${CLUSTER_CIDR[family]}`;
  const endpoints = DNS_PODS.map(
    (pod, i) => `  chain ${nftEndpoint(port, i)} {
    ${ip} saddr ${pod[family]} jump mark-for-masquerade
    meta l4proto ${protocol} dnat to ${socket(pod, family)}
  }`,
  );
  return [
    ...endpoints,
    `  chain ${nftService(port)} {
    ${ip} daddr ${addresses[family]} ${protocol} dport 53 ${isOutside} jump mark-for-masquerade
    numgen random mod ${DNS_PODS.length} vmap { ${choices.join(', ')} }
  }`,
  ];
}

function nftService({ service, protocol, hash }: ServicePort): string {
  return `service-${hash.slice(0, 8)}-kube-system/${service}/${protocol}/${portName(protocol)}`;
}

function nftEndpoint(port: ServicePort, index: number): string {
  const { service, protocol, hash } = port;
  return `endpoint-${hash.slice(0, 7)}${index}-kube-system/${service}/${protocol}/${portName(protocol)}`;
}

function portName(protocol: Protocol): string {
  return protocol === 'udp' ? 'dns' : 'dns-tcp';
}

function socket(addresses: Addresses, family: Family): string {
  return family === 4 ? `${addresses[4]}:53` : `[${addresses[6]}]:53`;
}
