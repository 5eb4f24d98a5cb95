/** Unbound as the resolver that nodens forwards to: it asks the authority, caches and validates. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Authority } from './authority.ts';
import { type Peer, type PeerQuery, startPeer } from './server.ts';

export type UnboundOptions = {
  readonly authority: Authority;
  readonly address?: string;
  readonly port?: number;
  /** Serve DNS over TLS on this port, with this certificate. */
  readonly tls?: { readonly port: number; readonly key: string; readonly certificate: string };
};

export async function startUnbound({ authority, tls, ...where }: UnboundOptions): Promise<Peer> {
  return startPeer({
    ...where,
    name: 'unbound',
    readyName: 'example.org',
    readQueries,
    configure({ address, port }, directory) {
      const anchors = authority.trustAnchors.map((anchor) => `  trust-anchor: "${anchor.replaceAll('\t', ' ')}"`);
      const stubs = authority.zones.map((zone) => stubZone(zone, authority));
      const server = serverClause(address, port, directory);
      writeFileSync(
        join(directory, 'unbound.conf'),
        [server, ...(tls ? [tlsOptions(address, tls)] : []), ...anchors, ...stubs, ''].join('\n'),
      );
      return ['-d', '-p', '-c', join(directory, 'unbound.conf')];
    },
  });
}

function serverClause(address: string, port: number, directory: string): string {
  return `server:
  interface: ${address}@${port}
  access-control: 0.0.0.0/0 allow
  access-control: ::0/0 allow
  directory: "${directory}"
  chroot: ""
  username: ""
  use-syslog: no
  logfile: "${directory}/queries.log"
  log-queries: yes
  log-time-ascii: no
  verbosity: 1
  num-threads: 1
  so-rcvbuf: 0
  so-sndbuf: 0
  outgoing-range: 256
  num-queries-per-thread: 128
  do-not-query-localhost: no
  module-config: "validator iterator"
  local-zone: "10.in-addr.arpa." nodefault
  minimal-responses: no
  prefetch: no
  target-fetch-policy: "0 0 0 0 0"
  qname-minimisation: no`;
}

function tlsOptions(address: string, tls: UnboundOptions['tls'] & {}): string {
  return `  interface: ${address}@${tls.port}
  tls-port: ${tls.port}
  tls-service-key: "${tls.key}"
  tls-service-pem: "${tls.certificate}"`;
}

function stubZone(zone: string, authority: Authority): string {
  return `stub-zone:\n  name: "${zone}"\n  stub-addr: ${authority.address}@${authority.port}\n  stub-no-cache: no`;
}

/** Lines like `[1700000000] unbound[12:0] info: 127.0.0.1 www.example.org. A IN`. */
function readQueries(log: string): PeerQuery[] {
  const lines = log.matchAll(/ info: \S+ (\S+) ([A-Z0-9]+) IN$/gm);
  return [...lines].map(([, qname, qtype]) => ({ qname: qname.replace(/(?<=.)\.$/, ''), qtype }));
}
