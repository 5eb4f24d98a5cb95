/** What the kernel says of a host: its conntrack table, links, addresses and rules. */
import type { Host } from './host.ts';

/** How many entries its conntrack table has. */
export async function conntrackCount(host: Host): Promise<number> {
  return Number(await host.exec(['conntrack', '-C']));
}

/** The entries, each as conntrack prints it; with filters such as `['-p', 'udp', '--orig-port-dst', '53']`. */
export async function conntrackEntries(host: Host, filters: readonly string[] = []): Promise<string[]> {
  return lines(await host.exec(['conntrack', '-L', ...filters]));
}

/** The sums over all cores of `conntrack -S`: insert_failed, drop, clash_resolve and so on. */
export async function conntrackStatistics(host: Host): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const [, name, value] of (await host.exec(['conntrack', '-S'])).matchAll(/(?<!cpu)\b(\w+)=(\d+)/g)) {
    sums[name] = (sums[name] ?? 0) + Number(value);
  }
  return sums;
}

export async function flushConntrack(host: Host): Promise<void> {
  await host.exec(['conntrack', '-F']);
}

export type IpLink = {
  readonly ifindex: number;
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly operstate: string;
  readonly linkinfo?: { readonly info_kind?: string; readonly info_data?: { readonly mcast_snooping?: number } };
  readonly addr_info: readonly IpAddress[];
};
export type IpAddress = {
  readonly family: 'inet' | 'inet6';
  readonly local: string;
  readonly prefixlen: number;
  /** Seconds; 4294967295 is for ever. */
  readonly valid_life_time: number;
  readonly nodad?: boolean;
  readonly noprefixroute?: boolean;
  readonly tentative?: boolean;
};

/** `ip -details -json address`: every link with its addresses. */
export async function ipLinks(host: Pick<Host, 'exec'>): Promise<IpLink[]> {
  return JSON.parse(await host.exec(['ip', '-details', '-json', 'address', 'show']));
}

/** A link by its name, or undefined. */
export async function ipLink(host: Pick<Host, 'exec'>, name: string): Promise<IpLink | undefined> {
  return (await ipLinks(host)).find(({ ifname }) => ifname === name);
}

/** `nft -j`: the objects of the whole ruleset, or of what the arguments list (`['list', 'table', 'inet', 'nodens']`). */
export async function nftObjects(host: Host, args: readonly string[] = ['list', 'ruleset']): Promise<NftObject[]> {
  const { nftables } = JSON.parse(await host.exec(['nft', '-j', ...args]));
  return nftables;
}
/** An object with one key that says what it is: table, chain, set, rule … */
export type NftObject = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The rules of one table as `iptables -S` prints them, by the iptables that the host's PATH has first. */
export async function iptablesRules(host: Host, table: string, program: 'iptables' | 'ip6tables' = 'iptables') {
  return lines(await host.exec([program, '-w', '5', '-t', table, '-S']));
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
