import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIpv4, formatIpv6 } from './address.ts';
import { addressOfReverseName, reverseNameOf } from './reverse-name.ts';

const V6 = '8.b.d.0.1.0.0.2.ip6.arpa.';
const ZEROS = '0.'.repeat(23);
const cases: { name: string; want?: string }[] = [
  { name: '1.2.0.192.in-addr.arpa.', want: '192.0.2.1' },
  { name: '255.0.0.0.in-addr.arpa.', want: '0.0.0.255' },
  { name: `9.${ZEROS}${V6}`, want: '2001:db8::9' },
  { name: '2.0.192.in-addr.arpa.' },
  { name: '0.1.2.0.192.in-addr.arpa.' },
  { name: '01.2.0.192.in-addr.arpa.' },
  { name: '256.2.0.192.in-addr.arpa.' },
  { name: '\\049.2.0.192.in-addr.arpa.' },
  { name: `${ZEROS}${V6}` },
  { name: `0.0.${ZEROS}${V6}` },
  { name: `g.${ZEROS}${V6}` },
  { name: `10${ZEROS}${V6}` },
  { name: 'in-addr.arpa.' },
  { name: 'ip6.arpa.' },
  { name: 'www.example.org.' },
  { name: '.' },
];
for (const { name, want } of cases) {
  test(`the address of ${name}: ${want}`, () => {
    const bytes = addressOfReverseName(name);
    assert.equal(bytes && (bytes.length === 4 ? formatIpv4(bytes) : formatIpv6(bytes)), want);
  });
}

test('each address has its reverse name', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  fc.assert(
    fc.property(fc.oneof(bytes(4), bytes(16)), (address) => {
      assert.deepEqual(addressOfReverseName(reverseNameOf(address)), address);
    }),
  );
});
