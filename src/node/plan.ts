import { isIPv4 } from 'node:net';
import type { Cursor } from '../corefile/cursor.ts';
import type { Position } from '../corefile/token.ts';
import type { NodeBackend, NodeClaim } from '../directives/contract.ts';
import { canonicalAddress } from '../sys/sockaddr.ts';
import { isWildcard } from '../sys/socket.ts';
import type { Endpoint } from './rules/rules.ts';
import { SetupError } from './setup-error.ts';

export const DEFAULT_LEASE_S = 10;

/** What node-cache's flags say of the node. */
export type NodeFlags = {
  readonly addresses: readonly string[];
  readonly interfaceName: string;
  readonly setUpLink: boolean;
  readonly setUpRules: boolean;
  readonly skipTeardown: boolean;
  readonly healthPort: number;
  readonly syncIntervalS: number;
  readonly backend: NodeBackend;
  /** `off`, or seconds; undefined: not said. */
  readonly leaseS: number | 'off' | undefined;
};

/** A place that the server listens at, with the first key that wants it. */
export type ListenPlace = { readonly address: string; readonly port: number; readonly token: Position };

/** What a server block with `nodecache` wants: the places that it listens at, and how they shall be held. */
export type BlockClaim = { readonly claim: NodeClaim; readonly places: readonly ListenPlace[] };

/** What nodens is to hold of the node, and how. */
export type Plan = {
  readonly interfaceName: string;
  /** Link and addresses are ours to make; otherwise somebody else does. */
  readonly setUpLink: boolean;
  readonly backend: NodeBackend;
  /** Undefined: addresses and rules stay until they are taken away. */
  readonly leaseS: number | undefined;
  readonly skipTeardown: boolean;
  /** How often all is looked at where no lease asks for more. */
  readonly syncIntervalS: number;
  readonly endpoints: readonly Endpoint[];
  /** HTTP endpoints on the held addresses, which the kubelet asks. */
  readonly healthPorts: readonly Endpoint[];
  /** The directive that wants it, for errors; flags have no line. */
  readonly line: Cursor | undefined;
};

const DEFAULT_SYNC_INTERVAL_S = 60;

export type PlanInput = {
  readonly claims: readonly BlockClaim[];
  /** All places that the server listens at. */
  readonly places: readonly ListenPlace[];
  /** Where HTTP is served. */
  readonly http: readonly { readonly host: string; readonly port: number }[];
  readonly flags: NodeFlags | undefined;
};

/**
 * One plan of all that blocks and flags want; undefined if nobody wants anything. Throws ConfigError or SetupError where
 * they want what cannot be or disagree.
 */
export function planOf(input: PlanInput): Plan | undefined {
  const { claims, flags } = input;
  if (flags !== undefined) return planOfFlags(flags, input);
  if (claims.length === 0) return undefined;
  const [first] = claims;
  for (const { claim } of claims) checkAgreement(first.claim, claim);
  const { claim } = first;
  const endpoints = uniqueEndpoints(claims.flatMap(placesHeld));
  return {
    interfaceName: claim.interfaceName,
    setUpLink: true,
    backend: claim.backend,
    leaseS: leaseOf(claim.leaseS, claim.skipTeardown),
    skipTeardown: claim.skipTeardown,
    syncIntervalS: DEFAULT_SYNC_INTERVAL_S,
    endpoints,
    healthPorts: healthPortsOf(endpoints, input.http),
    line: claim.line,
  };
}

