/** Overlays of `deploy/` on the node of a cluster, from the checkout. */

import { kustomize, overlayDirectory } from '../support/kustomize.ts';
import { type DaemonSet, daemonSets, layOut } from '../support/manifests.ts';
import type { Nodens } from '../support/nodens.ts';
import type { Cluster } from './cluster.ts';

/** The environment that the kubelet of the cluster gives its pods. */
export function servicesOf({ serviceAddress, upstreamAddress }: Cluster) {
  return { KUBE_DNS_SERVICE_HOST: serviceAddress, KUBE_DNS_UPSTREAM_SERVICE_HOST: upstreamAddress };
}

export function overlayOf(name: string) {
  const manifests = kustomize(overlayDirectory(name));
  return { manifests, sets: daemonSets(manifests) };
}

/** Starts nodens with the arguments, ConfigMaps and environment of a pod, and waits until it serves. */
export function startPod(
  cluster: Cluster,
  { manifests }: ReturnType<typeof overlayOf>,
  set: DaemonSet,
): Promise<Nodens> {
  const { args, env } = layOut(set, manifests, { services: servicesOf(cluster) });
  return cluster.nodens({ corefile: '', flags: args, env });
}

/** What an URL gives on the node: status and text. */
export function fetchOn({ node }: Cluster, url: string): Promise<string> {
  const program = `fetch('${url}').then(async (response) => console.log(response.status, await response.text()))`;
  return node.exec([process.execPath, '-e', program]);
}

/** What the kubelet's probes of a pod get, each once. */
export function probe(cluster: Cluster, { container }: DaemonSet): Promise<string[]> {
  const probes = [container.startupProbe, container.readinessProbe, container.livenessProbe];
  const urls = probes.map(({ httpGet: { host, port, path } }) => `http://${host}:${port}${path}`);
  return Promise.all(urls.map((url) => fetchOn(cluster, url)));
}
