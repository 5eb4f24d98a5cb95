/** The directive `acl` as clients see it, of both families, before a cache that has the answer already. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answer } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askTcp, askUdp, UdpClient } from './support/client.ts';
import type { QueryParts } from './support/message.ts';
import { scrape } from './support/metrics.ts';
import { type Nodens, startNodens } from './support/nodens.ts';

const EDE = 15; // RFC 8914
let upstream: ScriptedUpstream;
let nodens: Nodens;

before(async () => {
  upstream = await ScriptedUpstream.start();
  upstream.otherwise((exchange) => answer(`${exchange.query.qname} 300 A 192.0.2.1`)(exchange));
  nodens = await startNodens({
    corefile: `
.:{PORT} {
    bind 127.0.0.1 ::1
    prometheus 127.0.0.1:{METRICS}
    acl v4.example.org {
        allow net 127.0.0.0/8
        block
    }
    acl v6.example.org {
        filter net 127.0.0.1
    }
    acl {
        drop type TXT net ::1
        block type MX
    }
    cache
    forward . ${upstream.endpoint}
}
`,
  });
});
after(async () => {
  await nodens?.stop();
  await upstream?.stop();
});

type Case = { query: QueryParts; from: 4 | 6; rcode: string; count: number; ede?: number };
const cases: Case[] = [
  { query: { qname: 'v4.example.org' }, from: 4, rcode: 'NOERROR', count: 1 },
  { query: { qname: 'v4.example.org' }, from: 6, rcode: 'REFUSED', count: 0 },
  { query: { qname: 'a.V4.example.org', edns: {} }, from: 6, rcode: 'REFUSED', count: 0, ede: 15 },
  { query: { qname: 'v6.example.org' }, from: 6, rcode: 'NOERROR', count: 1 },
  { query: { qname: 'v6.example.org', edns: {} }, from: 4, rcode: 'NOERROR', count: 0, ede: 17 },
  { query: { qname: 'other.example.org', qtype: 'MX' }, from: 4, rcode: 'REFUSED', count: 0 },
  { query: { qname: 'other.example.org' }, from: 6, rcode: 'NOERROR', count: 1 },
];
for (const { query, from, rcode, count, ede } of cases) {
  test(`${JSON.stringify(query)} over IPv${from}: ${rcode}, records: ${count}`, async () => {
    const server = { address: from === 4 ? '127.0.0.1' : '::1', port: nodens.port };
    // Again and again: what the cache has by then is for those who may have it.
    for (const ask of [askUdp, askUdp, askTcp]) {
      const response = await ask(server, query);
      assert.deepEqual([response.rcode, response.answers.length], [rcode, count]);
      const codes = response.opt?.options.filter(({ code }) => code === EDE).map(({ data }) => data.readUInt16BE());
      assert.deepEqual(codes, query.edns && (ede === undefined ? [] : [ede]));
    }
  });
}

test('dropped: the next query is answered, this one is not', async () => {
  const client = await UdpClient.open({ address: '::1', port: nodens.port });
  client.send({ qname: 'other.example.org', qtype: 'TXT', id: 1 });
  client.send({ qname: 'other.example.org', qtype: 'MX', id: 2 });
  assert.equal((await client.receive()).readUInt16BE(), 2);
  client.close();
  const { value } = await scrape(nodens.ports.METRICS);
  assert.equal(value('coredns_acl_dropped_requests_total', { zone: '.' }), 1);
  assert.equal(value('coredns_acl_blocked_requests_total', { zone: 'v4.example.org.' }), 6);
  assert.equal(value('coredns_acl_filtered_requests_total', { zone: 'v6.example.org.' }), 3);
  assert.equal(value('coredns_acl_allowed_requests_total'), 9);
});
