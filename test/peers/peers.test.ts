/** The peers themselves, without nodens between: what the other tests build on. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { askUdp } from '../support/client.ts';
import { missing } from '../support/programs.ts';
import { AUTHORITY_PROGRAMS, type Authority, startAuthority } from './authority.ts';
import { dig } from './dig.ts';
import type { Peer } from './server.ts';
import { startUnbound } from './unbound.ts';

describe('real servers', { skip: missing(...AUTHORITY_PROGRAMS, 'unbound', 'dig') }, () => {
  let authority: Authority;
  let unbound: Peer;

  before(async () => {
    authority = await startAuthority();
    unbound = await startUnbound({ authority });
  });
  after(async () => {
    await unbound?.stop();
    await authority?.stop();
  });

  test('unbound resolves through the authority, and both count the query', async () => {
    const response = await askUdp(unbound, { qname: 'alias.example.org' });
    assert.equal(response.rcode, 'NOERROR');
    assert.equal(response.answers.at(-1), 'www.example.org 300 A 192.0.2.80');
    assert.equal(unbound.queries('alias.example.org', 'A'), 1);
    assert.equal(unbound.queries('alias.example.org', 'AAAA'), 0);
    assert.equal(authority.queries('alias.example.org'), 1);
  });

  test('unbound validates the signed zone and refuses the expired one', async () => {
    const good = await dig(unbound, ['www.signed.example', 'A', '+dnssec']);
    assert.deepEqual([good.status, good.flags.includes('ad')], ['NOERROR', true]);
    assert.match(good.answer[1], /RRSIG A 13/);
    assert.match(good.edns ?? '', /flags: do/);
    const expired = await dig(unbound, ['www.expired.example', 'A']);
    assert.equal(expired.status, 'SERVFAIL');
    const unchecked = await dig(unbound, ['www.expired.example', 'A', '+cd']);
    assert.deepEqual([unchecked.status, unchecked.answer.length], ['NOERROR', 1]);
  });

  const kinds = [
    { name: 'wildcard', args: ['any.wild.example.org', 'A'], status: 'NOERROR', answers: 1, authorities: 2 },
    { name: 'NXDOMAIN', args: ['nowhere.example.org', 'A'], status: 'NXDOMAIN', answers: 0, authorities: 1 },
    { name: 'NODATA', args: ['www.example.org', 'MX'], status: 'NOERROR', answers: 0, authorities: 1 },
    {
      name: 'many addresses',
      args: ['many.example.org', 'A', '+bufsize=4096'],
      status: 'NOERROR',
      answers: 60,
      authorities: 2,
    },
    {
      name: 'large TXT, after truncation over TCP',
      args: ['big.example.org', 'TXT'],
      status: 'NOERROR',
      answers: 32,
      authorities: 2,
    },
    {
      name: 'headless service',
      args: ['db.default.svc.cluster.local', 'A'],
      status: 'NOERROR',
      answers: 3,
      authorities: 1,
    },
    {
      name: 'SRV',
      args: ['_sql._tcp.db.default.svc.cluster.local', 'SRV'],
      status: 'NOERROR',
      answers: 3,
      authorities: 1,
    },
    { name: 'PTR', args: ['-x', '10.96.0.10'], status: 'NOERROR', answers: 1, authorities: 1 },
    { name: 'delegation', args: ['host.child.example.org', 'A'], status: 'NOERROR', answers: 0, authorities: 1 },
  ];
  for (const { name, args, status, answers, authorities } of kinds) {
    test(`authority: ${name}`, async () => {
      const response = await dig(authority, args);
      const { answer, authority: referral } = response;
      assert.deepEqual([response.status, answer.length, referral.length], [status, answers, authorities]);
    });
  }
});
