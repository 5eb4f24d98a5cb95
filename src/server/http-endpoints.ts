import { hostPort, isWildcard } from '../sys/socket.ts';
import type { HttpEndpoint } from './block.ts';
import type { Target } from './targets.ts';

type Place = Pick<Target, 'id' | 'address' | 'port'>;

/**
 * Throws a ConfigError where HTTP and DNS want the same TCP port of an address. The kernel would let both have it, for
 * their sockets share ports, and give each some of the connections.
 */
export function checkHttpEndpoints(endpoints: readonly HttpEndpoint[], targets: readonly Place[]): void {
  for (const { address, line } of endpoints) {
    const { host, port } = address;
    const taken = targets.find((target) => target.port === port && port !== 0 && overlap(host, target.address));
    if (taken === undefined) continue;
    const problem = `${hostPort(host, port)} is where ${taken.id} answers DNS over TCP; choose another port`;
    throw line.error(problem, line.args[0]);
  }
}

function overlap(httpHost: string, dnsAddress: string): boolean {
  const host = httpHost === 'localhost' ? '127.0.0.1' : httpHost;
  return isWildcard(host) || isWildcard(dnsAddress) || host === dnsAddress;
}
