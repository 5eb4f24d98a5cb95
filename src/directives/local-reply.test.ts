import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { FLAG_AA, FLAG_AD, FLAG_CD, FLAG_QR, FLAG_RD, OPCODE_NOTIFY, OPCODE_SHIFT } from '../wire/header.ts';
import { parseRecord } from '../wire/presentation.ts';
import { localReply } from './local-reply.ts';
import { fakeQuery } from './testing.ts';

const NOTIFY = OPCODE_NOTIFY << OPCODE_SHIFT;
const cases = [
  {
    name: 'RD and CD come back, AD does not',
    sent: FLAG_RD | FLAG_CD | FLAG_AD,
    records: {},
    flags: FLAG_RD | FLAG_CD | FLAG_AA,
  },
  { name: 'not authoritative', sent: 0, records: { isAuthoritative: false }, flags: 0 },
  { name: 'an rcode', sent: 0, records: { rcode: 3 }, flags: FLAG_AA | 3 },
  { name: 'NOTIFY keeps its opcode alone', sent: NOTIFY | FLAG_RD, records: {}, flags: FLAG_AA | NOTIFY },
];
for (const { name, sent, records, flags } of cases) {
  test(`flags: ${name}`, () => {
    const reply = localReply(fakeQuery({ flags: sent, id: 9 }), records);
    assert.equal(reply.flags, FLAG_QR | flags);
    assert.equal(reply.id, 9);
  });
}

test('records stand in their sections, behind the question as it was spelt', () => {
  const reply = localReply(fakeQuery({ qname: 'WWW.example.org.' }), {
    answers: [parseRecord('www.example.org. 30 IN A 192.0.2.1')],
    authorities: [parseRecord('example.org. 40 IN NS ns.example.org.')],
    additionals: [parseRecord('ns.example.org. 50 IN A 192.0.2.2')],
  });
  const { questions, answers, authorities, additionals } = dnsPacket.decode(Buffer.from(reply.bytes));
  assert.equal(questions?.[0].name, 'WWW.example.org');
  const read = [answers, authorities, additionals].map((section) =>
    section?.map((record) => ('ttl' in record ? [record.name, record.type, record.ttl] : [])),
  );
  assert.deepEqual(read, [[['www.example.org', 'A', 30]], [['example.org', 'NS', 40]], [['ns.example.org', 'A', 50]]]);
});

test('what does not fit into a message is left out', () => {
  const text = `big.example. 1 IN TXT ${Array.from({ length: 200 }, () => `"${'x'.repeat(255)}"`).join(' ')}`;
  const big = parseRecord(text);
  const reply = localReply(fakeQuery(), { answers: [big, big] });
  assert.equal(dnsPacket.decode(Buffer.from(reply.bytes)).answers?.length, 1);
});
