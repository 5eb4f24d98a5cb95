import { readFileSync } from 'node:fs';
import { lacksCapability, missingCapability } from './capabilities.ts';

const FIRST_FREE_PORT = '/proc/sys/net/ipv4/ip_unprivileged_port_start';

/** Why a port may not be bound, if it is for want of a capability. */
export function lowPortHint(port: number): string | undefined {
  const firstFreePort = Number(readFileSync(FIRST_FREE_PORT, 'latin1'));
  if (port >= firstFreePort || !lacksCapability('CAP_NET_BIND_SERVICE')) return undefined;
  return missingCapability('CAP_NET_BIND_SERVICE', `listen on ports below ${firstFreePort}`);
}
