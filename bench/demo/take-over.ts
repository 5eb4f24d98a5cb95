/** nodens on the node as it is deployed: it holds the service IP, and asks the DNS pods by a second service. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../../test/netns/cluster.ts';
import type { Nodens } from '../../test/support/nodens.ts';

const LOCAL_ADDRESS = '169.254.20.10';

/** Starts it and waits until the pods' queries reach it. */
export async function takeOver(cluster: Cluster): Promise<Nodens> {
  const addresses = [LOCAL_ADDRESS, cluster.serviceAddress];
  const nodens = await cluster.nodens({ corefile: corefile(addresses, cluster.upstreamAddress) });
  await holdAddresses(cluster, addresses);
  return nodens;
}

/** The Corefile of the usual manifest. */
function corefile(addresses: readonly string[], upstream: string): string {
  const block = (zone: string, cache: string) => `${zone}:53 {
    errors
    cache ${cache}
    bind ${addresses.join(' ')}
    forward . ${upstream} {
        force_tcp
    }
}
`;
  return block('cluster.local', '{\n        success 9984 30\n        denial 9984 5\n    }') + block('.', '30');
}

async function holdAddresses({ node }: Cluster, addresses: readonly string[]): Promise<void> {
  await node.exec(['ip', 'link', 'add', 'nodelocaldns', 'type', 'bridge']);
  for (const address of addresses) await node.exec(['ip', 'address', 'add', `${address}/32`, 'dev', 'nodelocaldns']);
  const file = join(node.directory, 'take-over.nft');
  const set = `{ ${addresses.join(', ')} }`;
  writeFileSync(
    file,
    `table ip take-over {
  chain prerouting {
    type filter hook prerouting priority raw;
    ip daddr ${set} th dport 53 notrack
  }
  chain output {
    type filter hook output priority raw;
    ip saddr ${set} th sport 53 notrack
  }
}
`,
  );
  await node.exec(['nft', '-f', file]);
}
