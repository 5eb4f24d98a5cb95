/** NSD as an authority that costs little: for loads, and where several of them stand in for a cluster's DNS. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Server } from '../support/client.ts';

export type NsdZone = { readonly name: string; readonly file: string };
/** Port 853 is served over TLS with these PEM files. */
export type NsdTls = { readonly keyFile: string; readonly certificateFile: string };

/** Writes a configuration for one process on these sockets, and gives the arguments for it. */
export function configureNsd(
  directory: string,
  sockets: readonly Server[],
  zones: readonly NsdZone[],
  tls?: NsdTls,
): string[] {
  const file = join(directory, 'nsd.conf');
  const listen = sockets.map(({ address, port }) => `  ip-address: ${address}@${port}`);
  const secure = tls === undefined ? '' : tlsLines(tls);
  const clauses = zones.map(({ name, file }) => `zone:\n  name: "${name}"\n  zonefile: "${file}"\n`);
  writeFileSync(
    file,
    `server:
${listen.join('\n')}
  server-count: 1
  username: ""
  zonesdir: "${directory}"
  database: ""
  pidfile: ""
  zonelistfile: "${directory}/zones"
  xfrdfile: ""
  xfrdir: "${directory}"
  logfile: "${directory}/log"
  rrl-ratelimit: 0
  minimal-responses: yes
${secure}remote-control:
  control-enable: no
${clauses.join('')}`,
  );
  return ['-d', '-c', file];
}

function tlsLines({ keyFile, certificateFile }: NsdTls): string {
  return `  tls-service-key: "${keyFile}"\n  tls-service-pem: "${certificateFile}"\n  tls-port: 853\n`;
}
