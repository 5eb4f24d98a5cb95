import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { cursorOf } from '../../corefile/testing.ts';
import { VERSION } from '../../observe/version.ts';
import { CLASS_CH, CLASS_IN, TYPE_A, TYPE_TXT } from '../../wire/types.ts';
import { fakeBlock, fakeNext, fakeQuery } from '../testing.ts';
import { chaos, parse } from './chaos.ts';

const AUTHORS = ['The nodens maintainers'];
const parseCases = [
  { input: 'chaos', want: { version: `nodens-${VERSION}`, authors: AUTHORS } },
  { input: 'chaos v1', want: { version: 'v1', authors: AUTHORS } },
  { input: 'chaos "my DNS" b a b', want: { version: 'my DNS', authors: ['a', 'b'] } },
  { input: 'chaos {\n v1\n}', error: 'Corefile:2: chaos: takes no block, got "v1"' },
];
for (const { input, want, error } of parseCases) {
  test(`parse: ${JSON.stringify(input)}`, () => {
    const run = () => parse(cursorOf(input));
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.deepEqual(run(), want);
  });
}

const NEXT = { response: undefined, rcode: 0, source: 'next' };
const ask = async (qname: string, qclass: number, qtype: number, input = 'chaos v1 b a') =>
  (await chaos.setup(parse(cursorOf(input)), fakeBlock())?.(fakeNext(NEXT))(fakeQuery({ qname, qclass, qtype }))) ??
  assert.fail('no handler');

const answers = [
  { qname: 'VERSION.bind', want: ['v1'] },
  { qname: 'version.server', want: ['v1'] },
  { qname: 'hostname.bind', want: [hostname()] },
  { qname: 'id.server', want: [hostname()] },
  { qname: 'authors.bind', want: ['a', 'b'] },
  { qname: 'version.bind', input: `chaos ${'x'.repeat(300)}`, want: ['x'.repeat(255)] },
];
for (const { qname, want, input } of answers) {
  test(`${qname}: ${want}`, async () => {
    const { response, rcode, source } = await ask(`${qname}.`, CLASS_CH, TYPE_TXT, input);
    assert.deepEqual([rcode, source, response?.flags], [0, 'chaos', 0x8100]);
    const records = dnsPacket.decode(Buffer.from(response?.bytes ?? [])).answers ?? [];
    const texts = records.map((record) => {
      assert.ok(record.type === 'TXT');
      assert.deepEqual([record.name, record.class, record.ttl], [qname, 'CH', 0]);
      return String(record.data);
    });
    assert.deepEqual(texts, want);
  });
}

const others = [
  { name: 'another class', qname: 'version.bind.', qclass: CLASS_IN, qtype: TYPE_TXT },
  { name: 'another type', qname: 'version.bind.', qclass: CLASS_CH, qtype: TYPE_A },
  { name: 'another name', qname: 'a.version.bind.', qclass: CLASS_CH, qtype: TYPE_TXT },
];
for (const { name, qname, qclass, qtype } of others) {
  test(`goes on: ${name}`, async () => assert.equal(await ask(qname, qclass, qtype), NEXT));
}

test('it has to do with its names alone', () => {
  const config = parse(cursorOf('chaos'));
  const names = ['version.bind.', 'id.server.', 'www.version.bind.', 'www.example.org.'];
  assert.deepEqual(
    names.map((qname) => chaos.concerns?.(config, qname)),
    [true, true, false, false],
  );
});
