/** glibc and musl resolve through nodens as they do in a pod: port 53, a search list, A and AAAA at the same time. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { GetaddrinfoOutcome } from './getaddrinfo.scenario.ts';
import { GETADDRINFO_PROGRAMS } from './peers/getaddrinfo.ts';
import { namespaceUnavailable, runInNamespace } from './support/namespace.ts';
import { missing } from './support/programs.ts';

const skip = missing(...GETADDRINFO_PROGRAMS) || namespaceUnavailable();
const wanted = {
  'www.example.org': ['192.0.2.80', '2001:db8::80'],
  www: ['192.0.2.80', '2001:db8::80'],
  'alias.example.org': ['192.0.2.4'],
  'nowhere.example.org': ['EAI_NONAME'],
};

describe('getaddrinfo', { skip }, () => {
  let outcome: GetaddrinfoOutcome;
  before(async () => {
    outcome = await runInNamespace<GetaddrinfoOutcome>(join(import.meta.dirname, 'getaddrinfo.scenario.ts'));
  });

  for (const libc of ['glibc', 'musl'] as const) {
    for (const [name, addresses] of Object.entries(wanted)) {
      test(`${libc}: ${name}, first from the upstream and then from the cache`, () => {
        // Sorted, because the libraries order addresses by reachability.
        assert.deepEqual(outcome.first[libc][name].toSorted(), addresses);
        assert.deepEqual(outcome.again[libc][name].toSorted(), addresses);
      });
    }
  }

  test('glibc: 40 addresses, over TCP after the truncated answer', () => {
    assert.equal(new Set(outcome.again.glibc['many.example.org']).size, 40);
  });

  test('musl: 40 addresses, or before 1.2.4, which has no TCP, what fits in 512 bytes', () => {
    const addresses = outcome.again.musl['many.example.org'];
    assert.ok(addresses.length >= 25, `only ${addresses.length}`);
    assert.ok(addresses.every((address) => address.startsWith('192.0.2.')));
  });

  test('the upstream saw one query for A and one for AAAA, whoever asked', () => {
    assert.equal(outcome.queriesForWww, 2);
  });

  test('nodens ended well', () => {
    assert.equal(outcome.exitCode, 0);
  });
});
