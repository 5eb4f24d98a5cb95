/** The servers that are compared, each configured alike: one thread, a cache that holds every name, one upstream. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Peer, startPeer } from '../test/peers/server.ts';
import { startNodens } from '../test/support/nodens.ts';

/** A running server and how it is ended. */
export type Subject = Pick<Peer, 'address' | 'port' | 'pid'> & { stop(): Promise<unknown> };
export type StartSubject = (upstream: Peer, zone: string, prefix: readonly string[]) => Promise<Subject>;

/** Cache entries for each server: more than the names preloaded, so that hits stay hits. */
const CACHE_ENTRIES = 20_000;

export const SUBJECTS: Readonly<Record<string, StartSubject>> = {
  nodens: (upstream, _zone, prefix) =>
    startNodens({
      prefix,
      corefile: `.:{PORT} {
    bind 127.0.0.1
    errors
    cache 3600 {
        success ${CACHE_ENTRIES}
    }
    prometheus 127.0.0.1:{METRICS}
    forward . ${upstream.endpoint}
}
`,
    }),

  unbound: (upstream, zone, prefix) =>
    startPeer({
      name: 'unbound',
      prefix,
      readyName: zone,
      configure({ address, port }, directory) {
        const file = join(directory, 'unbound.conf');
        writeFileSync(
          file,
          `server:
  interface: ${address}@${port}
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
`,
        );
        return ['-d', '-p', '-c', file];
      },
    }),

  dnsmasq: (upstream, zone, prefix) =>
    startPeer({
      name: 'dnsmasq',
      prefix,
      readyName: zone,
      configure({ address, port }, directory) {
        const file = join(directory, 'dnsmasq.conf');
        writeFileSync(
          file,
          `port=${port}
listen-address=${address}
bind-interfaces
user=
pid-file=
no-resolv
no-hosts
server=${upstream.address}#${upstream.port}
cache-size=${CACHE_ENTRIES}
dns-forward-max=2048
`,
        );
        return ['--keep-in-foreground', `--conf-file=${file}`];
      },
    }),
};

/** NSD with a wildcard zone: any name below `zone` has an address, and no query costs it more than another. */
export function startUpstream(zone: string, prefix: readonly string[]): Promise<Peer> {
  return startPeer({
    name: 'nsd',
    prefix,
    readyName: zone,
    configure({ address, port }, directory) {
      writeFileSync(
        join(directory, 'zone'),
        `$ORIGIN ${zone}.
$TTL 3600
@ IN SOA ns hostmaster 1 7200 3600 1209600 60
  IN NS ns
ns IN A 192.0.2.1
* IN A 192.0.2.2
`,
      );
      const file = join(directory, 'nsd.conf');
      writeFileSync(
        file,
        `server:
  ip-address: ${address}@${port}
  server-count: 1
  username: ""
  zonesdir: "${directory}"
  database: ""
  pidfile: ""
  zonelistfile: "${directory}/zones"
  xfrdfile: ""
  logfile: "${directory}/log"
  rrl-ratelimit: 0
  minimal-responses: yes
remote-control:
  control-enable: no
zone:
  name: "${zone}"
  zonefile: "${directory}/zone"
`,
      );
      return ['-d', '-c', file];
    },
  });
}
