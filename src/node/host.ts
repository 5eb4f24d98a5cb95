import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { messageOf } from '../corefile/errors.ts';
import { type Capability, missingCapability } from '../sys/capabilities.ts';
import type { Link, Links } from './links.ts';
import { addressesOf, type Plan } from './plan.ts';
import type { Endpoint } from './rules/rules.ts';
import { SetupError } from './setup-error.ts';

/** Kinds that nodens makes itself; a bridge only stands in, and so has no ports. */
const OWN_KINDS: readonly string[] = ['dummy', 'bridge'];
const IPVS_LINK = 'kube-ipvs0';
const IPV6_SWITCH = '/proc/sys/net/ipv6/conf/all/disable_ipv6';

export type HostView = {
  readonly links: Links;
  readonly hasIpv6: () => boolean;
  readonly lacks: (capability: Capability) => boolean;
  /** Those of these places at which other processes listen. */
  readonly othersAt: (endpoints: readonly Endpoint[]) => readonly Endpoint[];
};

/**
 * Whether the host can be as planned; changes nothing. `own` are the addresses that this process has put there. Throws
 * what is in the way, with the line of the directive if there is one.
 */
export function checkHost(plan: Plan, host: HostView, own: readonly string[]): void {
  try {
    checkCapability(plan, host);
    checkIpv6(plan, host);
    if (plan.setUpLink) checkLink(plan, host, own);
    else checkPresent(plan, host);
  } catch (error) {
    if (plan.line === undefined) throw error;
    throw plan.line.error(messageOf(error));
  }
}

function checkCapability({ setUpLink, backend }: Plan, { lacks }: HostView): void {
  if (!setUpLink && backend === 'none') return;
  if (lacks('CAP_NET_ADMIN')) throw problem(missingCapability('CAP_NET_ADMIN', 'hold addresses on this host'));
}

function checkIpv6(plan: Plan, { hasIpv6 }: HostView): void {
  const address = addressesOf(plan).find(isIPv6);
  if (address === undefined || hasIpv6()) return;
  throw problem(`IPv6 is off on this host (${IPV6_SWITCH}), so that ${address} cannot be held; leave it out`);
}

function checkLink(plan: Plan, { links, othersAt }: HostView, own: readonly string[]): void {
  const { interfaceName, endpoints } = plan;
  const link = links.find(interfaceName);
  if (link !== undefined) checkKind(link, links);
  for (const address of addressesOf(plan)) {
    const owner = links.ownerOf(address);
    if (owner !== undefined && owner !== interfaceName) throw problem(elsewhere(address, owner));
  }
  if (link === undefined) return;
  const allowed = new Set([...addressesOf(plan), ...own]);
  // What has a lease is of another instance that renews it, or of one that was killed, and runs out. Without a lease,
  // another instance listens there.
  const lasting = links.addresses(link).filter(({ validS }) => validS === undefined);
  const ports = new Set(endpoints.map(({ port }) => port));
  const isOfOthers = (address: string) => othersAt([...ports].map((port) => ({ address, port }))).length > 0;
  const isForeign = (address: string) => !allowed.has(address) && !address.startsWith('fe80:') && !isOfOthers(address);
  const foreign = lasting.find(({ address }) => isForeign(address));
  if (foreign === undefined) return;
  const { address, prefixLength } = foreign;
  const removal = `ip address delete ${address}/${prefixLength} dev ${interfaceName}`;
  throw problem(
    `interface ${interfaceName} has ${address}, which nothing here asks for; bind it too, or remove it: ${removal}`,
  );
}

function checkKind({ name, kind, index }: Link, links: Links): void {
  const ports = kind === 'bridge' ? links.portCount(index) : 0;
  if (OWN_KINDS.includes(kind) && ports === 0) return;
  const what = ports > 0 ? `a bridge with ${ports} ports` : kind === '' ? 'a device' : `of type ${kind}`;
  throw problem(`interface ${name} is ${what}, and belongs to somebody else; choose another name`);
}

/** Somebody else sets link and addresses up. */
function checkPresent(plan: Plan, { links }: HostView): void {
  const address = addressesOf(plan).find((candidate) => links.ownerOf(candidate) === undefined);
  if (address === undefined) return;
  throw problem(`${address} is on no interface of this host, and -setupinterface=false leaves that to others`);
}

function elsewhere(address: string, owner: string): string {
  const found = `${address} is on interface ${owner} already`;
  if (owner !== IPVS_LINK) return `${found}; bind an address that the host does not have`;
  return `${found}: kube-proxy in ipvs mode holds the addresses of services; serve on 169.254.20.10 alone`;
}

function problem(message: string): SetupError {
  return new SetupError('interface_check', message);
}

/** Whether the kernel speaks IPv6, and may. */
export function hasIpv6(): boolean {
  try {
    return readFileSync(IPV6_SWITCH, 'utf8').trim() === '0';
  } catch {
    return false;
  }
}
