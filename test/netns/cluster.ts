/**
 * A small cluster in namespaces: a node, pods on it, and two DNS servers behind a service IP by the rules of kube-proxy,
 * so that conntrack is really in use. Everything goes when the test ends, however it ends.
 */
import { spawnSync } from 'node:child_process';
import { type DigAnswer, readDig } from '../peers/dig.ts';
import type { Peer } from '../peers/server.ts';
import { launchNodens, type Nodens, type NodensOptions } from '../support/nodens.ts';
import { findProgram, missing } from '../support/programs.ts';
import { eventually } from '../support/wait.ts';
import { startDnsPod } from './dns-pod.ts';
import { HOST_PROGRAMS, type Host, openHost } from './host.ts';
import { installProxy, iptablesDirectory, PROXY_PROGRAMS, type ProxyMode } from './kube-proxy.ts';
import {
  type Addresses,
  connect,
  DNS_PODS,
  type Family,
  NODE,
  podAddresses,
  SERVICE,
  UPSTREAM_SERVICE,
} from './topology.ts';

export type Place = Host & { readonly addresses: Addresses };

export type ClusterOptions = {
  readonly proxy: ProxyMode;
  /** How many pods the node has; one by default. */
  readonly pods?: number;
  readonly ipv6?: boolean;
  /** Where the DNS pods' servers listen, for who puts something of his own on port 53 before them. */
  readonly dnsServerPort?: number;
  /** Told of each host as soon as it is there. */
  readonly opened?: (host: Host) => void;
};

/** What ends with the test: a `TestContext`, or `{ after }` of node:test in a `before` hook. */
export type Owner = { after(end: () => Promise<void>): void };

export type Cluster = {
  readonly node: Place;
  readonly pods: readonly Place[];
  readonly dnsPods: readonly Place[];
  /** Their servers; `stop()` one to see what happens. */
  readonly dnsServers: readonly Peer[];
  readonly serviceAddress: string;
  readonly serviceAddress6: string;
  /** kube-dns-upstream: the same DNS pods by another address, for a cache that holds the service IP. */
  readonly upstreamAddress: string;
  readonly upstreamAddress6: string;
  exec(host: Host, argv: readonly string[]): Promise<string>;
  /** Starts nodens on the node, port 53 by default, and waits until it says that it serves. */
  nodens(options: ClusterNodensOptions): Promise<Nodens>;
  /** Asks from a host; the service IP, unless the arguments say `@ADDRESS`. */
  dig(host: Host, args: readonly string[]): Promise<DigAnswer>;
  /** Removes it all before the test ends. */
  close(): Promise<void>;
};

export type ClusterNodensOptions = NodensOptions & {
  /** What it writes when it is ready; by default the version, which comes after the sockets. */
  readonly ready?: RegExp;
};

const PROGRAMS = [...HOST_PROGRAMS, ...PROXY_PROGRAMS, 'conntrack', 'nsd', 'dig'];
const SEARCH = ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local'];
const LISTENS = /^nodens-\d/m;

export const Cluster = { create };

/**
 * For the `skip` option of a test: why there can be no cluster with that proxy here, or false. With CI=true it throws
 * instead.
 */
export function clusterUnavailable(proxy: ProxyMode): string | false {
  const absent = missing(...PROGRAMS);
  if (absent) return absent;
  const rules = {
    nftables: 'nft add table ip nat && nft "add chain ip nat c { type nat hook prerouting priority -100; }"',
    'iptables-nft': 'iptables-nft -t nat -A PREROUTING -j RETURN',
    'iptables-legacy': 'iptables-legacy -t nat -A PREROUTING -j RETURN && ip6tables-legacy -t nat -S',
  };
  const probe = `mount -t tmpfs tmpfs /run && ip link add v0 type veth peer name v1 && ${rules[proxy]}`;
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const { status, stderr } = spawnSync(findProgram('unshare') ?? 'unshare', ['-mn', 'sh', '-c', probe], { env });
  if (status === 0) return false;
  const reason = `needs root, namespaces, veth pairs and ${proxy}: ${String(stderr).trim()}`;
  if (process.env.CI === 'true') throw new Error(reason);
  return reason;
}

