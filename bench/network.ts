/** Where servers and generator meet: on loopback, or in two network namespaces with a veth pair between them. */
import { spawnSync } from 'node:child_process';
import { type Host, openHost } from '../test/netns/host.ts';
import { freePort } from '../test/support/ports.ts';
import { findProgram } from '../test/support/programs.ts';

export const NETWORK_NAMES = ['loopback', 'veth'] as const;
export type NetworkName = (typeof NETWORK_NAMES)[number];

export type Network = {
  readonly name: NetworkName;
  /** Where the servers listen. Their upstream is on loopback, on their side. */
  readonly address: string;
  /** The start of a command that runs a program on the side of the servers, and on that of the generator. */
  readonly serverSide: readonly string[];
  readonly generatorSide: readonly string[];
  freePort(): Promise<number>;
  close(): Promise<void>;
};

/** Put before a program: should the bench be killed, so is the program. */
const DIES_WITH_US: readonly string[] = [findProgram('setpriv') ?? 'setpriv', '--pdeathsig', 'KILL', '--'];

export const LOOPBACK: Network = {
  name: 'loopback',
  address: '127.0.0.1',
  serverSide: DIES_WITH_US,
  generatorSide: DIES_WITH_US,
  freePort: () => freePort(),
  close: async () => undefined,
};

// Networks for documentation (RFC 5737); they exist in the two namespaces alone.
const SERVER_ADDRESS = '192.0.2.1';
const GENERATOR_ADDRESS = '192.0.2.2';
const FIRST_PORT = 5300;

/** The reason why there can be no namespaces here, or undefined. */
export function vethUnavailable(): string | undefined {
  const makesVeth = [tool('ip'), 'link', 'add', 'veth0', 'type', 'veth', 'peer', 'name', 'veth1'];
  const { status } = spawnSync(tool('unshare'), ['-n', ...makesVeth], { stdio: 'ignore' });
  return status === 0 ? undefined : 'no right to make network namespaces and veth pairs (root has it)';
}

export async function openVeth(): Promise<Network> {
  const server = await openHost({ name: 'server', resolvConf: [] });
  const generator = await openHost({ name: 'generator', resolvConf: [] });
  const on = (side: Host, ...args: string[]) => side.exec(['ip', ...args]);
  const peer = ['peer', 'name', 'veth0', 'netns', String(generator.pid)];
  await on(server, 'link', 'add', 'veth0', 'type', 'veth', ...peer);
  await on(server, 'address', 'add', `${SERVER_ADDRESS}/24`, 'dev', 'veth0');
  await on(generator, 'address', 'add', `${GENERATOR_ADDRESS}/24`, 'dev', 'veth0');
  for (const side of [server, generator]) await on(side, 'link', 'set', 'veth0', 'up');
  let port = FIRST_PORT; // Nobody else is there.
  return {
    name: 'veth',
    address: SERVER_ADDRESS,
    serverSide: server.enter,
    generatorSide: generator.enter,
    freePort: async () => port++,
    close: async () => void (await Promise.all([server.close(), generator.close()])),
  };
}

function tool(name: string): string {
  return findProgram(name) ?? name;
}
