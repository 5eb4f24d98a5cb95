/** One of the two servers behind the service IP: NSD with the zones of the tests, and a name that tells which it is. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configureNsd } from '../peers/nsd.ts';
import { type Peer, startPeer } from '../peers/server.ts';
import { eventually } from '../support/wait.ts';
import type { Host } from './host.ts';

const PEERS = join(import.meta.dirname, '../peers/zones');
const ZONES = [
  { name: '10.in-addr.arpa', file: join(PEERS, '10.in-addr.arpa.zone') },
  { name: 'example.org', file: join(import.meta.dirname, 'zones/example.org.zone') },
];

/** Its TXT record is the name of the server that has answered, its A record the address. */
export const WHOAMI = 'whoami.cluster.local';
/** Any name below it has an address; the TTL is above that of every `cache` in the tests' Corefiles. */
export const WILDCARD = 'load.cluster.local';
export const WILDCARD_TTL = 600;

/** Starts the server on each address of the pod and waits until it answers there. */
export async function startDnsPod(pod: Host, addresses: readonly string[], port: number): Promise<Peer> {
  return startPeer({
    name: 'nsd',
    prefix: pod.enter,
    address: addresses[0],
    port,
    readyName: 'cluster.local',
    async untilItServes(_, nsd) {
      await eventually(`${pod.name} to answer`, () => {
        if (!nsd.running) throw new Error('nsd has ended');
        return answers(pod, addresses, port);
      });
    },
    configure(server, directory) {
      const file = join(directory, 'cluster.local.zone');
      const text = readFileSync(join(PEERS, 'cluster.local.zone'), 'utf8');
      writeFileSync(file, text + ownRecords(pod.name, server.address));
      const sockets = addresses.map((address) => ({ address, port }));
      return configureNsd(directory, sockets, [{ name: 'cluster.local', file }, ...ZONES]);
    },
  });
}

function ownRecords(name: string, address: string): string {
  return `
${WHOAMI}. 5 IN TXT "${name}"
${WHOAMI}. 5 IN A ${address}
*.${WILDCARD}. ${WILDCARD_TTL} IN A 192.0.2.7
`;
}

async function answers(pod: Host, addresses: readonly string[], port: number): Promise<boolean> {
  const ask = (address: string) => {
    const options = ['+tries=1', '+timeout=1', '+short', '-p', String(port)];
    return pod.exec(['dig', '-r', ...options, `@${address}`, WHOAMI, 'TXT']);
  };
  const texts = await Promise.all(addresses.map((address) => ask(address).catch(() => '')));
  return texts.every((text) => text.trim() === `"${pod.name}"`);
}
