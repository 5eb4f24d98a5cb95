import { concatBytes } from '../../wire/bytes.ts';
import { MAX_NAME_BYTES, nameIsUnder, ROOT_NAME, type WireName } from '../../wire/name.ts';

/** What a client means by a name that its resolver has put the first domain of a search list behind. */
export type Search = {
  /** The name as the program gave it: labels without the root's. */
  readonly base: Uint8Array;
  /** What the resolver would try it with, one after the other: the domain that is there already, … and the root. */
  readonly domains: readonly WireName[];
  /** Where the first of the domains was not given, but read from the name. */
  readonly cluster: ClusterNames | undefined;
};

export type ClusterNames = {
  /** `svc.cluster.local.` */
  readonly services: WireName;
  /** `default.svc.cluster.local.` */
  readonly namespace: WireName;
};

/** Undefined: no resolver has completed the name, as far as can be seen. */
export type SearchPath = (qname: WireName) => Search | undefined;

/** Of clients that all have the same search list. */
export function fixedPath(searchList: readonly WireName[]): SearchPath {
  const [first] = searchList;
  if (first === undefined) return () => undefined;
  const domains = [...searchList, ROOT_NAME];
  return (qname) => {
    if (qname.length === first.length || !nameIsUnder(qname, first)) return undefined;
    return { base: qname.subarray(0, qname.length - first.length), domains, cluster: undefined };
  };
}

/**
 * Of pods, which have the list that the kubelet writes for their namespace: `NAMESPACE.svc.DOMAIN`, `svc.DOMAIN`, `DOMAIN`
 * and that of the node. The namespace is the one in the name.
 */
export function clusterPath(clusterDomains: readonly WireName[], nodeList: readonly WireName[]): SearchPath {
  const clusters = clusterDomains.map((domain) => ({ domain, services: concatBytes([SERVICES, domain]) }));
  // A longer domain may be under a shorter one.
  clusters.sort((a, b) => b.domain.length - a.domain.length);
  return (qname) => {
    const cluster = clusters.find(({ services }) => nameIsUnder(qname, services));
    if (cluster === undefined) return undefined;
    const { domain, services } = cluster;
    const namespaceOffset = lastLabel(qname, qname.length - services.length);
    // `svc.cluster.local.` and `default.svc.cluster.local.` are names of their own.
    if (namespaceOffset <= 0) return undefined;
    const namespace = qname.subarray(namespaceOffset);
    return {
      base: qname.subarray(0, namespaceOffset),
      domains: [namespace, services, domain, ...nodeList, ROOT_NAME],
      cluster: { services, namespace },
    };
  };
}

const SERVICES = Uint8Array.of(3, 0x73, 0x76, 0x63); // The label svc.

/** The offset of the last label before `end`, -1 if there is none. */
function lastLabel(name: WireName, end: number): number {
  let last = -1;
  for (let offset = 0; offset < end; offset += name[offset] + 1) last = offset;
  return last;
}

/** The base within the domain; undefined if that is too long for a name. */
export function completed(base: Uint8Array, domain: WireName): WireName | undefined {
  return base.length + domain.length > MAX_NAME_BYTES ? undefined : concatBytes([base, domain]);
}
