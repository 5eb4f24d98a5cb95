import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressText, encodeSockaddr, familyOf, portOf, SOCKADDR_V6_BYTES } from './sockaddr.ts';

const textCases = [
  { address: '192.0.2.1', family: 4 },
  { address: '255.255.255.255', family: 4 },
  { address: '::', family: 6 },
  { address: '::1', family: 6 },
  { address: '2001:db8::', family: 6 },
  { address: '2001:db8:0:1:1:1:1:1', family: 6 },
  { address: '2001:db8::1:0:0:1', family: 6 },
  { address: 'fe80::1%1', want: 'fe80::1%lo', family: 6 },
  { address: 'fe80::1%lo', family: 6 },
  { address: '2001:0DB8:0:0:0:0:0:1', want: '2001:db8::1', family: 6 },
  { address: '64:ff9b::192.0.2.33', want: '64:ff9b::c000:221', family: 6 },
  { address: '::ffff:192.0.2.1', want: '192.0.2.1', family: 4 },
];
for (const { address, want = address, family } of textCases) {
  test(`sockaddr: ${address} there and back`, () => {
    const bytes = new Uint8Array(SOCKADDR_V6_BYTES);
    assert.notEqual(encodeSockaddr(bytes, address, 5353), 0);
    assert.equal(addressText(bytes, 0), want);
    assert.equal(portOf(bytes, 0), 5353);
    assert.equal(familyOf(bytes, 0), family);
  });
}

for (const address of ['', 'localhost', '192.0.2', '192.0.2.256', '2001:db8:::1', 'fe80::1%no-such-link']) {
  test(`sockaddr: "${address}" is no address`, () => {
    assert.equal(encodeSockaddr(new Uint8Array(SOCKADDR_V6_BYTES), address, 53), 0);
  });
}

test('sockaddr: any IPv6 address is written as RFC 5952 says', () => {
  const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const address = groups.map((value) => value.toString(16)).join(':');
      const bytes = new Uint8Array(SOCKADDR_V6_BYTES);
      encodeSockaddr(bytes, address, 53);
      const text = addressText(bytes, 0);
      assert.equal(text.includes('.') ? urlForm(`::ffff:${text}`) : text, urlForm(address));
    }),
  );
});

/** The same address as the URL standard writes it, always in hexadecimal. */
function urlForm(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}
