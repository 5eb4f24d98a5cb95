import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIpv4, parseIpv6 } from '../../wire/address.ts';
import { parseCidr } from '../../wire/cidr.ts';
import { NetSet } from './net-set.ts';

const bytesOf = (text: string) => parseIpv4(text) ?? parseIpv6(text) ?? assert.fail(text);

function setOf(...texts: string[]): NetSet {
  const set = new NetSet();
  for (const text of texts) set.add(parseCidr(text) ?? assert.fail(text));
  return set;
}

const cases: { nets: string[]; inside: string[]; outside: string[] }[] = [
  { nets: [], inside: [], outside: ['192.0.2.1', '::'] },
  { nets: ['192.0.2.0/24'], inside: ['192.0.2.0', '192.0.2.255'], outside: ['192.0.3.0', '192.0.1.255', 'c000:200::'] },
  { nets: ['192.0.2.130/25'], inside: ['192.0.2.128', '192.0.2.255'], outside: ['192.0.2.127'] },
  { nets: ['0.0.0.0/0'], inside: ['0.0.0.0', '255.255.255.255'], outside: ['::', '::1'] },
  { nets: ['::/0'], inside: ['::', '2001:db8::1'], outside: ['0.0.0.0'] },
  { nets: ['192.0.2.1/32', '192.0.2.3/32'], inside: ['192.0.2.1', '192.0.2.3'], outside: ['192.0.2.2'] },
  { nets: ['2001:db8:8000::/33'], inside: ['2001:db8:ffff::1'], outside: ['2001:db8:7fff::1'] },
  {
    nets: ['10.0.0.0/8', '2001:db8::1/128', '192.0.2.0/31'],
    inside: ['10.9.8.7', '2001:db8::1', '192.0.2.1'],
    outside: ['192.0.2.2', '2001:db8::2'],
  },
];
for (const { nets, inside, outside } of cases) {
  test(`networks: ${nets.join(', ') || 'none'}`, () => {
    const set = setOf(...nets);
    assert.deepEqual(
      inside.filter((address) => !set.has(bytesOf(address))),
      [],
    );
    assert.deepEqual(
      outside.filter((address) => set.has(bytesOf(address))),
      [],
    );
  });
}

test('it agrees with the numbers of the addresses', () => {
  const address = fc.oneof(fc.nat({ max: 0xffff }), fc.nat({ max: 0xffffffff })).map((n) => n >>> 0);
  const prefix = fc.record({ network: address, bits: fc.nat({ max: 32 }) });
  const bytes = (n: number) => Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n);
  fc.assert(
    fc.property(fc.array(prefix, { maxLength: 5 }), address, (prefixes, n) => {
      const set = new NetSet();
      for (const { network, bits } of prefixes) set.add({ network: bytes(network), bits });
      const isIn = prefixes.some(
        ({ network, bits }) => Math.floor(network / 2 ** (32 - bits)) === Math.floor(n / 2 ** (32 - bits)),
      );
      assert.equal(set.has(bytes(n)), isIn);
    }),
  );
});
