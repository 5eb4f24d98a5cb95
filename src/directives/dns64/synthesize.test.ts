import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIpv6, parseIpv6 } from '../../wire/address.ts';
import { FLAG_CD, FLAG_QR, FLAG_RA, FLAG_RD, FLAG_TC } from '../../wire/header.ts';
import { describeRecords } from '../../wire/testing/build.ts';
import { TYPE_AAAA } from '../../wire/types.ts';
import { type FakeReplyOptions, fakeQuery, fakeReply } from '../testing.ts';
import { embed, synthesize } from './synthesize.ts';

const IPV4 = Uint8Array.of(192, 0, 2, 33);
// RFC 6052 §2.4, and the lengths between that CoreDNS takes as well.
const embedCases = [
  { prefix: '2001:db8::', bits: 32, want: '2001:db8:c000:221::' },
  { prefix: '2001:db8:100::', bits: 40, want: '2001:db8:1c0:2:21::' },
  { prefix: '2001:db8:122::', bits: 48, want: '2001:db8:122:c000:2:2100::' },
  { prefix: '2001:db8:122:300::', bits: 56, want: '2001:db8:122:3c0:0:221::' },
  { prefix: '2001:db8:122:344::', bits: 64, want: '2001:db8:122:344:c0:2:2100:0' },
  { prefix: '2001:db8:122:344::', bits: 72, want: '2001:db8:122:344:c0:2:2100:0' },
  { prefix: '2001:db8:122:344::', bits: 80, want: '2001:db8:122:344:0:c000:221:0' },
  { prefix: '2001:db8:122:344::', bits: 96, want: '2001:db8:122:344::c000:221' },
];
for (const { prefix, bits, want } of embedCases) {
  test(`embed: ${prefix}/${bits}`, () => {
    const start = parseIpv6(prefix)?.slice(0, bits / 8) ?? assert.fail();
    assert.equal(formatIpv6(embed(start, IPV4)), formatIpv6(parseIpv6(want) ?? assert.fail()));
  });
}

const PREFIX = parseIpv6('64:ff9b::')?.slice(0, 12) ?? assert.fail();
const SOA = 'example.org. 50 IN SOA ns.example.org. host.example.org. 1 2 3 4 5';

/** The records of what is made of the two answers, each with its section; by our own reading, the bytes are others' business. */
function made(aaaa: FakeReplyOptions, a: FakeReplyOptions, query = fakeQuery({ qtype: TYPE_AAAA })) {
  const response = synthesize(query, fakeReply(query, aaaa), fakeReply(query, a), PREFIX);
  return { response, records: describeRecords(response).map((text) => text.replaceAll('\t', ' ')) };
}

const A = (ttl: number) => `www.example.org. ${ttl} IN A 192.0.2.1`;
const AAAA = (ttl: number) => `0 www.example.org. ${ttl} IN AAAA 64:ff9b::c000:201`;
const cases = [
  { name: 'the TTL of the SOA, if it is lower', aaaa: { authority: [SOA] }, a: { answer: [A(60)] }, want: [AAAA(50)] },
  { name: 'the TTL of the A record', aaaa: { authority: [SOA] }, a: { answer: [A(30)] }, want: [AAAA(30)] },
  { name: 'without SOA 600 s at most', aaaa: {}, a: { answer: [A(3600)] }, want: [AAAA(600)] },
  {
    name: 'a SOA in another section does not count',
    aaaa: { additional: [SOA] },
    a: { answer: [A(3600)] },
    want: [AAAA(600)],
  },
  {
    name: 'aliases stay as they are',
    aaaa: { authority: [SOA] },
    a: { answer: ['www.example.org. 900 IN CNAME a.example.org.', 'a.example.org. 60 IN A 192.0.2.2'] },
    want: ['0 www.example.org. 900 IN CNAME a.example.org.', '0 a.example.org. 50 IN AAAA 64:ff9b::c000:202'],
  },
  {
    name: 'authority and additional section are those of the A response',
    aaaa: { authority: [SOA], additional: ['x.example.org. 1 IN A 192.0.2.9'] },
    a: {
      answer: [A(60)],
      authority: ['example.org. 70 IN NS ns.example.org.'],
      additional: ['ns.example.org. 70 IN A 192.0.2.53'],
    },
    want: [AAAA(50), '1 example.org. 70 IN NS ns.example.org.', '2 ns.example.org. 70 IN A 192.0.2.53'],
  },
  { name: 'no A record either', aaaa: {}, a: { authority: [SOA] }, want: [`1 ${SOA}`] },
];
for (const { name, aaaa, a, want } of cases) {
  test(`synthesize: ${name}`, () => assert.deepEqual(made(aaaa, a).records, want));
}

const flagCases = [
  { name: 'a plain reply', sent: FLAG_RD | FLAG_CD, a: FLAG_QR | FLAG_RA, want: FLAG_QR | FLAG_RD | FLAG_CD },
  { name: 'a truncated A response', sent: 0, a: FLAG_QR | FLAG_TC, want: FLAG_QR | FLAG_TC },
];
for (const { name, sent, a, want } of flagCases) {
  test(`synthesize: flags of ${name}`, () => {
    const query = fakeQuery({ qtype: TYPE_AAAA, flags: sent });
    assert.equal(made({ flags: FLAG_QR }, { flags: a, answer: [A(1)] }, query).response.flags, want);
  });
}

test('synthesize: an error of the A query is that of the answer', () => {
  assert.equal(made({}, { rcode: 2 }).response.rcode, 2);
});

test('synthesize: more than a message holds is cut', () => {
  const answer = Array.from({ length: 3000 }, (_, i) => `www.example.org. 60 IN A 192.0.${i >> 8}.${i & 255}`);
  const { response } = made({}, { answer });
  assert.ok(response.tc);
  assert.ok(response.answerCount > 2000 && response.answerCount < 3000);
});
