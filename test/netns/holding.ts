/** What tests of the take-over share: a Corefile that holds addresses, and what is left of it on the node. */
import type { Nodens } from '../support/nodens.ts';
import { eventually } from '../support/wait.ts';
import { Cluster, type ClusterOptions, type Owner, type Place } from './cluster.ts';
import { ipLink, ipLinks } from './readers.ts';
import { DNS_PODS, SERVICE } from './topology.ts';

export const LINK_LOCAL = '169.254.20.10';
export const INTERFACE = 'nodecache';

export type HoldOptions = {
  readonly addresses?: readonly string[];
  /** Lines of the block of `nodecache`. */
  readonly settings?: readonly string[];
  /** Further directives. */
  readonly directives?: readonly string[];
};

/** A block that holds the service IP and the link-local address, and asks both DNS pods over TCP. */
export function holdingCorefile({
  addresses = [LINK_LOCAL, SERVICE[4]],
  settings = [],
  directives = [],
}: HoldOptions = {}): string {
  const upstreams = DNS_PODS.map((pod) => pod[4]).join(' ');
  const lines = [
    `bind ${addresses.join(' ')}`,
    settings.length === 0 ? 'nodecache' : `nodecache {\n ${settings.join('\n ')}\n}`,
    'cache 30',
    `forward . ${upstreams} {\n force_tcp\n}`,
    'errors',
    ...directives,
  ];
  return `.:{PORT} {\n${lines.join('\n')}\n}`;
}

/** A cluster on whose node nodens runs. */
export async function heldCluster(owner: Owner, options: ClusterOptions, hold: HoldOptions = {}) {
  const cluster = await Cluster.create(owner, options);
  const start = (more: HoldOptions = {}) => cluster.nodens({ corefile: holdingCorefile({ ...hold, ...more }) });
  return { cluster, start, nodens: await start() };
}

/** What of a take-over is on the node: the link with its addresses, and the parts of the rules that act. */
export async function leftOn(node: Place, interfaceName = INTERFACE): Promise<string[]> {
  const link = await ipLink(node, interfaceName);
  const addresses = link?.addr_info.filter(({ local }) => !local.startsWith('fe80:')) ?? [];
  return [
    ...(link === undefined ? [] : [`link ${interfaceName}`]),
    ...addresses.map(({ local }) => `address ${local}`),
    ...(await activeRules(node)),
  ];
}

/** Elements of nodens' sets, and rules of iptables with node-cache's comments. */
export async function activeRules(node: Place): Promise<string[]> {
  const nft = await node.exec(['nft', 'list', 'ruleset']);
  const table = /table inet nodens \{.*?^\}/ms.exec(nft)?.[0] ?? '';
  const elements = [...table.matchAll(/elements = \{([^}]*)\}/g)].map(([, text]) => `elements ${text.trim()}`);
  const saves = await Promise.all(
    ['iptables-save', 'ip6tables-save'].map((program) => node.exec([program]).catch(() => '')),
  );
  const rules = saves.flatMap((save) => save.split('\n')).filter((line) => line.includes('NodeLocal DNS Cache'));
  return [...elements, ...rules];
}

/** Waits until nothing of a take-over acts on the node any more. */
export async function untilNothingHeld(node: Place, patienceMs = 20_000): Promise<void> {
  let left: string[] = [];
  await eventually(
    'the node to be given back',
    async () => {
      left = (await leftOn(node)).filter((line) => !line.startsWith('link '));
      return left.length === 0;
    },
    patienceMs,
  ).catch((cause) => {
    throw new Error(`still on the node: ${left.join('; ')}`, { cause });
  });
}

/** The addresses that are on any link of the node. */
export async function addressesOn(node: Place): Promise<string[]> {
  return (await ipLinks(node)).flatMap(({ addr_info }) => addr_info.map(({ local }) => local));
}

/** Waits until the process is gone, and says when that was seen, on the clock of `performance.now()`. */
export async function killed(nodens: Nodens, signal: NodeJS.Signals): Promise<number> {
  await nodens.stop(signal);
  return performance.now();
}
