import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { cursorOf } from '../../corefile/testing.ts';
import { typeFromName } from '../../wire/types.ts';
import { type FakeQueryOptions, fakeBlock, fakeNext, fakeQuery } from '../testing.ts';
import { local, parse } from './local.ts';

const parseCases = [
  { input: 'local', want: true },
  { input: 'local {\n localhost_prefix on\n}', want: true },
  { input: 'local {\n localhost_prefix off\n}', want: false },
  { input: 'local now', error: 'Corefile:1: local: takes no arguments, got 1' },
  {
    input: 'local {\n prefix off\n}',
    error: 'Corefile:2: local: unknown property "prefix"; expected localhost_prefix',
  },
  { input: 'local {\n localhost_prefix\n}', error: 'Corefile:2: local: localhost_prefix takes 1 argument, got 0' },
  {
    input: 'local {\n localhost_prefix no\n}',
    error: 'Corefile:2: local: localhost_prefix must be on or off, got "no"',
  },
];
for (const { input, want, error } of parseCases) {
  test(`parse: ${JSON.stringify(input)}`, () => {
    const run = () => parse(cursorOf(input)).takesPrefix;
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.equal(run(), want);
  });
}

const NEXT = { response: undefined, rcode: 0, source: 'next' };

function chain(input = 'local') {
  const block = fakeBlock();
  const handler = local.setup(parse(cursorOf(input)), block)?.(fakeNext(NEXT)) ?? assert.fail('no handler');
  return { block, ask: async (query: FakeQueryOptions) => handler(fakeQuery(query)) };
}

const A = 'A 127.0.0.1';
const AAAA = 'AAAA ::1';
const SOA = 'SOA localhost 604800';
type Case = { name: string; types: string; answer?: string; soaOf?: string; rcode?: number };
const cases: Case[] = [
  { name: 'LocalHost', types: 'A', answer: A },
  { name: 'localhost', types: 'AAAA', answer: AAAA },
  { name: 'localhost', types: 'SOA', answer: SOA },
  { name: 'localhost', types: 'NS', answer: 'NS localhost' },
  { name: 'localhost', types: 'MX TXT PTR ANY', soaOf: 'localhost' },
  { name: 'a.localhost', types: 'A', answer: A },
  { name: 'a.b.localhost', types: 'AAAA', answer: AAAA },
  { name: 'A.localhost', types: 'NS SOA MX', soaOf: 'A.localhost' },
  { name: 'localhost.example.org', types: 'A', answer: A },
  { name: 'localhost.example.org', types: 'TXT', soaOf: 'localhost.example.org' },
  { name: '127.in-addr.arpa', types: 'SOA', answer: SOA },
  { name: '0.in-addr.arpa', types: 'NS', answer: 'NS localhost' },
  { name: '255.in-addr.arpa', types: 'A AAAA PTR', soaOf: '255.in-addr.arpa' },
  { name: '1.0.0.127.in-addr.arpa', types: 'PTR', answer: 'PTR localhost' },
  { name: '1.0.0.127.in-addr.arpa', types: 'A SOA', soaOf: '127.in-addr.arpa' },
  { name: '2.0.0.127.in-addr.arpa', types: 'PTR A', soaOf: '127.in-addr.arpa', rcode: 3 },
  { name: '255.255.255.255.in-addr.arpa', types: 'PTR', soaOf: '255.in-addr.arpa', rcode: 3 },
];
for (const { name, types, answer, soaOf, rcode = 0 } of cases) {
  for (const type of types.split(' ')) {
    test(`${name} ${type}: ${answer ?? `SOA of ${soaOf}, rcode ${rcode}`}`, async () => {
      const outcome = await chain().ask({ qname: `${name}.`, qtype: typeFromName(type) ?? assert.fail(type) });
      assert.deepEqual([outcome.source, outcome.rcode], ['local', rcode]);
      assert.equal(outcome.response?.flags, 0x8100 | rcode);
      const { answers, authorities, additionals } = dnsPacket.decode(Buffer.from(outcome.response?.bytes ?? []));
      assert.deepEqual(answers?.map(text), answer === undefined ? [] : [`${name} ${answer}`]);
      assert.deepEqual(authorities?.map(text), soaOf === undefined ? [] : [`${soaOf} ${SOA}`]);
      assert.deepEqual(additionals, []);
    });
  }
}

function text(record: dnsPacket.Answer): string {
  assert.ok('ttl' in record && record.ttl === 604_800);
  if (record.type !== 'SOA') return 'data' in record ? `${record.name} ${record.type} ${record.data}` : '';
  const { mname, minimum, ...others } = record.data;
  assert.deepEqual(others, { rname: 'root.localhost', serial: 1, refresh: 0, retry: 0, expire: 0 });
  return `${record.name} SOA ${mname} ${minimum}`;
}

const others: { name: string; input?: string; query: FakeQueryOptions }[] = [
  { name: 'other names', query: { qname: 'www.example.org.' } },
  { name: 'what only looks like it', query: { qname: 'notlocalhost.' } },
  { name: 'a dot within a label', query: { qname: 'a\\.localhost.' } },
  { name: 'the prefix, when off', input: 'local {\n localhost_prefix off\n}', query: { qname: 'localhost.a.' } },
  { name: 'another class', query: { qname: 'localhost.', qclass: 3 } },
];
for (const { name, input, query } of others) {
  test(`goes on: ${name}`, async () => assert.equal(await chain(input).ask(query), NEXT));
}

test('names below and in search lists are counted, localhost itself is not', async () => {
  const { ask, block } = chain();
  for (const qname of ['localhost.', 'a.localhost.', 'localhost.example.org.', '127.in-addr.arpa.'])
    await ask({ qname });
  const text = await block.process.metrics.expose();
  assert.match(text, /^coredns_local_localhost_requests_total 2$/m);
});

test('with debug a line says who asked', async () => {
  const { ask, block } = chain();
  await ask({ qname: 'a.localhost.' });
  const end = block.log.holdDebug();
  await ask({ qname: 'b.localhost.', clientAddress: '192.0.2.7' });
  end();
  assert.deepEqual(block.lines(), [
    '[DEBUG] plugin/local: Intercepting localhost query for "b.localhost." A, from 192.0.2.7',
  ]);
});

test('it has to do with its names alone', () => {
  const names = ['localhost.', 'a.localhost.', 'localhost.example.org.', '9.0.0.127.in-addr.arpa.', 'example.org.'];
  const of = (input: string) => names.map((qname) => local.concerns?.(parse(cursorOf(input)), qname));
  assert.deepEqual(of('local'), [true, true, true, true, false]);
  assert.deepEqual(of('local {\n localhost_prefix off\n}'), [true, true, false, true, false]);
});
