import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { gunzipSync } from 'node:zlib';
import { messageOf } from '../../corefile/errors.ts';
import { readCapabilities } from '../../sys/capabilities.ts';
import { NETLINK_ROUTE, NETLINK_SOCK_DIAG, Netlink } from '../../sys/netlink.ts';
import { checkHost, hasIpv6 } from '../host.ts';
import { openLinks } from '../links.ts';
import { addressesOf, type Plan } from '../plan.ts';
import { readFacts, tryNft } from '../rules/choose.ts';
import { iptablesChains, nftTables } from '../rules/host-rules.ts';
import { runProgram } from '../rules/program.ts';
import type { Endpoint } from '../rules/rules.ts';
import { listeningSockets, placesOfOthers, socketInodes } from '../socket-owners.ts';
import { checkCapabilities } from './capabilities.ts';
import { checkConntrack } from './conntrack.ts';
import { type Finding, finding, worstFirst } from './finding.ts';
import { checkFirewall } from './firewall.ts';
import { checkKernel, dummyDriver } from './kernel.ts';
import { checkProxy } from './kube-proxy.ts';
import { checkListeners } from './listeners.ts';
import { checkResolver } from './resolver.ts';

export type Subject = {
  /** Where the configuration listens. */
  readonly places: readonly Endpoint[];
  /** What is to be held of the node; undefined: nothing. */
  readonly plan: Plan | undefined;
  /** The resolv.conf to look at: the host's, or a copy of a pod's. */
  readonly resolvConf: string;
};

/** Looks at the host and at what the configuration wants of it, and changes nothing. Worst first. */
export async function examine({ places, plan, resolvConf }: Subject): Promise<Finding[]> {
  const addresses = plan === undefined ? [] : addressesOf(plan);
  const facts = await readFacts(addresses, tryNft());
  const { ruleset } = facts;
  const links = openLinks(new Netlink(NETLINK_ROUTE));
  // Capabilities have a check of their own.
  const host = { links, hasIpv6, lacks: () => false, othersAt };
  const checks: (() => Finding[] | Promise<Finding[]>)[] = [
    () => capabilities(places, plan),
    () => kernel(facts.nftProblem),
    () => checkFirewall(facts),
    () => (plan === undefined ? [] : checkPlan(plan, () => checkHost(plan, host, addresses))),
    () => listeners(places),
    () => conntrack(),
    async () => {
      const chains = await iptablesChains(ruleset, runProgram);
      return checkProxy({ links: links.names(), nftTables: nftTables(ruleset), iptablesChains: chains }, addresses);
    },
    () => checkResolver({ file: resolvConf, text: read(resolvConf) }),
  ];
  const found: Finding[] = [];
  for (const check of checks) found.push(...(await check()));
  return worstFirst(found);
}

function checkPlan(plan: Plan, check: () => void): Finding[] {
  try {
    check();
    return [finding('addresses', 'ok', `${addressesOf(plan).join(', ')} can be held on ${plan.interfaceName}`)];
  } catch (error) {
    return [finding('addresses', 'error', messageOf(error))];
  }
}

function othersAt(endpoints: readonly Endpoint[]): Endpoint[] {
  const sockets = new Netlink(NETLINK_SOCK_DIAG);
  try {
    return placesOfOthers(sockets, endpoints);
  } finally {
    sockets.close();
  }
}

function capabilities(places: readonly Endpoint[], plan: Plan | undefined): Finding[] {
  return checkCapabilities({
    effective: readCapabilities()?.effective ?? 0n,
    firstFreePort: numberIn('/proc/sys/net/ipv4/ip_unprivileged_port_start') ?? 1024,
    ports: places.map(({ port }) => port),
    holdsNode: plan !== undefined,
  });
}

function kernel(nftProblem: string | undefined): Finding[] {
  const release = os.release();
  const modules = [read(`/lib/modules/${release}/modules.builtin`), read(`/lib/modules/${release}/modules.dep`)];
  const known = modules.filter((text) => text !== undefined);
  const migrates = numberIn('/proc/sys/net/ipv4/tcp_migrate_req');
  return checkKernel({
    release,
    hasDummy: dummyDriver(kernelConfig(), known.length === 0 ? undefined : known.join('\n')),
    nftProblem,
    migratesRequests: migrates === undefined ? undefined : migrates !== 0,
  });
}

function kernelConfig(): string | undefined {
  try {
    return gunzipSync(readFileSync('/proc/config.gz')).toString();
  } catch {
    return undefined;
  }
}

function listeners(places: readonly Endpoint[]): Finding[] {
  try {
    const kernelSockets = new Netlink(NETLINK_SOCK_DIAG);
    const ports = [...new Set(places.map(({ port }) => port))].filter((port) => port !== 0);
    const sockets = ports.flatMap((port) => listeningSockets(kernelSockets, port));
    kernelSockets.close();
    const owners = socketOwners();
    const uid = process.getuid?.() ?? 0;
    return checkListeners({ places, sockets, ownerOf: (inode) => owners.get(inode), uid });
  } catch (error) {
    return [finding('listeners', 'info', `who listens is not known: ${messageOf(error)}`)];
  }
}

/** By inode: the programs whose descriptors we may see. */
function socketOwners(): Map<number, string> {
  const owners = new Map<number, string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const command = read(`/proc/${pid}/comm`)?.trim() ?? '';
    for (const inode of inodesSeen(pid)) owners.set(inode, `${command} (pid ${pid})`);
  }
  return owners;
}

function inodesSeen(pid: string): number[] {
  try {
    return socketInodes(pid);
  } catch {
    return [];
  }
}

function conntrack(): Finding[] {
  return checkConntrack({
    statistics: read('/proc/net/stat/nf_conntrack'),
    count: numberIn('/proc/sys/net/netfilter/nf_conntrack_count'),
    max: numberIn('/proc/sys/net/netfilter/nf_conntrack_max'),
  });
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function numberIn(file: string): number | undefined {
  const text = read(file)?.trim();
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}
