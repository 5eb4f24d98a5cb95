/** The directive `cache` as clients and upstreams see it: what is asked again, with which bits and TTLs it comes back. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answer, hold, inTurn, reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askTcp, askUdp, type Server, UdpClient } from './support/client.ts';
import { FLAGS, type QueryParts, readResponse } from './support/message.ts';
import { type Nodens, startNodens } from './support/nodens.ts';
import { eventually } from './support/wait.ts';

const SOA = 'example.org 60 SOA ns1.example.org hostmaster.example.org 1 60';
const DO = { flags: 0x8000 };

let upstream: ScriptedUpstream;
let nodens: Nodens;
/** `cache` alone. */
let plain: Server;
/** Options that the tests below name. */
let tuned: Server;
let kept: Server;

before(async () => {
  upstream = await ScriptedUpstream.start();
  nodens = await startNodens({
    corefile: `
.:{PORT} {
    bind 127.0.0.1
    cache
    forward . ${upstream.endpoint}
}
.:{PORT2} {
    bind 127.0.0.1
    cache 40 example.org {
        denial 1000 20 10
        servfail 0
        disable success uncached.example.org
        disable denial undenied.example.org
    }
    forward . ${upstream.endpoint}
}
.:{PORT3} {
    bind 127.0.0.1
    cache {
        keepttl
    }
    forward . ${upstream.endpoint}
}
`,
  });
  const { PORT2, PORT3 } = nodens.ports;
  [plain, tuned, kept] = [nodens, { address: '127.0.0.1', port: PORT2 }, { address: '127.0.0.1', port: PORT3 }];
});
after(async () => {
  await nodens?.stop();
  await upstream?.stop();
});

describe('what is kept', () => {
  const www = (qname: string, ttl = 60) => answer(`${qname} ${ttl} A 192.0.2.1`);
  const cases = [
    { name: 'an answer', behaviour: www('a.example.org'), qname: 'a.example.org', queries: 1 },
    {
      name: 'an answer of TTL 0, for the minimum of 5 s',
      behaviour: www('zero.example.org', 0),
      qname: 'zero.example.org',
      queries: 1,
    },
    {
      name: 'a chain of aliases',
      behaviour: answer('alias.example.org 60 CNAME b.example.org', 'b.example.org 30 A 192.0.2.1'),
      qname: 'alias.example.org',
      queries: 1,
    },
    { name: 'NODATA with SOA', behaviour: reply({ authorities: [SOA] }), qname: 'nodata.example.org', queries: 1 },
    {
      name: 'NXDOMAIN with SOA',
      behaviour: reply({ rcode: 'NXDOMAIN', authorities: [SOA] }),
      qname: 'nx.example.org',
      queries: 1,
    },
    {
      name: 'NXDOMAIN without SOA: not',
      behaviour: reply({ rcode: 'NXDOMAIN' }),
      qname: 'nosoa.example.org',
      queries: 2,
    },
    { name: 'SERVFAIL', behaviour: reply({ rcode: 'SERVFAIL' }), qname: 'servfail.example.org', queries: 1 },
    { name: 'NOTIMP', behaviour: reply({ rcode: 'NOTIMP' }), qname: 'notimp.example.org', queries: 1 },
    { name: 'REFUSED: not', behaviour: reply({ rcode: 'REFUSED' }), qname: 'refused.example.org', queries: 2 },
    { name: 'FORMERR: not', behaviour: reply({ rcode: 'FORMERR' }), qname: 'formerr.example.org', queries: 2 },
    {
      name: 'a referral',
      behaviour: reply({ authorities: ['child.example.org 60 NS ns.child.example.org'] }),
      qname: 'child.example.org',
      queries: 1,
    },
    {
      name: 'a truncated answer: not',
      behaviour: reply({ flags: FLAGS.TC, answers: ['tc.example.org 60 A 192.0.2.1'] }),
      qname: 'tc.example.org',
      queries: 2,
    },
  ];
  for (const { name, behaviour, qname, queries } of cases) {
    test(name, async () => {
      upstream.on(qname, 'A', behaviour);
      const first = await askUdp(plain, { qname });
      const second = await askUdp(plain, { qname: qname.toUpperCase() });
      assert.equal(upstream.queries(qname), queries);
      assert.equal(second.rcode, first.rcode);
      assert.deepEqual(withoutTtls(second.answers), withoutTtls(first.answers));
      assert.equal(second.question, `${qname.toUpperCase()} A IN`);
    });
  }

  test('AXFR: not', async () => {
    upstream.on('axfr.example.org', undefined, reply({ answers: [SOA] }));
    for (let i = 0; i < 2; i++) await askTcp(plain, { qname: 'axfr.example.org', qtype: 'AXFR' });
    assert.equal(upstream.queries('axfr.example.org'), 2);
  });

  test('types, DO and CD are apart; RD and AD are not', async () => {
    const qname = 'apart.example.org';
    upstream.on(qname, undefined, www(qname));
    const queries: [QueryParts, number][] = [
      [{ qname }, 1],
      [{ qname, flags: 0 }, 1],
      [{ qname, flags: FLAGS.RD | FLAGS.AD }, 1],
      [{ qname, edns: {} }, 1],
      [{ qname, qtype: 'AAAA' }, 2],
      [{ qname, edns: DO }, 3],
      [{ qname, flags: FLAGS.RD | FLAGS.CD }, 4],
      [{ qname, flags: FLAGS.RD | FLAGS.CD, edns: DO }, 5],
      [{ qname, flags: FLAGS.CD, edns: DO }, 5],
    ];
    for (const [query, count] of queries) {
      await askUdp(plain, query);
      assert.equal(upstream.queries(qname), count, JSON.stringify(query));
    }
  });

  test('classes other than IN are not kept', async () => {
    const qname = 'chaos.example.org';
    upstream.on(qname, undefined, www(qname));
    await askUdp(plain, { qname });
    for (let i = 0; i < 2; i++) await askUdp(plain, { qname, qclass: 3 });
    assert.equal(upstream.queries(qname), 3);
  });

  test('UDP and TCP share what is kept', async () => {
    upstream.on('shared.example.org', 'A', www('shared.example.org'));
    await askTcp(plain, { qname: 'shared.example.org' });
    const hit = await askUdp(plain, { qname: 'shared.example.org' });
    assert.deepEqual([hit.answers.length, upstream.queries('shared.example.org')], [1, 1]);
  });
});

