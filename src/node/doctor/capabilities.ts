import { type Capability, type CapabilitySet, capabilitySet } from '../../sys/capabilities.ts';
import { type Finding, finding } from './finding.ts';

const CHECK = 'capabilities';

export type CapabilityFacts = {
  /** Of this process. */
  readonly effective: CapabilitySet;
  /** net.ipv4.ip_unprivileged_port_start. */
  readonly firstFreePort: number;
  readonly ports: readonly number[];
  readonly holdsNode: boolean;
};

/** Whether the process may do what the configuration asks of it. */
export function checkCapabilities({ effective, firstFreePort, ports, holdsNode }: CapabilityFacts): Finding[] {
  const has = (name: Capability) => (effective & capabilitySet(name)) !== 0n;
  const low = ports.find((port) => port > 0 && port < firstFreePort);
  const found: Finding[] = [];
  if (low !== undefined && !has('CAP_NET_BIND_SERVICE')) {
    found.push(finding(CHECK, 'error', `CAP_NET_BIND_SERVICE is missing, needed to listen on port ${low}`, GIVE));
  }
  if (holdsNode && !has('CAP_NET_ADMIN')) {
    found.push(finding(CHECK, 'error', 'CAP_NET_ADMIN is missing, needed to hold addresses of the node', GIVE));
  }
  return found.length > 0 ? found : [finding(CHECK, 'ok', 'all that the configuration needs')];
}

const GIVE = 'add it to securityContext.capabilities of the container';
