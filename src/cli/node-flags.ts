import { isIP } from 'node:net';
import { durationMs } from '../corefile/duration.ts';
import type { NodeFlags } from '../node/plan.ts';
import { linkNameProblem } from '../sys/link-name.ts';
import { canonicalAddress } from '../sys/sockaddr.ts';
import type { ServerFlags } from './flag-table.ts';
import { FlagError } from './flags.ts';

const BACKENDS = ['auto', 'nftables', 'iptables', 'none'] as const;
const MIN_LEASE_S = 3;
const MAX_LEASE_S = 3600;
const MAX_PORT = 65535;

/**
 * What the flags say of the node; undefined where -localip is not among those given. Throws FlagError, worded as
 * node-cache's where that has one.
 */
export function nodeFlags(flags: ServerFlags, given: ReadonlySet<string>): NodeFlags | undefined {
  if (!given.has('localip')) return undefined;
  const healthPort = flags['health-port'];
  if (healthPort < 0 || healthPort > MAX_PORT) throw fault(`invalid healthcheck port specified - "${healthPort}"`);
  const nameProblem = linkNameProblem(flags.interfacename);
  if (nameProblem !== undefined) throw fault(`-interfacename ${nameProblem}`);
  return {
    addresses: parseAddresses(flags.localip),
    interfaceName: flags.interfacename,
    setUpLink: flags.setupinterface,
    setUpRules: flags.setupiptables,
    skipTeardown: flags.skipteardown,
    healthPort,
    syncIntervalS: flags.syncinterval,
    backend: parseBackend(flags.backend),
    leaseS: parseLease(flags.lease),
  };
}

/** IP addresses without blanks around them; each once, of either family. */
export function parseAddresses(text: string): string[] {
  const addresses = text.split(',');
  const bad = addresses.find((address) => isIP(address) === 0 || address.includes('%'));
  if (bad !== undefined) throw fault(`invalid localip specified - "${bad}"`);
  return [...new Set(addresses.map(canonicalAddress))];
}

function parseBackend(text: string): NodeFlags['backend'] {
  const backend = BACKENDS.find((name) => name === text);
  if (backend === undefined) throw fault(`-backend must be ${BACKENDS.join(', ')}, got "${text}"`);
  return backend;
}

function parseLease(text: string): NodeFlags['leaseS'] {
  if (text === '') return undefined;
  if (text === 'off') return text;
  const leaseS = Math.round((durationMs(text) ?? Number.NaN) / 1000);
  if (leaseS >= MIN_LEASE_S && leaseS <= MAX_LEASE_S) return leaseS;
  throw fault(`-lease must be 3s to 1h or off, got "${text}"`);
}

function fault(message: string): FlagError {
  return new FlagError(message);
}