function withoutTtls(records: readonly string[]): string[] {
  return records.map((record) => record.replace(/ \d+ /, ' '));
}

describe('header bits', () => {
  const cases = [
    { name: 'plain', up: FLAGS.RA, query: {}, miss: FLAGS.RA, hit: FLAGS.AA | FLAGS.RA },
    { name: 'AA of the upstream', up: FLAGS.AA, query: {}, miss: FLAGS.AA, hit: FLAGS.AA },
    { name: 'AD is cleared', up: FLAGS.RA | FLAGS.AD, query: {}, miss: FLAGS.RA, hit: FLAGS.AA | FLAGS.RA },
    {
      name: 'AD for those who ask with AD',
      up: FLAGS.RA | FLAGS.AD,
      query: { flags: FLAGS.RD | FLAGS.AD },
      miss: FLAGS.RA | FLAGS.AD,
      hit: FLAGS.AA | FLAGS.RA | FLAGS.AD,
    },
    {
      name: 'AD for those who ask with DO',
      up: FLAGS.RA | FLAGS.AD,
      query: { edns: DO },
      miss: FLAGS.RA | FLAGS.AD,
      hit: FLAGS.AA | FLAGS.RA | FLAGS.AD,
    },
    {
      name: 'CD of the query',
      up: FLAGS.CD,
      query: { flags: FLAGS.RD | FLAGS.CD },
      miss: FLAGS.CD,
      hit: FLAGS.AA | FLAGS.CD,
    },
  ];
  for (const [index, { name, up, query, miss, hit }] of cases.entries()) {
    test(name, async () => {
      const qname = `bits-${index}.example.org`;
      upstream.on(qname, 'A', reply({ flags: up, answers: [`${qname} 60 A 192.0.2.1`] }));
      const always = FLAGS.QR | FLAGS.RD;
      assert.equal((await askUdp(plain, { qname, ...query })).flags, always | miss);
      assert.equal((await askUdp(plain, { qname, ...query })).flags, always | hit);
      assert.equal(upstream.queries(qname), 1);
    });
  }

  test('RD of a hit is that of the query', async () => {
    upstream.on('rd.example.org', 'A', answer('rd.example.org 60 A 192.0.2.1'));
    await askUdp(plain, { qname: 'rd.example.org' });
    assert.equal((await askUdp(plain, { qname: 'rd.example.org', flags: 0 })).rd, false);
  });

  test('the OPT of a hit is made for the query', async () => {
    const edns = { udpPayloadBytes: 4000, options: [{ code: 15, data: Buffer.from([0, 3]) }] };
    upstream.on('opt.example.org', 'A', reply({ answers: ['opt.example.org 60 A 192.0.2.1'], edns }));
    for (let i = 0; i < 2; i++) {
      assert.equal((await askUdp(plain, { qname: 'opt.example.org' })).opt, undefined);
      const { opt } = await askUdp(plain, { qname: 'opt.example.org', edns: { udpPayloadBytes: 1400 } });
      assert.deepEqual(opt, { udpPayloadBytes: 1400, version: 0, flags: 0, dnssecOk: false, options: [] });
    }
  });
});