async function create(owner: Owner, options: ClusterOptions): Promise<Cluster> {
  const opened: Host[] = [];
  const close = async () => {
    const results = await Promise.allSettled(opened.splice(0).map((host) => host.close()));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  };
  owner.after(close); // Before anything is made: what a failure leaves half done goes as well.
  return build(options, opened, close);
}

async function build(options: ClusterOptions, opened: Host[], close: () => Promise<void>): Promise<Cluster> {
  const { proxy, pods: podCount = 1, ipv6 = false, dnsServerPort = 53 } = options;
  const families: Family[] = ipv6 ? [4, 6] : [4];
  const open = async (
    name: string,
    addresses: Addresses,
    resolvConf: string[],
    path: string[] = [],
  ): Promise<Place> => {
    const host = await openHost({ name, resolvConf, path });
    opened.push(host);
    options.opened?.(host);
    return { ...host, addresses };
  };
  // dnsPolicy ClusterFirst in the pods; the others have the resolver of the cloud, which is the first DNS pod here.
  const ofPods = [`nameserver ${SERVICE[4]}`, `search ${SEARCH.join(' ')}`, 'options ndots:5'];
  const ofHosts = [`nameserver ${DNS_PODS[0][4]}`];
  const podList = Array.from({ length: podCount }, (_, i) => open(`pod-${i}`, podAddresses(i), ofPods));
  const dnsList = DNS_PODS.map((addresses, i) => open(`dns-${i}`, addresses, ofHosts));
  const settled = await Promise.allSettled([
    open('node', NODE, ofHosts, iptablesDirectory(proxy)),
    ...podList,
    ...dnsList,
  ]);
  const [node, ...others] = settled.map((result) => {
    if (result.status === 'rejected') throw result.reason; // All are there by now, so that `close` knows of each.
    return result.value;
  });
  const pods = others.slice(0, podCount);
  const dnsPods = others.slice(podCount);
  await connect(node, pods, dnsPods, families);
  const [dnsServers] = await Promise.all([
    Promise.all(
      dnsPods.map((pod) =>
        startDnsPod(
          pod,
          families.map((family) => pod.addresses[family]),
          dnsServerPort,
        ),
      ),
    ),
    installProxy(node, proxy, families),
  ]);
  return {
    node,
    pods,
    dnsPods,
    dnsServers,
    serviceAddress: SERVICE[4],
    serviceAddress6: SERVICE[6],
    upstreamAddress: UPSTREAM_SERVICE[4],
    upstreamAddress6: UPSTREAM_SERVICE[6],
    exec: (host, argv) => host.exec(argv),
    nodens: (nodensOptions) => startOn(node, nodensOptions),
    dig,
    close,
  };
}

async function startOn(node: Host, { ready = LISTENS, ...options }: ClusterNodensOptions): Promise<Nodens> {
  const nodens = await launchNodens({
    ...options,
    prefix: [...node.enter, ...(options.prefix ?? [])],
    env: { ...node.env, ...options.env },
    ports: { PORT: 53, ...options.ports },
  });
  try {
    await eventually('nodens to be ready', () => {
      if (!nodens.running) throw new Error('nodens has ended');
      return ready.test(nodens.stdout() + nodens.stderr());
    });
  } catch (cause) {
    await nodens.stop('SIGKILL');
    throw new Error(`nodens does not serve: ${nodens.stdout()}${nodens.stderr()}`, { cause });
  }
  return nodens;
}

/** One try, with a time-out below the limit of `exec`; without an answer it throws. */
async function dig(host: Host, args: readonly string[]): Promise<DigAnswer> {
  const where = args.some((arg) => arg.startsWith('@')) ? [] : [`@${SERVICE[4]}`];
  return readDig(await host.exec(['dig', '-r', '+tries=1', '+timeout=10', ...where, ...args]));
}
