import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseKey } from './keys.ts';

const keyCases = [
  { input: '.', want: ['dns . 1053'] },
  { input: '.:53', want: ['dns . 53'] },
  { input: '.:053', want: ['dns . 53'] },
  { input: '.:0', want: ['dns . 0'] },
  { input: 'example.org', want: ['dns example.org. 1053'] },
  { input: 'Example.ORG.:5300', want: ['dns example.org. 5300'] },
  { input: 'dns://example.org', want: ['dns example.org. 1053'] },
  { input: 'tls://.', want: ['tls . 853'] },
  { input: 'tls://.:8853', want: ['tls . 8853'] },
  { input: 'quic://.', want: ['quic . 853'] },
  { input: 'grpc://.', want: ['grpc . 443'] },
  { input: 'https://.', want: ['https . 443'] },
  { input: 'https3://.', want: ['https3 . 443'] },
  { input: 'http://a:53', want: ['dns http://a. 53'] },
  { input: 'TLS://a', want: ['dns tls://a. 1053'] },
  { input: 'a,b', want: ['dns a,b. 1053'] },
  { input: '}', want: ['dns }. 1053'] },
  { input: '_dns.example.org', want: ['dns _dns.example.org. 1053'] },
  { input: 'a b', want: ['dns a\\ b. 1053'] },
  { input: 'a\\046b.example.org', want: ['dns a\\.b.example.org. 1053'] },
  { input: '0.0.0.0/0', want: ['dns in-addr.arpa. 1053'] },
  { input: '10.0.0.0/8', want: ['dns 10.in-addr.arpa. 1053'] },
  { input: '10.11.12.13/24', want: ['dns 12.11.10.in-addr.arpa. 1053'] },
  { input: '192.0.2.1/32:5300', want: ['dns 1.2.0.192.in-addr.arpa. 5300'] },
  { input: '2001:db8::/32', want: ['dns 8.b.d.0.1.0.0.2.ip6.arpa. 1053'] },
  { input: '2001:db8::/32:5300', want: ['dns 8.b.d.0.1.0.0.2.ip6.arpa. 5300'] },
  { input: 'tls://fd00::/8', want: ['tls d.f.ip6.arpa. 853'] },
  { input: '10.0.0.0/33', want: ['dns 10.0.0.0/33. 1053'] },
  { input: '10.0.0/8', want: ['dns 10.0.0/8. 1053'] },
  { input: '172.16.0.0/15', want: ['dns 16.172.in-addr.arpa. 1053', 'dns 17.172.in-addr.arpa. 1053'] },
  { input: '2001:db8::/31', want: ['dns 8.b.d.0.1.0.0.2.ip6.arpa. 1053', 'dns 9.b.d.0.1.0.0.2.ip6.arpa. 1053'] },
];
for (const { input, want } of keyCases) {
  test(`parseKey: ${input}`, () => {
    const keys = parseKey({ text: input, file: 'Corefile', line: 1 }, 1053);
    assert.deepEqual(
      keys.map(({ transport, zone, port }) => `${transport} ${zone} ${port}`),
      want,
    );
  });
}

test('parseKey: upper case in a zone key is lowered', () => {
  const [{ zone, token }] = parseKey({ text: 'Example.ORG', file: 'Corefile', line: 1 }, 53);
  assert.deepEqual([zone, token.text], ['example.org.', 'Example.ORG']);
});

test('parseKey: a prefix off the boundary covers all zones of the next one', () => {
  const zones = parseKey({ text: '10.0.0.0/9', file: 'Corefile', line: 1 }, 53).map(({ zone }) => zone);
  assert.deepEqual(
    zones,
    Array.from({ length: 128 }, (_, index) => `${index}.10.in-addr.arpa.`),
  );
});

test('parseKey: host bits off the boundary are masked off', () => {
  const zones = parseKey({ text: '192.0.2.77/26', file: 'Corefile', line: 1 }, 53).map(({ zone }) => zone);
  assert.deepEqual([zones.length, zones[0], zones[63]], [64, '64.2.0.192.in-addr.arpa.', '127.2.0.192.in-addr.arpa.']);
});

const longName = `${'a.'.repeat(124)}example`;
const keyErrors = [
  { input: ':53', error: 'the zone is missing; the root zone is "."' },
  { input: '.:', error: 'a port must follow the last ":"' },
  { input: '.:99999', error: 'the port must be 0..65535, got "99999"' },
  { input: '.:-1', error: 'the port must be 0..65535, got "-1"' },
  { input: 'a..b', error: 'the zone is not a valid domain name: "a..b"' },
  { input: `${'a'.repeat(64)}.org`, error: `the zone is not a valid domain name: "${'a'.repeat(64)}.org"` },
  { input: longName, error: `the zone is not a valid domain name: "${longName}"` },
  { input: 'a'.repeat(300), error: 'the zone is too long: 300 characters, at most 255 are allowed' },
  { input: '::1/128', error: 'invalid CIDR "::1/128"' },
  { input: '0:0::/32', error: 'invalid CIDR "0:0::/32"' },
  { input: '.:53{', error: 'the zone is not a valid domain name: ".:53{"; put a space before "{"' },
];
for (const { input, error } of keyErrors) {
  test(`parseKey refuses ${input.slice(0, 30)}`, () => {
    const message = `Corefile:4: server block "${input}": ${error}`;
    assert.throws(() => parseKey({ text: input, file: 'Corefile', line: 4 }, 53), { name: 'ConfigError', message });
  });
}