describe('TTLs', () => {
  const cases = [
    {
      name: 'the lowest of all records counts for all',
      server: () => plain,
      parts: {
        answers: ['{QNAME} 300 A 192.0.2.1'],
        authorities: ['example.org 90 NS ns.example.org'],
        additionals: ['ns.example.org 200 A 192.0.2.2'],
      },
      want: [90, 90, 90],
    },
    { name: 'at least 5 s', server: () => plain, parts: { answers: ['{QNAME} 1 A 192.0.2.1'] }, want: [5] },
    {
      name: 'at most an hour',
      server: () => plain,
      parts: { answers: ['{QNAME} 86400 A 192.0.2.1'] },
      want: [3600],
    },
    {
      name: 'at most what the directive says',
      server: () => tuned,
      parts: { answers: ['{QNAME} 300 A 192.0.2.1'] },
      want: [40],
    },
    {
      name: 'NXDOMAIN: the lower of TTL and MINIMUM of the SOA (RFC 2308)',
      server: () => plain,
      parts: { rcode: 'NXDOMAIN', authorities: ['example.org 300 SOA ns.example.org root.example.org 1 17'] },
      want: [17],
    },
    {
      name: 'NXDOMAIN: half an hour at most',
      server: () => plain,
      parts: { rcode: 'NXDOMAIN', authorities: ['example.org 86400 SOA ns.example.org root.example.org 1 86400'] },
      want: [1800],
    },
    {
      name: 'NODATA: the limit of denials',
      server: () => tuned,
      parts: { authorities: ['example.org 300 SOA ns.example.org root.example.org 1 300'] },
      want: [20],
    },
    {
      name: 'NODATA: the minimum of denials',
      server: () => tuned,
      parts: { authorities: ['example.org 3 SOA ns.example.org root.example.org 1 300'] },
      want: [10],
    },
  ];
  for (const [index, { name, server, parts, want }] of cases.entries()) {
    test(name, async () => {
      const qname = `ttl-${index}.example.org`;
      const answers = parts.answers?.map((record) => record.replace('{QNAME}', qname)) ?? [];
      upstream.on(qname, 'A', reply({ ...parts, answers }));
      const first = await askUdp(server(), { qname });
      assert.deepEqual(first.ttls, want);
      const [hit] = (await askUdp(server(), { qname })).ttls;
      assert.ok(hit <= want[0] && hit > want[0] - 5, `${hit} after ${want[0]}`);
      assert.equal(upstream.queries(qname), 1);
    });
  }

  test('go down while an answer is kept, but not with keepttl', async () => {
    const qname = 'ageing.example.org';
    upstream.on(qname, 'A', answer(`${qname} 100 CNAME b.example.org`, 'b.example.org 50 A 192.0.2.1'));
    await askUdp(kept, { qname });
    assert.deepEqual((await askUdp(plain, { qname })).ttls, [50, 50]);
    await eventually('the TTLs to go down', async () => {
      const { ttls } = await askUdp(plain, { qname });
      assert.equal(ttls[0], ttls[1]);
      return ttls[0] <= 49;
    });
    assert.deepEqual((await askUdp(kept, { qname })).ttls, [50, 50]);
    assert.equal(upstream.queries(qname), 2);
  });

  test('of records that may not be kept are limited as well', async () => {
    upstream.on(
      'refused2.example.org',
      'A',
      reply({ rcode: 'REFUSED', authorities: ['example.org 86400 NS ns.example.org'] }),
    );
    assert.deepEqual((await askUdp(plain, { qname: 'refused2.example.org' })).ttls, [5]);
  });
});