function planOfFlags(flags: NodeFlags, { claims, places, http }: PlanInput): Plan | undefined {
  const { interfaceName, setUpLink, setUpRules, skipTeardown, syncIntervalS } = flags;
  if (!setUpLink && !setUpRules) return undefined;
  const [claimed] = claims;
  if (claimed !== undefined) {
    throw claimed.claim.line.error(
      'the flags hold the addresses of the node already; remove the directive, or -localip',
    );
  }
  const held = places.filter(({ address }) => flags.addresses.includes(canonicalAddress(address)));
  for (const address of flags.addresses) {
    if (isLoopback(address) || held.some((place) => canonicalAddress(place.address) === address)) continue;
    const advice = `add "bind ${address}" to the server blocks that pods shall reach`;
    throw new SetupError('interface_check', `-localip ${address}: no server block listens on that address; ${advice}`);
  }
  const endpoints = uniqueEndpoints(held.filter(({ address }) => !isLoopback(address)));
  const given = endpoints.map(({ address }) => ({ address, port: flags.healthPort }));
  return {
    interfaceName,
    setUpLink,
    backend: setUpRules ? flags.backend : 'none',
    leaseS: leaseOf(flags.leaseS, skipTeardown),
    skipTeardown,
    syncIntervalS,
    endpoints,
    healthPorts: uniqueEndpoints([...given, ...healthPortsOf(endpoints, http)]),
    line: undefined,
  };
}

/** What shall stay must not run out: without a word on the lease, `skipteardown` means none. */
function leaseOf(leaseS: number | 'off' | undefined, skipTeardown: boolean): number | undefined {
  if (leaseS === 'off') return undefined;
  return leaseS ?? (skipTeardown ? undefined : DEFAULT_LEASE_S);
}

/** The places of a block that are to be held; loopback addresses are on every host anyway. */
function placesHeld({ claim, places }: BlockClaim): ListenPlace[] {
  const wild = places.find(({ address }) => isWildcard(address));
  if (wild !== undefined) throw claim.line.error('the block must name the addresses to hold; add bind ADDRESS to it');
  const held = places.filter(({ address }) => !isLoopback(address));
  if (held.length === 0)
    throw claim.line.error('the block is bound to loopback addresses alone, which need no holding');
  const scoped = held.find(({ address }) => address.includes('%'));
  if (scoped !== undefined)
    throw claim.line.error(`"${scoped.address}" belongs to a link already; bind another address`);
  const unknown = held.find(({ port }) => port === 0);
  if (unknown !== undefined) throw claim.line.error('the port must be known beforehand; give the block one above 0');
  return held;
}

const AGREED = [
  { name: 'interface', textOf: (claim: NodeClaim) => claim.interfaceName },
  { name: 'backend', textOf: (claim: NodeClaim) => claim.backend },
  { name: 'lease', textOf: (claim: NodeClaim) => leaseText(leaseOf(claim.leaseS, claim.skipTeardown)) },
  { name: 'skipteardown', textOf: (claim: NodeClaim) => (claim.skipTeardown ? 'yes' : 'no') },
];

function leaseText(leaseS: number | undefined): string {
  return leaseS === undefined ? 'off' : `${leaseS}s`;
}

function checkAgreement(first: NodeClaim, claim: NodeClaim): void {
  for (const { name, textOf } of AGREED) {
    const [wanted, given] = [textOf(first), textOf(claim)];
    if (wanted === given) continue;
    const { file, line } = first.line.name;
    throw claim.line.error(`${name} ${given} here, but ${wanted} at ${file}:${line}; all blocks must agree`);
  }
}

function healthPortsOf(endpoints: readonly Endpoint[], http: PlanInput['http']): Endpoint[] {
  return http.flatMap(({ host, port }) => {
    const addresses = endpoints.map(({ address }) => address);
    return [...new Set(addresses)].flatMap((address) => (host === address ? [{ address, port }] : []));
  });
}

function uniqueEndpoints(endpoints: readonly Endpoint[]): Endpoint[] {
  const byText = new Map(
    endpoints.map(({ address: text, port }) => {
      const address = canonicalAddress(text);
      return [`${address} ${port}`, { address, port }];
    }),
  );
  return [...byText.values()];
}

function isLoopback(address: string): boolean {
  return isIPv4(address) ? address.startsWith('127.') : address === '::1';
}

/** The addresses of a plan, each once. */
export function addressesOf({ endpoints }: Plan): string[] {
  return [...new Set(endpoints.map(({ address }) => address))];
}
