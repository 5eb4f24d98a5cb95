/** The path between the node and the DNS pods: slow by a relay, lossy by a rule; and what has passed on it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../../test/netns/cluster.ts';
import type { Host } from '../../test/netns/host.ts';
import { type NftObject, nftObjects } from '../../test/netns/readers.ts';
import type { Addresses } from '../../test/netns/topology.ts';
import { eventually } from '../../test/support/wait.ts';

/** Where the servers of the DNS pods listen: the relay has port 53. */
export const SERVER_PORT = 5353;

export type PathOptions = {
  /** Of the packets in either direction. */
  readonly lossPercent: number;
  /** There and back. */
  readonly delayMs: number;
};

export type Traffic = {
  /** To and from the DNS pods, those that were lost on the way as well. */
  readonly packets: number;
  /** Entries that the node's conntrack table has had to make. */
  readonly conntrackEntries: number;
};

const TABLE = ['inet', 'demo'];
const RELAY = join(import.meta.dirname, 'relay.ts');

/** Puts the path in place. */
export async function layPath(cluster: Cluster, { lossPercent, delayMs }: PathOptions): Promise<void> {
  for (const [i, pod] of cluster.dnsPods.entries()) {
    await loadRules(pod, lossRules(lossPercent));
    const target = [cluster.dnsServers[i].address, String(SERVER_PORT)];
    await startRelay(pod, [pod.addresses[4], '53', ...target, String(delayMs / 2)]);
  }
  await loadRules(cluster.node, CONNTRACK_RULES);
}

/** What has passed since the path was laid. */
export async function readTraffic({ node, dnsPods }: Cluster): Promise<Traffic> {
  const perPod = await Promise.all(dnsPods.map(countPackets));
  return { packets: perPod.reduce((sum, count) => sum + count, 0), conntrackEntries: await countPackets(node) };
}

async function startRelay(pod: Host & { addresses: Addresses }, argv: readonly string[]): Promise<void> {
  const relay = pod.spawn([process.execPath, RELAY, ...argv]);
  await eventually(`the relay of ${pod.name}`, () => {
    if (!relay.running) throw new Error(`the relay has ended: ${relay.stderr()}`);
    return relay.stdout().includes('udp') && relay.stdout().includes('tcp');
  });
}

async function loadRules(host: Host, text: string): Promise<void> {
  const file = join(host.directory, 'demo.nft');
  writeFileSync(file, text);
  await host.exec(['nft', '-f', file]);
}

/** A packet is counted before it may be lost. */
function lossRules(percent: number): string {
  const lose = `numgen random mod 10000 < ${Math.round(percent * 100)} drop`;
  return `table ${TABLE.join(' ')} {
  chain arrive {
    type filter hook input priority -10;
    iifname "eth0" meta l4proto { udp, tcp } counter
    iifname "eth0" meta l4proto { udp, tcp } ${lose}
  }
  chain leave {
    type filter hook output priority -10;
    oifname "eth0" meta l4proto { udp, tcp } counter
    oifname "eth0" meta l4proto { udp, tcp } ${lose}
  }
}
`;
}

/** The first packet of a flow: conntrack (priority -200) has made an entry, and it is not in the table yet. */
const CONNTRACK_RULES = `table ${TABLE.join(' ')} {
  chain pods {
    type filter hook prerouting priority -150;
    ct state new ct status & confirmed == 0 counter
  }
  chain host {
    type filter hook output priority -150;
    ct state new ct status & confirmed == 0 counter
  }
}
`;

async function countPackets(host: Host): Promise<number> {
  const objects = await nftObjects(host, ['list', 'table', ...TABLE]);
  return objects.reduce((sum, object) => sum + counted(object), 0);
}

function counted({ rule }: NftObject): number {
  const expressions = Array.isArray(rule?.expr) ? rule.expr : [];
  return expressions.reduce((sum: number, { counter }) => sum + (counter?.packets ?? 0), 0);
}
