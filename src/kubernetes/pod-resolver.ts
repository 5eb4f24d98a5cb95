/** How the resolver of a pod makes names of what a program asks for. */
import { nameFromText } from '../wire/name.ts';

/** What resolv.conf says of it. */
export type PodResolver = { readonly search: readonly string[]; readonly ndots: number };

const KUBELET_NDOTS = 5;

/** What the kubelet writes for pods of the namespace with dnsPolicy ClusterFirst: the node's own search list comes last. */
export function podResolver(namespace: string, clusterDomain: string, hostSearch: readonly string[]): PodResolver {
  const ofCluster = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  return { search: [...new Set([...ofCluster, ...hostSearch])], ndots: KUBELET_NDOTS };
}

/**
 * The names that are tried for `name`, one after the other until one has an answer: those of the search list first, unless
 * there are `ndots` dots in it; with a final dot nothing else. (musl does without the search list where there are.)
 */
export function namesTried(name: string, { search, ndots }: PodResolver): string[] {
  const isAbsolute = unescaped(name).endsWith('.');
  const asIs = isAbsolute ? name : `${name}.`;
  if (isAbsolute) return [asIs];
  const searched = search.map((domain) => `${name}.${domain.replace(/\.*$/, '.')}`.replace(/\.+$/, '.'));
  const dots = unescaped(name).split('.').length - 1;
  const tried = dots >= ndots ? [asIs, ...searched] : [...searched, asIs];
  return [...new Set(tried)].filter((candidate) => nameFromText(candidate) !== undefined);
}

function unescaped(name: string): string {
  return name.replaceAll(/\\(?:\d{3}|.)/g, '-');
}
