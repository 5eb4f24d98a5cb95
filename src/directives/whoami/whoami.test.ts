import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { cursorOf } from '../../corefile/testing.ts';
import { FLAG_AD, FLAG_CD, FLAG_RD, OPCODE_NOTIFY, OPCODE_SHIFT } from '../../wire/header.ts';
import { type FakeQueryOptions, fakeBlock, fakeNext, fakeQuery } from '../testing.ts';
import { parse, whoami } from './whoami.ts';

const parseCases = [
  { name: 'no argument', input: 'whoami' },
  { name: 'an argument', input: 'whoami now', error: 'Corefile:1: whoami: takes no arguments, got 1' },
  { name: 'a block', input: 'whoami {\n now\n}', error: 'Corefile:2: whoami: takes no block, got "now"' },
];
for (const { name, input, error } of parseCases) {
  test(`parse: ${name}`, () => {
    const run = () => parse(cursorOf(input));
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.equal(run(), undefined);
  });
}

/** What whoami sends, read by another decoder. */
async function ask(options: FakeQueryOptions) {
  const next = fakeNext({ response: undefined, rcode: 0, source: '' });
  const outcome = await whoami.setup(undefined, fakeBlock())?.(next)(fakeQuery(options));
  assert.deepEqual(next.queries, []);
  assert.equal(outcome?.source, 'whoami');
  assert.equal(outcome?.rcode, 0);
  const bytes = outcome?.response?.bytes ?? assert.fail('no response');
  const message = dnsPacket.decode(Buffer.from(bytes));
  const records = (message.additionals ?? []).map((record) => {
    return 'name' in record && 'data' in record ? [record.name, record.type, record.data] : [];
  });
  return { message, flags: Buffer.from(bytes).readUInt16BE(2), records };
}

const srv = (port: number) => ({ priority: 0, weight: 0, port, target: '.' });
const LONG = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;
const answerCases = [
  {
    name: 'IPv4 over UDP, the name as asked',
    query: { qname: 'WWW.example.org.', clientAddress: '192.0.2.9', clientPort: 4053 },
    want: [
      ['WWW.example.org', 'A', '192.0.2.9'],
      ['_udp.WWW.example.org', 'SRV', srv(4053)],
    ],
  },
  {
    name: 'IPv6 over TCP',
    query: { qname: 'example.org.', clientAddress: '2001:db8::9', clientPort: 4053, protocol: 'tcp' },
    want: [
      ['example.org', 'AAAA', '2001:db8::9'],
      ['_tcp.example.org', 'SRV', srv(4053)],
    ],
  },
  {
    name: 'a link-local client',
    query: { qname: 'example.org.', clientAddress: 'fe80::9%eth0', clientPort: 1 },
    want: [
      ['example.org', 'AAAA', 'fe80::9'],
      ['_udp.example.org', 'SRV', srv(1)],
    ],
  },
  {
    name: 'the root',
    query: { qname: '.', clientAddress: '192.0.2.9', clientPort: 65535 },
    want: [
      ['.', 'A', '192.0.2.9'],
      ['_udp', 'SRV', srv(65535)],
    ],
  },
  {
    name: 'a name with no room for another label',
    query: { qname: `${LONG}.`, clientAddress: '192.0.2.9' },
    want: [[LONG, 'A', '192.0.2.9']],
  },
] as const;
for (const { name, query, want } of answerCases) {
  test(`answer: ${name}`, async () => {
    const { message, records } = await ask({ ...query, id: 77 });
    assert.equal(message.id, 77);
    assert.equal(message.questions?.[0].name, query.qname === '.' ? '.' : query.qname.slice(0, -1));
    assert.deepEqual(message.answers, []);
    assert.deepEqual(records, want);
  });
}

const NOTIFY = OPCODE_NOTIFY << OPCODE_SHIFT;
const flagCases = [
  { name: 'plain', sent: 0, want: 0x8400 },
  { name: 'RD and CD are kept, AD is not', sent: FLAG_RD | FLAG_CD | FLAG_AD, want: 0x8400 | FLAG_RD | FLAG_CD },
  { name: 'NOTIFY keeps its opcode alone', sent: NOTIFY | FLAG_RD | FLAG_CD, want: 0x8400 | NOTIFY },
];
for (const { name, sent, want } of flagCases) {
  test(`flags: ${name}`, async () => {
    assert.equal((await ask({ flags: sent })).flags, want);
  });
}

test('the records have the class of the query', async () => {
  const { message } = await ask({ qclass: 3 });
  assert.deepEqual(
    message.additionals?.map((record) => 'class' in record && record.class),
    ['CH', 'CH'],
  );
});
