import os from 'node:os';
import type { Nft } from '../../sys/libnftables.ts';
import { SetupError } from '../setup-error.ts';
import { type Element, elementText, layout, putElement, removeElement, TABLE } from './nftables-ruleset.ts';
import type { Endpoint, Rules, RulesWant } from './rules.ts';

export type NftablesServices = {
  readonly nft: Nft;
  /** Calls back when the table of nodens may have been changed, whoever did it; returns what ends that. */
  readonly watchTable: (changed: () => void) => () => void;
  /** Whether adding an element that is there renews it. */
  readonly canRenew?: boolean;
};

/** Rules in a table of our own, which all processes of nodens on the host share; its elements run out. */
export function nftablesRules({ nft, watchTable, canRenew = kernelRenews(os.release()) }: NftablesServices): Rules {
  /** What this process has put, by its text. */
  let put = new Map<string, Element>();
  let lastLeaseS: number | undefined;
  /** The table as it was laid, without its elements; undefined: it may not be as it should. */
  let laid: string | undefined;

  const run = (commands: string) => {
    const { ok, error } = nft.run(commands);
    if (!ok) throw setupError(error);
  };
  const lay = (commands: string) => {
    run(`${layout()}${commands}`);
    laid = withoutElements(nft.run(`list table ${TABLE}`).output);
  };

  return {
    name: 'nftables',
    canLease: true,
    get isWhole() {
      return laid !== undefined || put.size === 0;
    },
    async put(want) {
      const wanted = elementsOf(want);
      const left = elementsOf({ held: want.left, taken: want.left, healthPorts: leftHealth(put, want) });
      // Of an element that is there a lease cannot be made another, nor none at all.
      const canKeep = canRenew && lastLeaseS === want.leaseS;
      const commands = [
        ...[...put].flatMap(([text, element]) => (wanted.has(text) || left.has(text) ? [] : removeElement(element))),
        ...[...wanted.values()].map((element) => putElement(element, want.leaseS, canKeep)),
      ].join('');
      if (laid === undefined) lay(commands);
      else if (!nft.run(commands).ok) lay(commands); // Somebody has just taken the table away.
      put = new Map([...[...put].filter(([text]) => left.has(text)), ...wanted]);
      lastLeaseS = want.leaseS;
    },
    async remove() {
      const commands = [...put.values()].map(removeElement).join('');
      put = new Map();
      laid = undefined;
      const { ok, error } = nft.run(commands);
      const { ok: isThere, output } = nft.run(`list table ${TABLE}`);
      // Another process that ends takes it away, too.
      if (!isThere) return;
      if (!ok) throw setupError(error);
      if (!output.includes('elements =')) nft.run(`delete table ${TABLE}`);
    },
    watch(changed) {
      return watchTable(() => {
        if (put.size === 0) return;
        const { output } = nft.run(`list table ${TABLE}`);
        const isWhole = withoutElements(output) === laid && [...put.values()].every((element) => has(output, element));
        if (isWhole) return;
        laid = undefined;
        changed();
      });
    },
  };
}

function elementsOf(want: Pick<RulesWant, 'held' | 'taken' | 'healthPorts'>): Map<string, Element> {
  const both = (set: 'held' | 'taken', endpoints: readonly Endpoint[]): Element[] =>
    endpoints.flatMap((endpoint) => (['udp', 'tcp'] as const).map((protocol) => ({ set, endpoint, protocol })));
  const elements: Element[] = [
    ...both('held', want.held),
    ...both('taken', want.taken),
    ...want.healthPorts.map((endpoint) => ({ set: 'health', endpoint, protocol: 'tcp' }) as const),
  ];
  return new Map(elements.map((element) => [elementText(element), element]));
}

/** Health ports on addresses that are left to run out do the same. */
function leftHealth(put: ReadonlyMap<string, Element>, { left }: RulesWant): Endpoint[] {
  const addresses = new Set(left.map(({ address }) => address));
  const health = [...put.values()].filter(({ set, endpoint }) => set === 'health' && addresses.has(endpoint.address));
  return health.map(({ endpoint }) => endpoint);
}

/** The listing of a table without what comes and goes. */
function withoutElements(listing: string): string {
  return listing.replaceAll(/^\s*elements = \{[^}]*\}\n/gm, '');
}

/** Protocols are listed as numbers. */
function has(listing: string, { set, endpoint: { address, port }, protocol }: Element): boolean {
  const family = address.includes(':') ? 6 : 4;
  const elements = new RegExp(`set ${set}${family} \\{[^}]*elements = \\{([^}]*)\\}`).exec(listing)?.[1] ?? '';
  return elements.includes(`${address} . ${protocol === 'udp' ? 17 : 6} . ${port}`);
}

/** Linux 6.12 updates the time that an element has left. */
export function kernelRenews(release: string): boolean {
  const [major, minor] = release.split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 12);
}

function setupError(error: string): SetupError {
  const [line = ''] = error.split('\n');
  const advice = line.includes('Operation not permitted') ? ': give the process CAP_NET_ADMIN' : '';
  return new SetupError('iptables', `nftables: ${line}${advice}`);
}
