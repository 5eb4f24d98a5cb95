/**
 * The rules that kube-proxy makes for the DNS service with two endpoints, in each of its modes: the same tables, chains,
 * marks and probabilities. What it makes for everything else is left out.
 */
import { realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTemporaryDirectory } from '../support/child.ts';
import { findProgram } from '../support/programs.ts';
import type { Host } from './host.ts';
import { type Addresses, CLUSTER_CIDR, DNS_PODS, type Family, SERVICE } from './topology.ts';

export const PROXY_MODES = ['nftables', 'iptables-nft', 'iptables-legacy'] as const;
export type ProxyMode = (typeof PROXY_MODES)[number];

/** The programs that it needs, for `missing()`. */
export const PROXY_PROGRAMS = ['nft', 'iptables', 'iptables-nft', 'iptables-legacy'];

const PROTOCOLS = ['udp', 'tcp'] as const;
/** Names are hashes of service, port and protocol. */
const SERVICE_CHAINS = { udp: 'KUBE-SVC-TCOU7JCQXEZGVUNU', tcp: 'KUBE-SVC-ERIFXISQEP7F7OF4' };
const PORT_NAMES = { udp: 'kube-system/kube-dns:dns', tcp: 'kube-system/kube-dns:dns-tcp' };

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
  const service = `${SERVICE[family]}/${family === 4 ? 32 : 128}`;
  const endpointChains = PROTOCOLS.flatMap((protocol) => DNS_PODS.map((_, i) => endpointChain(protocol, i)));
  return `*nat
${[...Object.values(SERVICE_CHAINS), ...endpointChains].map((chain) => `:${chain} - [0:0]`).join('\n')}
:KUBE-SERVICES - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
${PROTOCOLS.flatMap((protocol) => iptablesService(protocol, family, service)).join('\n')}
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

function iptablesService(protocol: 'udp' | 'tcp', family: Family, service: string): string[] {
  const chain = SERVICE_CHAINS[protocol];
  const comment = `-m comment --comment "${PORT_NAMES[protocol]} cluster IP"`;
  const toService = `-d ${service} -p ${protocol} ${comment} -m ${protocol} --dport 53`;
  const endpoints = DNS_PODS.flatMap((addresses, i) => {
    const choice =
      i < DNS_PODS.length - 1 ? `-m statistic --mode random --probability ${1 / (DNS_PODS.length - i)} ` : '';
    return [
      `-A ${chain} ${choice}-j ${endpointChain(protocol, i)}`,
      `-A ${endpointChain(protocol, i)} -s ${addresses[family]} -j KUBE-MARK-MASQ`,
      `-A ${endpointChain(protocol, i)} -p ${protocol} -m ${protocol} -j DNAT --to-destination ${socket(addresses, family)}`,
    ];
  });
  return [
    `-A KUBE-SERVICES ${toService} -j ${chain}`,
    `-A ${chain} ! -s ${CLUSTER_CIDR[family]} ${toService} -j KUBE-MARK-MASQ`,
    ...endpoints,
  ];
}

function endpointChain(protocol: 'udp' | 'tcp', index: number): string {
  return `KUBE-SEP-DNS-${index}-${protocol.toUpperCase()}`;
}

function nftRules(family: Family): string {
  const ip = family === 4 ? 'ip' : 'ip6';
  const elements = PROTOCOLS.map((protocol) => `${SERVICE[family]} . ${protocol} . 53 : goto ${nftService(protocol)}`);
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
${PROTOCOLS.flatMap((protocol) => nftServiceChains(protocol, family, ip)).join('\n')}
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

function nftServiceChains(protocol: 'udp' | 'tcp', family: Family, ip: string): string[] {
  const choices = DNS_PODS.map((_, i) => `${i} : goto ${nftEndpoint(protocol, i)}`);
  const endpoints = DNS_PODS.map(
    (addresses, i) => `  chain ${nftEndpoint(protocol, i)} {
    ${ip} saddr ${addresses[family]} jump mark-for-masquerade
    meta l4proto ${protocol} dnat to ${socket(addresses, family)}
  }`,
  );
  return [
    ...endpoints,
    `  chain ${nftService(protocol)} {
    ${ip} daddr ${SERVICE[family]} ${protocol} dport 53 ${ip} saddr != ${CLUSTER_CIDR[family]} jump mark-for-masquerade
    numgen random mod ${DNS_PODS.length} vmap { ${choices.join(', ')} }
  }`,
  ];
}

function nftService(protocol: 'udp' | 'tcp'): string {
  return `service-${protocol === 'udp' ? 'NWBZK7IH' : 'XKJ45FCK'}-kube-system/kube-dns/${protocol}/dns`;
}

function nftEndpoint(protocol: 'udp' | 'tcp', index: number): string {
  return `endpoint-${index}-kube-system/kube-dns/${protocol}/dns`;
}

function socket(addresses: Addresses, family: Family): string {
  return family === 4 ? `${addresses[4]}:53` : `[${addresses[6]}]:53`;
}
