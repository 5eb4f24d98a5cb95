/** The servers that are compared, each configured alike: one thread, a cache that holds every name, one upstream. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configureNsd } from '../test/peers/nsd.ts';
import { type Peer, startPeer } from '../test/peers/server.ts';
import { spawnChild } from '../test/support/child.ts';
import type { Server } from '../test/support/client.ts';
import { launchNodens, type Nodens } from '../test/support/nodens.ts';
import { type Generator, untilItServes, ZONE } from './generator.ts';
import { type Cores, pinnedTo } from './machine.ts';
import type { Network } from './network.ts';

/** A network with its generator and its upstream. */
export type Site = {
  readonly network: Network;
  readonly cores: Cores;
  readonly generator: Generator;
  readonly upstream: Upstream;
};

export type Upstream = Server & { readonly endpoint: string };

/** A running server and how it is ended. */
export type Subject = Server & { readonly pid: number; stop(): Promise<unknown> };
export type StartSubject = (site: Site, echoProgram: string) => Promise<Subject>;

/** For each server: more than all names of a run, so that hits stay hits and nobody evicts (dnsmasq is slow at it). */
const CACHE_ENTRIES = 200_000;

export const SUBJECTS = {
  nodens: (site: Site) => startNodens(site, CACHE_ENTRIES),
  unbound: (site: Site) => startServer(site, 'unbound', (...at) => unboundConfiguration(site.upstream, ...at)),
  dnsmasq: (site: Site) => startServer(site, 'dnsmasq', (server) => dnsmasqConfiguration(site.upstream, server)),
  echo: startEcho,
} satisfies Record<string, StartSubject>;

export type SubjectName = keyof typeof SUBJECTS;

/** nodens with room for so many answers, and with its metrics on. */
export async function startNodens(site: Site, cacheEntries: number, flags: readonly string[] = []): Promise<Nodens> {
  const { address, freePort } = site.network;
  const nodens = await launchNodens({
    prefix: onServerCore(site),
    address,
    ports: { PORT: await freePort() },
    flags,
    corefile: `.:{PORT} {
    bind ${address}
    errors
    cache 3600 {
        success ${cacheEntries}
    }
    prometheus 127.0.0.1:{METRICS}
    forward . ${site.upstream.endpoint}
}
`,
  });
  await untilItServes(site.generator, nodens).catch(async (cause) => {
    await nodens.stop();
    throw new Error(`nodens does not serve: ${nodens.stdout()}${nodens.stderr()}`, { cause });
  });
  return nodens;
}

/** NSD with a wildcard zone: any name below `zone` has an address, and no query costs it more than another. */
export async function startUpstream(network: Network, cores: Cores, generator: Generator): Promise<Peer> {
  return startPeer({
    name: 'nsd',
    prefix: [...network.serverSide, ...pinnedTo(cores.generator)],
    readyName: ZONE,
    untilItServes: (server) => untilItServes(generator, server),
    port: await network.freePort(),
    configure: nsdConfiguration,
  });
}

async function startEcho(site: Site, program: string): Promise<Subject> {
  const { address, freePort } = site.network;
  const port = await freePort();
  const child = spawnChild([...onServerCore(site), program, String(port), address], { cwd: '/' });
  await untilItServes(site.generator, { address, port });
  return { address, port, pid: child.pid, stop: child.stop };
}

type Configure = (server: Server, directory: string) => { text: string; args: (file: string) => string[] };

async function startServer(site: Site, name: string, configure: Configure): Promise<Peer> {
  return startPeer({
    name,
    prefix: onServerCore(site),
    readyName: ZONE,
    untilItServes: (server) => untilItServes(site.generator, server),
    address: site.network.address,
    port: await site.network.freePort(),
    configure(server, directory) {
      const file = join(directory, `${name}.conf`);
      const { text, args } = configure(server, directory);
      writeFileSync(file, text);
      return args(file);
    },
  });
}

function onServerCore({ network, cores }: Site): string[] {
  return [...network.serverSide, ...pinnedTo(cores.server)];
}

function unboundConfiguration(upstream: Upstream, { address, port }: Server, directory: string): ReturnType<Configure> {
  const text = `server:
  interface: ${address}@${port}
  access-control: 0.0.0.0/0 allow
  directory: "${directory}"
  chroot: ""
  username: ""
  use-syslog: no
  num-threads: 1
  msg-cache-size: 64m
  rrset-cache-size: 128m
  outgoing-range: 4096
  num-queries-per-thread: 2048
  so-rcvbuf: 4m
  do-not-query-localhost: no
  module-config: "iterator"
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: ${upstream.address}@${upstream.port}
`;
  return { text, args: (file) => ['-d', '-p', '-c', file] };
}

function dnsmasqConfiguration(upstream: Upstream, { address, port }: Server): ReturnType<Configure> {
  const text = `port=${port}
listen-address=${address}
bind-interfaces
user=
pid-file=
no-resolv
no-hosts
server=${upstream.address}#${upstream.port}
cache-size=${CACHE_ENTRIES}
dns-forward-max=2048
`;
  return { text, args: (file) => ['--keep-in-foreground', `--conf-file=${file}`] };
}

function nsdConfiguration(server: Server, directory: string): string[] {
  writeFileSync(
    join(directory, 'zone'),
    `$ORIGIN ${ZONE}.
$TTL 3600
@ IN SOA ns hostmaster 1 7200 3600 1209600 60
  IN NS ns
ns IN A 192.0.2.1
* IN A 192.0.2.2
`,
  );
  return configureNsd(directory, [server], [{ name: ZONE, file: join(directory, 'zone') }]);
}
