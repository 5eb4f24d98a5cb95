/** nodens on the node as it is deployed: it holds the service IP, and asks the DNS pods by a second service. */
import type { Cluster } from '../../test/netns/cluster.ts';
import type { Nodens } from '../../test/support/nodens.ts';

const LOCAL_ADDRESS = '169.254.20.10';

/** Starts it with node-cache's flags, and waits until the pods' queries reach it. */
export function takeOver(cluster: Cluster): Promise<Nodens> {
  const addresses = [LOCAL_ADDRESS, cluster.serviceAddress];
  return cluster.nodens({
    corefile: corefile(addresses, cluster.upstreamAddress),
    flags: ['-localip', addresses.join(','), '-setupinterface=true', '-setupiptables=true'],
  });
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
