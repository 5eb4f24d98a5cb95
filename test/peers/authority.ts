/** BIND as the authority for the zones in `zones/`, two of them signed. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTemporaryDirectory } from '../support/child.ts';
import { type Peer, type PeerQuery, startPeer } from './server.ts';
import { LONG_EXPIRED, type SignedZone, signZone, VALID_NOW } from './signing.ts';

/** The programs that the authority needs, for `missing()`. */
export const AUTHORITY_PROGRAMS = ['named', 'dnssec-keygen', 'dnssec-signzone'] as const;

export const PLAIN_ZONES = ['example.org', 'cluster.local', '10.in-addr.arpa'] as const;

export type Authority = Peer & {
  readonly zones: readonly string[];
  /** DNSKEY records of the signed zones. */
  readonly trustAnchors: readonly string[];
};

const ZONE_DIRECTORY = join(import.meta.dirname, 'zones');

export async function startAuthority(options: { address?: string; port?: number } = {}): Promise<Authority> {
  const keys = makeTemporaryDirectory('signing');
  const signed = await Promise.all([
    signZone(join(ZONE_DIRECTORY, 'signed.example.zone'), keys, VALID_NOW),
    signZone(join(ZONE_DIRECTORY, 'expired.example.zone'), keys, LONG_EXPIRED),
  ]);
  const peer = await startPeer({
    ...options,
    name: 'named',
    readyName: 'example.org',
    readQueries,
    configure({ address, port }, directory) {
      writeFileSync(join(directory, 'named.conf'), configuration(address, port, directory, signed));
      return ['-f', '-n', '1', '-c', join(directory, 'named.conf')];
    },
  });
  const zones = [...PLAIN_ZONES, ...signed.map(({ zone }) => zone)];
  return { ...peer, zones, trustAnchors: signed.map(({ trustAnchor }) => trustAnchor) };
}

function configuration(address: string, port: number, directory: string, signed: SignedZone[]): string {
  const listen = address.includes(':')
    ? `listen-on { none; };\n  listen-on-v6 port ${port} { ${address}; };`
    : `listen-on port ${port} { ${address}; };\n  listen-on-v6 { none; };`;
  const files = PLAIN_ZONES.map((zone) => ({ zone, file: join(ZONE_DIRECTORY, `${zone}.zone`) }));
  const zones = [...files, ...signed].map(({ zone, file }) => `zone "${zone}" { type primary; file "${file}"; };`);
  return `
options {
  directory "${directory}";
  ${listen}
  pid-file none;
  session-keyfile none;
  recursion no;
  allow-query { any; };
  dnssec-validation no;
  empty-zones-enable no;
  notify no;
  check-names primary ignore;
  minimal-responses no;
  querylog yes;
};
controls { };
logging {
  channel queries { file "${directory}/queries.log"; };
  channel errors { stderr; severity error; };
  category default { errors; };
  category queries { queries; };
};
${zones.join('\n')}
`;
}

/** Lines like `client @0x7f 127.0.0.1#34567 (www.example.org): query: www.example.org IN A +E(0)D (127.0.0.1)`. */
function readQueries(log: string): PeerQuery[] {
  return [...log.matchAll(/ query: (\S+) \S+ (\S+) /g)].map(([, qname, qtype]) => ({ qname, qtype }));
}
