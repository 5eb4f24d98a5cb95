/** The directive `hosts` as clients see it: entries of file and Corefile, changes of the file, what others answer. */
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { answer } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { makeTemporaryDirectory } from './support/child.ts';
import { askTcp, askUdp, type Server } from './support/client.ts';
import { scrape } from './support/metrics.ts';
import { launchNodens, type Nodens, startNodens } from './support/nodens.ts';
import { eventually } from './support/wait.ts';

const path = join(makeTemporaryDirectory('hosts'), 'hosts');
const BLOCKED = Array.from({ length: 20_000 }, (_, i) => `0.0.0.0 ads${i}.example.net\n`).join('');
let upstream: ScriptedUpstream;
let nodens: Nodens;
let alone: Server;

before(async () => {
  upstream = await ScriptedUpstream.start();
  upstream.otherwise((exchange) => answer(`${exchange.query.qname} 300 A 198.51.100.1`)(exchange));
  writeHosts('192.0.2.1 www.example.org', '2001:db8::1 www.example.org');
  nodens = await startNodens({
    corefile: `
.:{PORT} {
    bind 127.0.0.1
    prometheus 127.0.0.1:{METRICS}
    log
    cache 1
    hosts ${path} {
        192.0.2.2 www.example.org inline.example.org
        ttl 30
        reload 50ms
        fallthrough
    }
    forward . ${upstream.endpoint}
}
example.org:{PORT2} {
    bind 127.0.0.1
    hosts ${path} example.org {
        reload 0
    }
}
`,
  });
  alone = { address: nodens.address, port: nodens.ports.PORT2 };
});
after(async () => {
  await nodens?.stop();
  await upstream?.stop();
});

/** At once: half a file is never seen. */
function writeHosts(...lines: string[]): void {
  writeFileSync(`${path}.new`, `${BLOCKED}${lines.join('\n')}\n`);
  renameSync(`${path}.new`, path);
}

// With `cache 1` above, TTLs are those of the cache; without, those of hosts.
const cases: { query: Parameters<typeof askUdp>[1]; of?: () => Server; want: string[]; rcode?: string }[] = [
  { query: { qname: 'www.example.org' }, want: ['www.example.org 1 A 192.0.2.1', 'www.example.org 1 A 192.0.2.2'] },
  { query: { qname: 'WWW.Example.org', qtype: 'AAAA' }, want: ['www.example.org 1 AAAA 2001:db8::1'] },
  { query: { qname: 'inline.example.org' }, want: ['inline.example.org 1 A 192.0.2.2'] },
  { query: { qname: 'inline.example.org', qtype: 'MX' }, want: [] },
  { query: { qname: 'ads19999.example.net' }, want: ['ads19999.example.net 1 A 0.0.0.0'] },
  { query: { qname: '1.2.0.192.in-addr.arpa', qtype: 'PTR' }, want: ['1.2.0.192.in-addr.arpa 1 PTR www.example.org'] },
  { query: { qname: 'other.example.org' }, want: ['other.example.org 1 A 198.51.100.1'] },
  { query: { qname: 'www.example.org' }, of: () => alone, want: ['www.example.org 3600 A 192.0.2.1'] },
  { query: { qname: 'other.example.org' }, of: () => alone, want: [], rcode: 'SERVFAIL' },
];
for (const { query, of = () => nodens, want, rcode = 'NOERROR' } of cases) {
  test(`${JSON.stringify(query)}: ${want.length > 0 ? want.join(', ') : rcode}`, async () => {
    for (const ask of [askUdp, askTcp]) {
      const response = await ask(of(), query);
      assert.deepEqual([response.rcode, response.answers], [rcode, want]);
    }
  });
}

test('an address with 20,000 names: as many as there is room for, and TC', async () => {
  const query = { qname: '0.0.0.0.in-addr.arpa', qtype: 'PTR' };
  const cut = await askUdp(nodens, query);
  assert.ok(cut.tc && cut.answers.length > 0 && cut.bytes.length <= 512);
  assert.equal((await askTcp(nodens, query)).answers.length, 128);
});

test('a changed file is seen, and counted', async () => {
  writeHosts('192.0.2.3 www.example.org', '192.0.2.4 new.example.org');
  const answers = async () => (await askUdp(nodens, { qname: 'new.example.org' })).answers;
  await eventually('the new entry', async () => (await answers())[0]?.endsWith('192.0.2.4'));
  // 20,000 names with an address, of which 128 are found by it, and four entries both ways.
  const { value } = await scrape(nodens.ports.METRICS);
  assert.equal(value('coredns_hosts_entries', { hostsfile: path }), 20_000 + 128 + 8);
});

test('a file that may not be read is an error at start', async () => {
  const failing = await launchNodens({
    corefile: `.:{PORT} {\n bind 127.0.0.1\n hosts ${path}/x\n}`,
  });
  assert.equal((await failing.untilExit()).code, 1);
  assert.match(failing.stderr(), /^.*Corefile:3: hosts: unable to access hosts file '.*\/x': not a directory\n$/);
});
