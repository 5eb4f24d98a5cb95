/** Our bytes, names compressed, as the decoder of dns-packet reads them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { buildMessage } from './testing/build.ts';

const buffer = (...bytes: number[]) => Buffer.from(bytes);

const cases: { record: string; want: unknown }[] = [
  { record: 'A 192.0.2.1', want: '192.0.2.1' },
  { record: 'AAAA 2001:db8::1', want: '2001:db8::1' },
  { record: 'NS ns1.example.org.', want: 'ns1.example.org' },
  { record: 'CNAME web.example.org.', want: 'web.example.org' },
  { record: 'PTR host.example.org.', want: 'host.example.org' },
  { record: 'DNAME example.net.', want: 'example.net' },
  { record: 'MX 10 mail.example.org.', want: { preference: 10, exchange: 'mail.example.org' } },
  { record: 'TXT "hello" "\\200"', want: [Buffer.from('hello'), buffer(200)] },
  {
    record: 'SRV 1 2 53 dns.example.org.',
    want: { priority: 1, weight: 2, port: 53, target: 'dns.example.org' },
  },
  {
    record: 'SOA ns1.example.org. host.example.org. 1 2 3 4 5',
    want: {
      mname: 'ns1.example.org',
      rname: 'host.example.org',
      serial: 1,
      refresh: 2,
      retry: 3,
      expire: 4,
      minimum: 5,
    },
  },
  {
    record: 'CAA 128 issue "ca.example.org"',
    want: { flags: 128, issuerCritical: true, tag: 'issue', value: 'ca.example.org' },
  },
  { record: 'HINFO "x86" "Linux"', want: { cpu: 'x86', os: 'Linux' } },
  { record: 'RP host.example.org. txt.example.org.', want: { mbox: 'host.example.org', txt: 'txt.example.org' } },
  {
    record: 'NAPTR 100 50 "s" "x+y" "" _x.example.org.',
    want: { order: 100, preference: 50, flags: 's', services: 'x+y', regexp: '', replacement: '_x.example.org' },
  },
  {
    record: 'DS 60485 13 2 2BB183AF',
    want: { keyTag: 60485, algorithm: 13, digestType: 2, digest: buffer(0x2b, 0xb1, 0x83, 0xaf) },
  },
  { record: 'DNSKEY 257 3 13 AQID', want: { flags: 257, algorithm: 13, key: buffer(1, 2, 3) } },
  {
    record: 'RRSIG A 13 3 300 20300101000000 20291201000000 4711 example.org. AQID',
    want: {
      typeCovered: 'A',
      algorithm: 13,
      labels: 3,
      originalTTL: 300,
      expiration: Date.UTC(2030, 0, 1) / 1000,
      inception: Date.UTC(2029, 11, 1) / 1000,
      keyTag: 4711,
      signersName: 'example.org',
      signature: buffer(1, 2, 3),
    },
  },
  {
    record: 'NSEC x.example.org. A MX RRSIG NSEC TYPE1234',
    want: { nextDomain: 'x.example.org', rrtypes: ['A', 'MX', 'RRSIG', 'NSEC', 'UNKNOWN_1234'] },
  },
  {
    record: 'NSEC3 1 0 5 AABB 00000000 A RRSIG',
    want: {
      algorithm: 1,
      flags: 0,
      iterations: 5,
      salt: buffer(0xaa, 0xbb),
      nextDomain: buffer(0, 0, 0, 0, 0),
      rrtypes: ['A', 'RRSIG'],
    },
  },
  { record: `SSHFP 4 1 ${'AB'.repeat(20)}`, want: { algorithm: 4, hash: 1, fingerprint: 'AB'.repeat(20) } },
  {
    record: 'TLSA 3 1 1 D2AB',
    want: { usage: 3, selector: 1, matchingType: 1, certificate: buffer(0xd2, 0xab) },
  },
  { record: 'HTTPS 1 . port=53', want: buffer(0, 1, 0, 0, 3, 0, 2, 0, 53) },
  { record: 'SVCB 0 b.', want: buffer(0, 0, 1, 0x62, 0) },
  { record: 'TYPE65280 \\# 2 ABCD', want: buffer(0xab, 0xcd) },
];
for (const { record, want } of cases) {
  test(`dns-packet reads ${record}`, () => {
    const message = buildMessage({
      question: 'www.example.org. ANY',
      answer: [`www.example.org. 300 ${record}`, 'example.org. 60 A 192.0.2.9'],
    });
    const { id, flags, questions, answers } = dnsPacket.decode(Buffer.from(message));
    assert.deepEqual([id, flags, questions?.length], [0x1234, 0x0180, 1]);
    const [answer, last] = answers ?? [];
    assert.ok(answer !== undefined && answer.type !== 'OPT' && last !== undefined && last.type !== 'OPT');
    assert.deepEqual([answer.name, answer.class, answer.ttl], ['www.example.org', 'IN', 300]);
    assert.deepEqual(answer.data, want);
    assert.deepEqual([last.name, last.data], ['example.org', '192.0.2.9']);
  });
}
