import { isIP } from 'node:net';
import type { Environment } from '../corefile/environment.ts';

/** The address of the cluster DNS, or why it is not known. */
export type ClusterDns = { readonly address: string } | { readonly problem: string };

/** What the kubelet put into the environment of a Service when the pod started: `kube-dns` is `KUBE_DNS_SERVICE_HOST`. */
export function clusterDnsOf(env: Environment, service: string): ClusterDns {
  const variable = `${service.replaceAll('-', '_').toUpperCase()}_SERVICE_HOST`;
  const address = (Object.hasOwn(env, variable) && env[variable]) || '';
  if (isIP(address) !== 0) return { address };
  const found = address === '' ? `the environment has no ${variable}` : `${variable} is no IP address: "${address}"`;
  const advice = `create the Service "${service}" and start the pod again, or name another one with -upstreamsvc`;
  return { problem: `${found}; ${advice}` };
}
