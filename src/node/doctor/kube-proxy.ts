import { type Finding, finding } from './finding.ts';

const CHECK = 'kube-proxy';

export type ProxyFacts = {
  /** Names of the host's links. */
  readonly links: readonly string[];
  /** Names of the tables of nftables, each with its family: `ip kube-proxy`. */
  readonly nftTables: readonly string[];
  /** Names of chains that iptables has, of either flavour. */
  readonly iptablesChains: readonly string[];
};
export type ProxyMode = 'ipvs' | 'nftables' | 'iptables' | 'cilium' | 'calico' | 'none';

/** Who sends the traffic of services to their pods here. */
export function proxyOf({ links, nftTables, iptablesChains }: ProxyFacts): ProxyMode {
  if (links.includes('kube-ipvs0')) return 'ipvs';
  if (nftTables.some((table) => /^ip6? kube-proxy$/.test(table))) return 'nftables';
  if (iptablesChains.includes('KUBE-SERVICES')) return 'iptables';
  if (links.some((name) => name === 'cilium_host' || name === 'cilium_net')) return 'cilium';
  if (links.some((name) => name.startsWith('bpfin.cali') || name.startsWith('bpfout.cali'))) return 'calico';
  return 'none';
}

const LINK_LOCAL = 'serve on 169.254.20.10 alone, and set clusterDNS of the kubelets to it';
const NOT_SEEN = 'nobody sends service traffic to pods here, so that nothing answers while nodens is away';

const FACTS: Readonly<Record<ProxyMode, (addresses: string) => Finding>> = {
  ipvs: (addresses) =>
    finding(CHECK, 'info', `ipvs mode: service IPs are on kube-ipvs0 and cannot be held (${addresses})`, LINK_LOCAL),
  nftables: () =>
    finding(CHECK, 'ok', 'nftables mode: service IPs can be held, and go to the cluster DNS without nodens'),
  iptables: () =>
    finding(CHECK, 'ok', 'iptables mode: service IPs can be held, and go to the cluster DNS without nodens'),
  cilium: () =>
    finding(
      CHECK,
      'warning',
      'Cilium replaces kube-proxy: it takes service traffic before rules and addresses of the node see it',
      'use a CiliumLocalRedirectPolicy (deploy/overlays/cilium), or serve on 169.254.20.10 alone',
    ),
  calico: () =>
    finding(
      CHECK,
      'warning',
      "Calico's eBPF data plane takes service traffic before the node's rules see it",
      LINK_LOCAL,
    ),
  none: () => finding(CHECK, 'info', `no rules of kube-proxy: ${NOT_SEEN}`),
};

export function checkProxy(facts: ProxyFacts, addresses: readonly string[]): Finding[] {
  return [FACTS[proxyOf(facts)](addresses.join(', '))];
}
