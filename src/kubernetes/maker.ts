import { readFile } from 'node:fs/promises';
import { systemReason } from '../corefile/errors.ts';
import { readKeys } from './config-map.ts';
import { type ClusterZones, COREFILE_KEY, readClusterZones } from './coredns.ts';
import { KUBE_DNS_KEYS, type KubeDns, NO_KUBE_DNS, parseKubeDns } from './kube-dns.ts';
import { lastGood } from './last-good.ts';
import { type NodeCorefile, type NodeSettings, nodeCorefile } from './node-corefile.ts';

export type MakerOptions = {
  readonly settings: NodeSettings;
  /** Directories where ConfigMaps are mounted; undefined: there is none. */
  readonly kubeDnsDirectory: string | undefined;
  readonly clusterDirectory: string | undefined;
  /** Whether one may go without a template, as long as there has been none. */
  readonly mayLackTemplate: () => boolean;
};

/** What was made of what there is now. */
export type Made = NodeCorefile &
  Pick<KubeDns, 'upstreamServers'> & {
    /** Every ConfigMap that there is could be read. */
    readonly isWhole: boolean;
  };

/**
 * Reads template and ConfigMaps anew at each call; undefined if there is no template. A ConfigMap that is at fault leaves
 * its last good content and is among the faults; a template that is at fault is thrown.
 */
export function corefileMaker(options: MakerOptions): () => Promise<Made | undefined> {
  const { settings, kubeDnsDirectory, clusterDirectory } = options;
  const readTemplate = templateReader(options);
  const readKubeDns = lastGood(NO_KUBE_DNS, () => kubeDnsOf(kubeDnsDirectory));
  const readCluster = lastGood<ClusterZones | undefined>(undefined, () => clusterZonesOf(clusterDirectory));
  return async () => {
    const template = await readTemplate();
    if (template === undefined) return undefined;
    const [kubeDns, cluster] = await Promise.all([readKubeDns(), readCluster()]);
    const made = nodeCorefile(settings, { template, kubeDns: kubeDns.value, cluster: cluster.value });
    const unread = [
      ...faultOf('ConfigMap kube-dns', kubeDns.fault),
      ...faultOf('ConfigMap of the cluster DNS', cluster.fault),
    ];
    const { upstreamServers } = kubeDns.value;
    return { ...made, upstreamServers, faults: [...unread, ...made.faults], isWhole: unread.length === 0 };
  };
}

function templateReader({ settings, mayLackTemplate }: MakerOptions): () => Promise<string | undefined> {
  const { template } = settings;
  let isKnown = false;
  return async () => {
    try {
      const text = await readFile(template, 'utf8');
      isKnown = true;
      return text;
    } catch (cause) {
      const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
      if (isMissing && !isKnown && mayLackTemplate()) return undefined;
      throw new Error(`Failed to read node-cache coreFile ${template} - ${systemReason(cause)}`, { cause });
    }
  };
}

async function kubeDnsOf(directory: string | undefined): Promise<KubeDns> {
  return directory === undefined ? NO_KUBE_DNS : parseKubeDns(await readKeys(directory, KUBE_DNS_KEYS), directory);
}

async function clusterZonesOf(directory: string | undefined): Promise<ClusterZones | undefined> {
  if (directory === undefined) return undefined;
  const text = (await readKeys(directory, [COREFILE_KEY])).get(COREFILE_KEY);
  if (text === undefined) throw new Error(`there is no ${COREFILE_KEY} in "${directory}"`);
  return readClusterZones(text, directory);
}

function faultOf(what: string, fault: string | undefined): string[] {
  return fault === undefined ? [] : [`${what}: ${fault}; what was read last stays in force`];
}
