/**
 * What a node's Corefile may name: servers under the addresses of public resolvers, of clouds, of cluster DNS services and
 * of a company. All are in one namespace, `world`, to which the node has its default route.
 */
import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority } from '../peers/certificates.ts';
import { configureNsd, type NsdTls } from '../peers/nsd.ts';
import { startPeer } from '../peers/server.ts';
import { eventually } from '../support/wait.ts';
import type { Owner } from './cluster.ts';
import { type Host, openHost } from './host.ts';
import { iptablesDirectory } from './kube-proxy.ts';
import { batch, connect } from './topology.ts';

/** The programs that it needs beside those of a cluster, for `missing()`. */
export const WORLD_PROGRAMS = ['openssl'];

const ZONES = join(import.meta.dirname, 'world-zones');
const DNS_PORT = 53;
const TLS_PORT = 853;
/** Who serves what; each has a zone for the root, in which `who.example.org` tells which it is. */
const SERVERS: readonly { readonly name: string; readonly addresses: readonly string[]; readonly ports?: number[] }[] =
  [
    {
      name: 'internet',
      addresses: [
        ...['8.8.8.8', '8.8.4.4', '1.1.1.1', '1.0.0.1', '9.9.9.9', '149.112.112.112'],
        ...['2001:4860:4860::8888', '2001:4860:4860::8844', '2606:4700:4700::1111', '2001:4860:4860::64'],
        // The clouds' own resolvers: Amazon, its second address of a VPC, Google, Azure, Tencent, Alibaba; a Talos node's.
        ...['169.254.169.253', 'fd00:ec2::253', '10.0.0.2', '169.254.169.254', '168.63.129.16', '183.60.83.19'],
        ...['100.100.2.136', '169.254.116.108'],
      ],
    },
    {
      name: 'cluster',
      addresses: [
        ...[
          '10.96.0.10',
          '10.96.0.11',
          '172.20.0.10',
          '10.0.0.10',
          '10.233.0.3',
          '10.233.0.4',
          '10.43.0.10',
          '100.64.0.10',
        ],
        ...['100.64.0.11', 'fd00:10:96::a', 'fd00:10:96::b'],
      ],
    },
    {
      name: 'company',
      addresses: ['10.20.0.53', '10.20.0.54', '10.150.0.1', '192.168.0.53', 'fd00:20::53'],
      ports: [DNS_PORT, 8600], // That of Consul.
    },
  ];
const TLS_NAMES = ['DNS:cloudflare-dns.com', 'DNS:one.one.one.one', 'DNS:dns.google', 'DNS:dns.quad9.net'];

export type World = {
  readonly node: Host;
  /** A bundle of certificates in which the authority of the servers is. */
  readonly certificates: string;
  /** Whoever puts files there may write them from here: the /etc that the node's processes see. */
  readonly etc: string;
};

/** Makes node and world; both end with the owner. */
export async function openWorld(owner: Owner): Promise<World> {
  const resolvConf = ['nameserver 8.8.8.8', 'nameserver 1.1.1.1', 'search example.org'];
  const opened: Host[] = [];
  owner.after(async () => void (await Promise.all(opened.map((host) => host.close()))));
  const open = async (name: string, path: string[] = []) => {
    const host = await openHost({ name, resolvConf, path });
    opened.push(host);
    return host;
  };
  const [node, world, authority] = await Promise.all([
    open('node', iptablesDirectory('iptables-nft')),
    open('world'),
    createAuthority(),
  ]);
  const [tls] = await Promise.all([
    authority.issue(...TLS_NAMES, ...SERVERS[0].addresses.map((address) => `IP:${address}`)),
    connect(node, [], [world], [4, 6]).then(() => batch(world, addressCommands())),
    ownEtc(node, resolvConf),
  ]);
  await Promise.all(SERVERS.map((server) => startServer(world, server, tls)));
  return { node, certificates: authority.certificateFile, etc: `/proc/${node.pid}/root/etc` };
}

/** On the link and not on loopback: neighbours are asked for them, and IPv6 answers for those of the link alone. */
function addressCommands(): string[] {
  const addresses = SERVERS.flatMap((server) => server.addresses);
  return addresses.map((address) => `address add ${address} dev eth0${address.includes(':') ? ' nodad' : ''}`);
}

/** A copy of /etc that may be changed; its files are no links, which would lead out of the namespace. */
async function ownEtc(node: Host, resolvConf: readonly string[]): Promise<void> {
  writeFileSync(join(node.directory, 'hosts'), '127.0.0.1 localhost\n::1 localhost\n');
  const script = `
    mkdir /run/etc && cp -a /etc/. /run/etc && mount --bind /run/etc /etc
    rm -f /etc/hosts /etc/resolv.conf
    cp ${node.directory}/hosts ${node.directory}/resolv.conf /etc`;
  writeFileSync(join(node.directory, 'resolv.conf'), [...resolvConf, ''].join('\n'));
  await node.exec(['sh', '-ec', script]);
}

async function startServer(
  world: Host,
  { name, addresses, ports = [DNS_PORT] }: (typeof SERVERS)[number],
  tls: NsdTls,
) {
  const [address] = addresses;
  const allPorts = name === 'internet' ? [...ports, TLS_PORT] : ports;
  const sockets = addresses.flatMap((address) => allPorts.map((port) => ({ address, port })));
  const ask = ['dig', '-r', '+tries=1', '+timeout=1', '+short', `@${address}`, 'who.example.org', 'TXT'];
  await startPeer({
    name: 'nsd',
    prefix: world.enter,
    address,
    port: DNS_PORT,
    readyName: '.',
    async untilItServes(_, nsd) {
      await eventually(`${name} to answer`, async () => {
        if (!nsd.running) throw new Error('nsd has ended');
        return (await world.exec(ask).catch(() => '')).trim() === `"${name}"`;
      });
    },
    configure(_, directory) {
      for (const file of readdirSync(ZONES)) copyFileSync(join(ZONES, file), join(directory, file));
      return configureNsd(directory, sockets, [{ name: '.', file: join(directory, `${name}.zone`) }], tls);
    },
  });
}
