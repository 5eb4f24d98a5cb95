/** What is counted does not depend on who answers: the metrics of nodens with and without responders are equal. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answer, reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { TcpClient, UdpClient } from './support/client.ts';
import { buildQuery, type QueryParts } from './support/message.ts';
import { scrape } from './support/metrics.ts';
import { type Nodens, startNodens } from './support/nodens.ts';
import { eventually } from './support/wait.ts';

const RESPONDER_COUNTS = [0, 1, 2];
const SOA = 'example.org 60 SOA ns1.example.org hostmaster.example.org 1 60';
const DO = { flags: 0x8000 };

let upstream: ScriptedUpstream;
let servers: Nodens[];

before(async () => {
  upstream = await ScriptedUpstream.start();
  const large = Array.from({ length: 60 }, (_, i) => `large.example.org 3600 A 198.51.100.${i + 1}`);
  upstream
    .otherwise((exchange) => answer(`${exchange.query.qname} 300 A 192.0.2.1`)(exchange))
    .on('large.example.org', 'A', reply({ answers: large }))
    .on('nx.example.org', 'A', reply({ rcode: 'NXDOMAIN', authorities: [SOA] }))
    .on('nodata.example.org', 'AAAA', reply({ authorities: [SOA] }))
    .on('servfail.example.org', 'A', reply({ rcode: 'SERVFAIL' }));
  servers = await Promise.all(
    RESPONDER_COUNTS.map((count) => startNodens({ corefile: corefile(), flags: ['-responders', String(count)] })),
  );
});
after(async () => {
  await Promise.all((servers ?? []).map((server) => server.stop()));
  await upstream?.stop();
});

/** Several blocks at several listeners: counted and not, one at two listeners, one with a zone that it has elsewhere. */
function corefile(more = ''): string {
  const counted = `prometheus 127.0.0.1:{METRICS}\n errors\n forward . ${upstream.endpoint} {\n force_tcp\n }`;
  const bind = 'bind 127.0.0.1 ::1';
  return `
example.org:{PORT} sub.example.org:{PORT} {\n ${bind}\n cache {\n servfail 5m\n }\n ${counted}\n}
example.net:{PORT} in.example.net:{PORT2} {\n bind 127.0.0.1\n cache 60\n ${counted}\n}
uncounted.example.net:{PORT} {\n ${bind}\n cache\n forward . ${upstream.endpoint}\n}
logged.example.net:{PORT} {\n ${bind}\n log\n cache\n ${counted}\n}
zoned.example.net:{PORT} {\n ${bind}\n cache 60 a.zoned.example.net b.zoned.example.net\n ${counted}\n}
none.example.net:{PORT} {\n ${bind}\n ${counted}\n}
.:{PORT3} {\n cache\n ${counted}\n}
${more}`;
}

const names = [
  { qname: 'www.example.org' },
  { qname: 'WWW.example.org' },
  { qname: 'www.example.org', qtype: 'AAAA' },
  { qname: 'www.example.org', qtype: 65280 },
  { qname: 'www.example.org', edns: DO },
  { qname: 'www.example.org', edns: { udpPayloadBytes: 600 } },
  { qname: 'large.example.org' },
  { qname: 'large.example.org', edns: { udpPayloadBytes: 4096 } },
  { qname: 'nx.example.org' },
  { qname: 'nodata.example.org', qtype: 'AAAA', edns: DO },
  { qname: 'servfail.example.org' },
  { qname: 'servfail.example.org' },
  { qname: 'a.sub.example.org' },
  { qname: 'sub.example.org', qtype: 'DS' },
  { qname: `${'x'.repeat(63)}.${'y'.repeat(60)}.sub.example.org` },
  { qname: 'www.example.net' },
  { qname: 'www.in.example.net' },
  { qname: 'www.uncounted.example.net' },
  { qname: 'www.logged.example.net' },
  { qname: 'www.a.zoned.example.net' },
  { qname: 'www.b.zoned.example.net' },
  { qname: 'www.zoned.example.net' },
  { qname: 'www.none.example.net' },
  { qname: 'www.example.com' },
  { qname: 'www.example.org', qclass: 3 },
  { qname: 'www.example.org', edns: { version: 1 } },
  { qname: 'www.example.org', edns: { options: [{ code: 10, data: Buffer.alloc(8) }] } },
] satisfies QueryParts[];

