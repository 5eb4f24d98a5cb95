import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { cursorOf } from '../../corefile/testing.ts';
import { TYPE_A, TYPE_ANY, TYPE_HINFO } from '../../wire/types.ts';
import { newHitRules } from '../hit-rules.ts';
import { fakeBlock, fakeNext, fakeQuery } from '../testing.ts';
import { any, parse } from './any.ts';

const parseCases = [
  { input: 'any', error: undefined },
  { input: 'any thing', error: 'Corefile:1: any: takes no arguments, got 1' },
  { input: 'any {\n thing\n}', error: 'Corefile:2: any: takes no block, got "thing"' },
];
for (const { input, error } of parseCases) {
  test(`parse: ${JSON.stringify(input)}`, () => {
    const run = () => parse(cursorOf(input));
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.equal(run(), undefined);
  });
}

const NEXT = { response: undefined, rcode: 0, source: 'next' };
const ask = async (qname: string, qtype: number) =>
  (await any.setup(undefined, fakeBlock())?.(fakeNext(NEXT))(fakeQuery({ qname, qtype }))) ?? assert.fail('no handler');

for (const qname of ['WWW.example.org', '.']) {
  test(`ANY of ${qname}: one HINFO, the name as asked`, async () => {
    const { response, rcode, source } = await ask(qname === '.' ? qname : `${qname}.`, TYPE_ANY);
    assert.deepEqual([rcode, source, response?.flags], [0, 'any', 0x8100]);
    const { answers, authorities, additionals } = dnsPacket.decode(Buffer.from(response?.bytes ?? []));
    assert.deepEqual([authorities, additionals], [[], []]);
    const [record, ...others] = answers ?? [];
    assert.deepEqual(others, []);
    assert.ok(record?.type === 'HINFO');
    assert.deepEqual([record.name, record.ttl, record.class], [qname, 8482, 'IN']);
    assert.deepEqual(record.data, { cpu: 'ANY obsoleted', os: 'See RFC 8482' });
  });
}

for (const qtype of [TYPE_A, TYPE_HINFO]) {
  test(`type ${qtype} goes on`, async () => assert.equal(await ask('www.example.org.', qtype), NEXT));
}

test('hits need not come through it', () => assert.equal(any.allowHits?.(undefined, newHitRules()), true));
