/** Real answers: nodens before unbound (which validates) and before BIND, asked with dig, twice each: miss and hit. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AUTHORITY_PROGRAMS, type Authority, startAuthority } from './peers/authority.ts';
import { dig } from './peers/dig.ts';
import type { Peer } from './peers/server.ts';
import { startUnbound } from './peers/unbound.ts';
import type { Server } from './support/client.ts';
import { type Nodens, startNodens } from './support/nodens.ts';
import { missing } from './support/programs.ts';

const skip = missing(...AUTHORITY_PROGRAMS, 'unbound', 'dig');

describe('answers of real servers', { skip }, () => {
  let authority: Authority;
  let unbound: Peer;
  let nodens: Nodens;
  let throughUnbound: Server;
  let throughBind: Server;

  before(async () => {
    authority = await startAuthority();
    unbound = await startUnbound({ authority });
    nodens = await startNodens({
      corefile: `
.:{PORT} {
    bind 127.0.0.1
    errors
    cache
    forward . ${unbound.endpoint}
}
.:{PORT2} {
    bind 127.0.0.1
    errors
    cache
    forward . ${authority.endpoint}
}
`,
    });
    throughUnbound = nodens;
    throughBind = { address: nodens.address, port: nodens.ports.PORT2 };
  });
  after(async () => {
    await nodens?.stop();
    await unbound?.stop();
    await authority?.stop();
  });

  const cases = [
    { args: ['www.example.org', 'A'], status: 'NOERROR', answer: ['www.example.org. IN A 192.0.2.80'] },
    { args: ['www.example.org', 'AAAA'], status: 'NOERROR', answer: ['www.example.org. IN AAAA 2001:db8::80'] },
    {
      args: ['alias.example.org', 'A'],
      status: 'NOERROR',
      answer: [
        'alias.example.org. IN CNAME alias2.example.org.',
        'alias2.example.org. IN CNAME alias3.example.org.',
        'alias3.example.org. IN CNAME www.example.org.',
        'www.example.org. IN A 192.0.2.80',
      ],
    },
    { args: ['alias.example.org', 'MX'], status: 'NOERROR', answer: 3 },
    {
      args: ['any.thing.wild.example.org', 'A'],
      status: 'NOERROR',
      answer: ['any.thing.wild.example.org. IN A 192.0.2.123'],
    },
    {
      args: ['srv.example.org', 'SRV'],
      status: 'NOERROR',
      answer: ['srv.example.org. IN SRV 10 60 8443 www.example.org.'],
    },
    { args: ['example.org', 'MX'], status: 'NOERROR', answer: 2 },
    { args: ['example.org', 'SOA'], status: 'NOERROR', answer: 1 },
    { args: ['example.org', 'CAA'], status: 'NOERROR', answer: ['example.org. IN CAA 0 issue "ca.example.org"'] },
    {
      args: ['svcb.example.org', 'HTTPS'],
      status: 'NOERROR',
      answer: ['svcb.example.org. IN HTTPS 1 . alpn="h2,h3" ipv4hint=192.0.2.80'],
    },
    {
      args: ['opaque.example.org', 'TYPE65280'],
      status: 'NOERROR',
      answer: ['opaque.example.org. IN TYPE65280 \\# 4 0A0B0C0D'],
    },
    {
      args: ['dotted\\.label.example.org', 'A'],
      status: 'NOERROR',
      answer: ['dotted\\.label.example.org. IN A 192.0.2.46'],
    },
    { args: ['nowhere.example.org', 'A'], status: 'NXDOMAIN', answer: [] },
    { args: ['www.example.org', 'MX'], status: 'NOERROR', answer: [] },
    { args: ['many.example.org', 'A'], status: 'NOERROR', answer: 60 },
    { args: ['medium.example.org', 'TXT'], status: 'NOERROR', answer: 8 },
    { args: ['big.example.org', 'TXT'], status: 'NOERROR', answer: 32 },
    { args: ['big.example.org', 'TXT', '+tcp'], status: 'NOERROR', answer: 32 },
    {
      args: ['web.default.svc.cluster.local', 'A'],
      status: 'NOERROR',
      answer: ['web.default.svc.cluster.local. IN A 10.96.0.80'],
    },
    { args: ['db.default.svc.cluster.local', 'A'], status: 'NOERROR', answer: 3 },
    { args: ['_sql._tcp.db.default.svc.cluster.local', 'SRV'], status: 'NOERROR', answer: 3 },
    {
      args: ['-x', '10.96.0.10'],
      status: 'NOERROR',
      answer: ['10.0.96.10.in-addr.arpa. IN PTR kube-dns.kube-system.svc.cluster.local.'],
    },
    { args: ['-x', '10.99.99.99'], status: 'NXDOMAIN', answer: [] },
  ];
  for (const { args, status, answer } of cases) {
    for (const [name, server] of [
      ['unbound', () => throughUnbound],
      ['BIND', () => throughBind],
    ] as const) {
      test(`${args.join(' ')} through ${name}`, async () => {
        for (const pass of ['miss', 'hit']) {
          const response = await dig(server(), args);
          assert.equal(response.status, status, pass);
          if (typeof answer === 'number') assert.equal(new Set(response.answer).size, answer, pass);
          else assert.deepEqual(response.answer.map(withoutTtl), answer, pass);
        }
      });
    }
  }

  /** A record of dig without its TTL. */
  function withoutTtl(record: string): string {
    return record.replace(/ \d+ IN /, ' IN ');
  }

  test('one TTL for a chain, the lowest, on miss and hit', async () => {
    const { answer } = await dig(throughUnbound, ['outside.example.org', 'A']);
    assert.deepEqual(
      answer.map((record) => record.split(' ')[1]),
      ['5', '5'],
    );
    assert.equal(answer[1].endsWith('10.96.0.80'), true);
  });

  test('a negative answer carries the SOA, with the negative TTL', async () => {
    for (const args of [
      ['gone.example.org', 'A'],
      ['www.example.org', 'SRV'],
    ]) {
      const { authority: section } = await dig(throughBind, args);
      assert.match(section[0], /^example\.org\. 60 IN SOA /);
    }
    const { authority: cluster } = await dig(throughBind, ['gone.default.svc.cluster.local', 'A']);
    assert.match(cluster[0], /^cluster\.local\. 5 IN SOA /);
  });

  test('a referral passes', async () => {
    const response = await dig(throughBind, ['host.child.example.org', 'A', '+norecurse']);
    assert.deepEqual(response.authority.map(withoutTtl), ['child.example.org. IN NS ns.child.example.org.']);
    assert.deepEqual(response.additional.map(withoutTtl), ['ns.child.example.org. IN A 192.0.2.153']);
  });

  test('a second query does not reach the upstream', async () => {
    for (let i = 0; i < 3; i++) await dig(throughUnbound, ['once.wild.example.org', 'A']);
    assert.equal(unbound.queries('once.wild.example.org', 'A'), 1);
  });

  test('a large RRset over UDP is truncated, then whole over TCP, then cached for both', async () => {
    for (const [size, truncated] of [
      ['512', true],
      ['4096', true],
      ['8192', false],
    ] as const) {
      const { flags, text } = await dig(throughUnbound, ['big.example.org', 'TXT', '+ignore', `+bufsize=${size}`]);
      assert.equal(flags.includes('tc'), truncated, size);
      assert.ok(Number(/MSG SIZE\s+rcvd: (\d+)/.exec(text)?.[1]) <= Number(size));
    }
  });

  test('the spelling of the question is kept', async () => {
    for (let i = 0; i < 2; i++) {
      const response = await dig(throughUnbound, ['wWw.ExAmPlE.oRg', 'A']);
      assert.equal(response.question, 'wWw.ExAmPlE.oRg. IN A');
    }
  });

  describe('DNSSEC', () => {
    test('DO brings signatures, and AD says that they were checked', async () => {
      for (let i = 0; i < 2; i++) {
        const response = await dig(throughUnbound, ['www.signed.example', 'A', '+dnssec']);
        assert.deepEqual(
          response.answer.map((record) => record.split(' ')[3]),
          ['A', 'RRSIG'],
        );
        assert.equal(response.flags.includes('ad'), true);
        assert.match(response.edns ?? '', /flags: do/);
      }
    });

    test('without DO there are no signatures, and AD comes for those who ask with it', async () => {
      for (let i = 0; i < 2; i++) {
        const asked = await dig(throughUnbound, ['alias.signed.example', 'A', '+adflag']);
        assert.deepEqual([asked.answer.length, asked.flags.includes('ad')], [2, true]);
        const plain = await dig(throughUnbound, ['alias.signed.example', 'A', '+noadflag']);
        assert.deepEqual([plain.answer.length, plain.flags.includes('ad')], [2, false]);
      }
    });

    test('a denial brings its proof', async () => {
      for (let i = 0; i < 2; i++) {
        const response = await dig(throughUnbound, ['nowhere.signed.example', 'A', '+dnssec']);
        assert.equal(response.status, 'NXDOMAIN');
        const types = new Set(response.authority.map((record) => record.split(' ')[3]));
        assert.deepEqual([...types].sort(), ['NSEC', 'RRSIG', 'SOA']);
      }
    });

    test('what fails validation is SERVFAIL, and with CD comes nevertheless, both at the same time', async () => {
      for (let i = 0; i < 2; i++) {
        assert.equal((await dig(throughUnbound, ['www.expired.example', 'A'])).status, 'SERVFAIL');
        const unchecked = await dig(throughUnbound, ['www.expired.example', 'A', '+cd']);
        assert.deepEqual([unchecked.status, unchecked.answer.length], ['NOERROR', 1]);
      }
    });

    test('an answer whose signatures are over is not cached', async () => {
      const before = unbound.queries('www.expired.example', 'A');
      for (let i = 0; i < 2; i++) await dig(throughUnbound, ['www.expired.example', 'A', '+cd', '+dnssec']);
      assert.equal(unbound.queries('www.expired.example', 'A') - before, 2);
    });
  });
});
