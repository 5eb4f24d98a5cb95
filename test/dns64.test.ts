/** The directive `dns64` as clients see it: IPv6 addresses of names that have none, also from the cache. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answer, reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askTcp, askUdp, type Server } from './support/client.ts';
import { FLAGS } from './support/message.ts';
import { scrape } from './support/metrics.ts';
import { type Nodens, startNodens } from './support/nodens.ts';

const SOA = 'example.org 50 SOA ns.example.org host.example.org 1 50';
const nodata = reply({ authorities: [SOA] });
const four = 'four.example.org';

let upstream: ScriptedUpstream;
let nodens: Nodens;
let over6: Server;
let all: Server;

before(async () => {
  upstream = await ScriptedUpstream.start();
  upstream
    .on(four, 'A', answer(`${four} 300 A 192.0.2.1`, `${four} 300 A 192.0.2.2`))
    .on(four, 'AAAA', nodata)
    .on('both.example.org', 'A', answer('both.example.org 300 A 192.0.2.1'))
    .on('both.example.org', 'AAAA', answer('both.example.org 300 AAAA 2001:db8::1'))
    .on('alias.example.org', 'AAAA', reply({ answers: [`alias.example.org 300 CNAME ${four}`], authorities: [SOA] }))
    .on('alias.example.org', 'A', answer(`alias.example.org 300 CNAME ${four}`, `${four} 300 A 192.0.2.1`))
    .on('bare.example.org', 'AAAA', reply({ rcode: 'NXDOMAIN' }))
    .on('bare.example.org', 'A', answer('bare.example.org 300 A 192.0.2.1'))
    .on('broken.example.org', 'AAAA', nodata)
    .on('broken.example.org', 'A', reply({ rcode: 'SERVFAIL' }));
  nodens = await startNodens({
    corefile: `
.:{PORT} {
    bind 127.0.0.1 ::1
    prometheus 127.0.0.1:{METRICS}
    loadbalance
    dns64
    cache 30
    forward . ${upstream.endpoint}
}
.:{PORT2} {
    bind 127.0.0.1
    dns64 {
        prefix 2001:db8:64::/40
        translate_all
        allow_ipv4
    }
    forward . ${upstream.endpoint}
}
`,
  });
  over6 = { address: '::1', port: nodens.port };
  all = { address: nodens.address, port: nodens.ports.PORT2 };
});
after(async () => {
  await nodens?.stop();
  await upstream?.stop();
});

const translations = async () => {
  const { value } = await scrape(nodens.ports.METRICS);
  return value('coredns_dns64_requests_translated_total', { server: `dns://[::1]:${nodens.port}` }) ?? 0;
};

for (const ask of [askUdp, askTcp]) {
  test(`AAAA of a name with IPv4 addresses alone, and again (${ask.name})`, async () => {
    const before = await translations();
    for (let i = 0; i < 3; i++) {
      const response = await ask(over6, { qname: 'FOUR.example.org', qtype: 'AAAA', edns: {} });
      assert.equal(response.question, 'FOUR.example.org AAAA IN');
      assert.deepEqual([response.rcode, response.flags, response.opt?.options], ['NOERROR', FLAGS.QR | FLAGS.RD, []]);
      // The cache keeps the A records for 30 s, less what has passed.
      const records = response.answers.map((text) => text.replace(/ \d+ /, ' TTL '));
      assert.deepEqual(records.sort(), [`${four} TTL AAAA 64:ff9b::c000:201`, `${four} TTL AAAA 64:ff9b::c000:202`]);
      assert.ok(response.ttls.every((ttl) => ttl > 0 && ttl <= 30));
    }
    assert.equal((await translations()) - before, 3);
    assert.deepEqual([upstream.queries(four, 'AAAA'), upstream.queries(four, 'A')], [1, 1], 'the cache has both');
  });
}

const cases = [
  { name: 'a name with an IPv6 address', qname: 'both.example.org', want: ['both.example.org 30 AAAA 2001:db8::1'] },
  {
    name: 'an alias',
    qname: 'alias.example.org',
    want: [`alias.example.org 30 CNAME ${four}`, `${four} 30 AAAA 64:ff9b::c000:201`],
  },
  { name: 'no such name', qname: 'nowhere.example.org', rcode: 'NXDOMAIN', want: [] },
  { name: 'no such name, says an answer without SOA', qname: 'bare.example.org', rcode: 'NXDOMAIN', want: [] },
  { name: 'the query for A records fails', qname: 'broken.example.org', rcode: 'SERVFAIL', want: [] },
];
for (const { name, qname, rcode = 'NOERROR', want } of cases) {
  test(name, async () => {
    const response = await askUdp(over6, { qname, qtype: 'AAAA' });
    assert.deepEqual([response.rcode, response.answers], [rcode, want]);
  });
}

test('a client over IPv4 gets what there is', async () => {
  const response = await askUdp(nodens, { qname: four, qtype: 'AAAA' });
  assert.deepEqual([response.rcode, response.answers], ['NOERROR', []]);
});

test('a client over IPv4 with allow_ipv4, another prefix, and all names translated', async () => {
  const response = await askUdp(all, { qname: 'both.example.org', qtype: 'AAAA' });
  assert.deepEqual(response.answers, ['both.example.org 300 AAAA 2001:db8:c0:2:1::']);
});

test('A records stay what they are', async () => {
  const response = await askUdp(over6, { qname: 'both.example.org' });
  assert.deepEqual(response.answers, ['both.example.org 30 A 192.0.2.1']);
});
