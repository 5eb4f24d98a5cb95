/** Directives that do one thing to a query or its answer, as clients see them: any, cancel, chaos, header, local, minimal, nsid. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answer, hold, reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askTcp, askUdp, type Server } from './support/client.ts';
import { FLAGS, type QueryParts, type Response } from './support/message.ts';
import { scrape } from './support/metrics.ts';
import { type Nodens, startNodens } from './support/nodens.ts';
import { eventually } from './support/wait.ts';

const CH = 3;
const NSID = 3; // RFC 5001
const A = 'www.example.org 300 A 192.0.2.1';
const held = hold(answer('held.example.org 300 A 192.0.2.2'));
let upstream: ScriptedUpstream;
let nodens: Nodens;
let plain: Server;
let impatient: Server;

before(async () => {
  upstream = await ScriptedUpstream.start();
  const more = {
    authorities: ['example.org 300 NS ns.example.org'],
    additionals: ['ns.example.org 300 A 192.0.2.53'],
  };
  upstream
    .on('www.example.org', 'A', reply({ answers: [A], ...more }))
    .on('none.example.org', 'A', reply({ rcode: 'NXDOMAIN', ...more }))
    .on('held.example.org', 'A', held.behaviour)
    .on('rd.example.org', 'A', (exchange) => {
      const rd = (exchange.query.flags & FLAGS.RD) === 0 ? 0 : 1;
      return reply({ answers: [`rd.example.org 300 A 192.0.2.${rd}`], flags: FLAGS.AA })(exchange);
    });
  const forward = `forward . ${upstream.endpoint}`;
  nodens = await startNodens({
    corefile: `
.:{PORT} {
    bind 127.0.0.1
    prometheus 127.0.0.1:{METRICS}
    nsid node-1
    local
    any
    chaos v1 b a
    cache {
        keepttl
    }
    minimal
    ${forward}
}
.:{PORT2} {
    bind 127.0.0.1
    header {
        query clear rd
        response set ra
        clear aa
    }
    ${forward}
}
.:{PORT3} {
    bind 127.0.0.1
    cancel 100ms
    cache
    ${forward}
}
`,
  });
  const at = (port: number): Server => ({ address: nodens.address, port });
  [plain, impatient] = [at(nodens.ports.PORT2), at(nodens.ports.PORT3)];
});
after(async () => {
  await nodens?.stop();
  await upstream?.stop();
});

type Case = { directive: string; query: QueryParts; want: Partial<Response>; of?: () => Server };
const cases: Case[] = [
  {
    directive: 'any',
    query: { qname: 'WWW.example.org', qtype: 'ANY' },
    want: {
      rcode: 'NOERROR',
      aa: false,
      answers: ['WWW.example.org 8482 HINFO {"cpu":"ANY obsoleted","os":"See RFC 8482"}'],
    },
  },
  {
    directive: 'chaos',
    query: { qname: 'version.bind', qtype: 'TXT', qclass: CH },
    want: { rcode: 'NOERROR', answers: ['version.bind 0 TXT v1'] },
  },
  {
    directive: 'chaos',
    query: { qname: 'authors.bind', qtype: 'TXT', qclass: CH },
    want: { answers: ['authors.bind 0 TXT a', 'authors.bind 0 TXT b'] },
  },
  {
    directive: 'local',
    query: { qname: 'a.localhost' },
    want: { rcode: 'NOERROR', answers: ['a.localhost 604800 A 127.0.0.1'] },
  },
  {
    directive: 'local',
    query: { qname: '1.0.0.127.in-addr.arpa', qtype: 'PTR' },
    want: { answers: ['1.0.0.127.in-addr.arpa 604800 PTR localhost'] },
  },
  { directive: 'local', query: { qname: '2.0.0.127.in-addr.arpa' }, want: { rcode: 'NXDOMAIN', answers: [] } },
  {
    directive: 'minimal',
    query: { qname: 'www.example.org' },
    want: { rcode: 'NOERROR', answers: [A], authorities: [], additionals: [] },
  },
  {
    directive: 'minimal',
    query: { qname: 'none.example.org' },
    want: { rcode: 'NXDOMAIN', authorities: ['example.org 300 NS ns.example.org'] },
  },
  {
    directive: 'header',
    query: { qname: 'rd.example.org' },
    want: { answers: ['rd.example.org 300 A 192.0.2.0'], ra: true, aa: false },
    of: () => plain,
  },
];
for (const { directive, query, want, of = () => nodens } of cases) {
  test(`${directive}: ${JSON.stringify(query)}`, async () => {
    // The second and third may come of the cache, and those with EDNS have one OPT.
    for (const [ask, edns] of [[askUdp], [askUdp, {}], [askTcp]] as const) {
      const response: Response = await ask(of(), { ...query, ...(edns && { edns }) });
      const found = Object.fromEntries(Object.keys(want).map((key) => [key, response[key as keyof Response]]));
      assert.deepEqual(found, want);
      assert.equal(response.opt !== undefined, edns !== undefined);
    }
  });
}

test('nsid: who asks is told, whoever has answered, and nobody else', async () => {
  const asking = { options: [{ code: NSID, data: Buffer.alloc(0) }] };
  for (const qname of ['www.example.org', 'WWW.example.org', 'localhost', 'none.example.org']) {
    for (const ask of [askUdp, askTcp]) {
      const { opt } = await ask(nodens, { qname, edns: asking });
      assert.deepEqual(opt?.options, [{ code: NSID, data: Buffer.from('node-1') }]);
      assert.deepEqual((await ask(nodens, { qname, edns: {} })).opt?.options, []);
    }
  }
  const refused = await askUdp(nodens, { qname: 'version.bind', qtype: 'TXT', qclass: CH, edns: asking });
  assert.deepEqual(refused.opt?.options, [{ code: NSID, data: Buffer.from('node-1') }]);
});

test('cancel: a query that takes too long is SERVFAIL, and has its place in flight until its answer is in the cache', async () => {
  const inflight = async () => (await scrape(nodens.ports.METRICS)).value('nodens_inflight_queries');
  assert.equal((await askUdp(impatient, { qname: 'held.example.org' })).rcode, 'SERVFAIL');
  const { value } = await scrape(nodens.ports.METRICS);
  assert.equal(value('nodens_cancelled_queries_total'), 1);
  assert.equal(value('nodens_inflight_queries'), 1);
  held.release();
  await eventually('the answer', async () => (await inflight()) === 0);
  const cached = await askUdp(impatient, { qname: 'held.example.org' });
  assert.deepEqual([cached.rcode, cached.answers.length], ['NOERROR', 1]);
});

test('metrics: names of the host are counted', async () => {
  const { value } = await scrape(nodens.ports.METRICS);
  assert.equal(value('coredns_local_localhost_requests_total'), 3);
});