/** The same for each server: everything over UDP and TCP, to all listeners, twice. */
async function ask({ ports }: Nodens): Promise<void> {
  const places = [
    { address: '127.0.0.1', port: ports.PORT },
    { address: '::1', port: ports.PORT },
    { address: '127.0.0.1', port: ports.PORT2 },
    { address: '127.0.0.1', port: ports.PORT3 },
    { address: '::1', port: ports.PORT3 },
  ];
  for (const place of places) {
    const clients = [await UdpClient.open(place), await UdpClient.open(place), await TcpClient.open(place)];
    for (const client of clients) for (const query of names) await client.ask(buildQuery(query));
    for (const client of clients) client.close();
  }
}

/** The lines of the metrics that must be equal, with the names of ports instead of their numbers. */
async function counted({ ports }: Nodens): Promise<string[]> {
  let { text } = await scrape(ports.METRICS);
  for (const [name, port] of Object.entries(ports)) text = text.replaceAll(`:${port}"`, `:${name}"`);
  return text
    .split('\n')
    .filter((line) => /^coredns_(dns|cache)_/.test(line) && !/_duration_seconds_(sum|bucket)/.test(line))
    .sort();
}

/** What is counted of the last batch may still be under way; what comes before is not. */
async function assertEqual(): Promise<string[]> {
  const results = () => Promise.all(servers.map(counted));
  await eventually('equal metrics', async () => new Set((await results()).map(String)).size === 1).catch(
    () => undefined,
  );
  const [none, ...others] = await results();
  for (const other of others) assert.deepEqual(other, none);
  return none;
}

function total(lines: readonly string[], start: string): number {
  return lines
    .filter((line) => line.startsWith(start))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** They only grow: what a configuration has counted is not lost with it. */
const REQUESTS = ['coredns_dns_requests_total', 'coredns_dns_responses_total', 'coredns_cache_hits_total'];

describe('with 0, 1 and 2 responders the same is counted', () => {
  let first: string[];

  test('of traffic over all listeners', async () => {
    await Promise.all(servers.map(ask));
    first = await assertEqual();
    for (const name of REQUESTS) assert.ok(total(first, name) > 200, name);
  });

  test('when it is asked for once more', async () => {
    assert.deepEqual(await assertEqual(), first);
  });

  test('after more of it', async () => {
    await Promise.all(servers.map(ask));
    const second = await assertEqual();
    for (const name of REQUESTS) assert.ok(total(second, name) > 1.9 * total(first, name), name);
    first = second;
  });

  test('over a reload, with a block more and one less', async () => {
    const more = `new.example.org:{PORT} {\n bind 127.0.0.1 ::1\n cache\n prometheus 127.0.0.1:{METRICS}\n whoami\n}`;
    for (const [round, text] of [corefile(more), corefile()].entries()) {
      // Just before, so that it is not yet collected.
      await Promise.all(servers.map(ask));
      for (const server of servers) {
        server.writeCorefile(text);
        server.kill('SIGUSR1');
      }
      const isReloaded = (server: Nodens) => server.stdout().split('Reloading complete').length > round + 1;
      await eventually('the reloads', () => servers.every(isReloaded));
      const reloaded = await assertEqual();
      for (const name of REQUESTS) assert.ok(total(reloaded, name) > total(first, name), name);
      first = reloaded;
    }
    await Promise.all(servers.map(ask));
    await assertEqual();
  });
});