describe('options', () => {
  test('zones: names outside are not kept', async () => {
    upstream.on('www.example.com', 'A', answer('www.example.com 300 A 192.0.2.1'));
    for (let i = 0; i < 2; i++) assert.deepEqual((await askUdp(tuned, { qname: 'www.example.com' })).ttls, [300]);
    assert.equal(upstream.queries('www.example.com'), 2);
  });

  test('servfail 0: SERVFAIL is not kept', async () => {
    upstream.on('failing.example.org', 'A', reply({ rcode: 'SERVFAIL' }));
    for (let i = 0; i < 2; i++) assert.equal((await askUdp(tuned, { qname: 'failing.example.org' })).rcode, 'SERVFAIL');
    assert.equal(upstream.queries('failing.example.org'), 2);
  });

  test('disable: by kind and zone', async () => {
    const denial = reply({ rcode: 'NXDOMAIN', authorities: [SOA] });
    upstream.on('a.uncached.example.org', 'A', answer('a.uncached.example.org 60 A 192.0.2.1'));
    upstream.on('nx.uncached.example.org', 'A', denial).on('nx.undenied.example.org', 'A', denial);
    for (let i = 0; i < 2; i++) {
      for (const name of ['a.uncached', 'nx.uncached', 'nx.undenied'])
        await askUdp(tuned, { qname: `${name}.example.org` });
    }
    assert.equal(upstream.queries('a.uncached.example.org'), 2);
    assert.equal(upstream.queries('nx.uncached.example.org'), 1);
    assert.equal(upstream.queries('nx.undenied.example.org'), 2);
  });

  test('each block keeps its own', async () => {
    upstream.on('own.example.org', 'A', answer('own.example.org 60 A 192.0.2.1'));
    for (const server of [plain, tuned, plain, tuned]) await askUdp(server, { qname: 'own.example.org' });
    assert.equal(upstream.queries('own.example.org'), 2);
  });
});

describe('equal questions at the same time', () => {
  test('make one query, and every client gets its own id and spelling', async () => {
    const slow = hold(answer('wanted.example.org 60 A 192.0.2.1'));
    upstream.on('wanted.example.org', 'A', slow.behaviour);
    const clients = await Promise.all(Array.from({ length: 30 }, () => UdpClient.open(plain)));
    for (const [index, client] of clients.entries()) {
      const spelling = index % 2 === 0 ? 'wanted.example.org' : 'WANTED.example.ORG';
      client.send({ qname: spelling, id: 1000 + index });
    }
    await eventually('the first to arrive', () => slow.held === 1);
    // A query of another name, answered behind them all, says that all have been read.
    await clients[0].ask({ qname: 'behind.example.org' });
    slow.release();
    const responses = await Promise.all(clients.map(async (client) => readResponse(await client.receive())));
    for (const [index, response] of responses.entries()) {
      assert.equal(response.id, 1000 + index);
      assert.equal(response.question?.startsWith(index % 2 === 0 ? 'wanted' : 'WANTED'), true);
      assert.equal(response.answers.length, 1);
    }
    for (const client of clients) client.close();
    assert.equal(upstream.queries('wanted.example.org'), 1);
  });

  test('share a failure as well', async () => {
    const slow = hold(reply({ rcode: 'REFUSED' }));
    upstream.on('failed.example.org', 'A', inTurn(slow.behaviour, answer('failed.example.org 60 A 192.0.2.1')));
    const asked = Array.from({ length: 10 }, (_, id) => askUdp(plain, { qname: 'failed.example.org', id }));
    await eventually('the first to arrive', () => slow.held === 1);
    await askUdp(plain, { qname: 'behind2.example.org' });
    slow.release();
    const rcodes = (await Promise.all(asked)).map(({ rcode }) => rcode);
    assert.deepEqual([...new Set(rcodes)], ['REFUSED']);
    assert.equal(upstream.queries('failed.example.org'), 1);
  });

  test('that differ in DO are two', async () => {
    const slow = hold(answer('two.example.org 60 A 192.0.2.1'));
    upstream.on('two.example.org', 'A', slow.behaviour);
    const asked = [{}, { edns: DO }].map((more) => askUdp(plain, { qname: 'two.example.org', ...more }));
    await eventually('both to arrive', () => slow.held === 2);
    slow.release();
    assert.deepEqual(
      (await Promise.all(asked)).map(({ opt }) => opt?.dnssecOk),
      [undefined, true],
    );
  });
});
