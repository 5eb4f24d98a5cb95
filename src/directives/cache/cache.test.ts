import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  FLAG_AD,
  FLAG_CD,
  FLAG_QR,
  FLAG_RA,
  FLAG_RD,
  FLAG_TC,
  OPCODE_NOTIFY,
  OPCODE_SHIFT,
} from '../../wire/header.ts';
import type { MessageText } from '../../wire/testing/build.ts';
import { TYPE_AAAA } from '../../wire/types.ts';
import { type FakeQueryOptions, fakeQuery } from '../testing.ts';
import { answering, NOBODY, outcomeOf, Rig } from './testing.ts';

const A = 'www.example.org. 60 A 192.0.2.1';
const ALIAS = 'www.example.org. 60 CNAME a.example.org.';
const NS = 'example.org. 60 NS ns.example.org.';
const SOA = 'example.org. 60 SOA ns.example.org. root.example.org. 1 2 3 4 60';
const reply = (rcode: number, more = 0) => ({ flags: FLAG_QR | FLAG_RD | FLAG_RA | more | rcode });

// What is kept.
const keptCases: { name: string; message: MessageText; kept: boolean; directive?: string }[] = [
  { name: 'an answer', message: { answer: [A] }, kept: true },
  { name: 'an answer of TTL 0', message: { answer: ['www.example.org. 0 A 192.0.2.1'] }, kept: true },
  {
    name: 'an answer of TTL 0, minimum 0',
    message: { answer: ['www.example.org. 0 A 192.0.2.1'] },
    kept: false,
    directive: 'cache {\n success 1024 60 0\n}',
  },
  { name: 'nothing at all', message: {}, kept: true },
  { name: 'NODATA', message: { authority: [SOA] }, kept: true },
  { name: 'NXDOMAIN', message: { ...reply(3), authority: [SOA] }, kept: true },
  { name: 'NXDOMAIN without SOA', message: reply(3), kept: false },
  { name: 'NXDOMAIN with answers', message: { ...reply(3), answer: [ALIAS], authority: [SOA] }, kept: false },
  { name: 'an alias that leads nowhere', message: { answer: [ALIAS] }, kept: false },
  { name: 'an alias that leads nowhere, with SOA', message: { answer: [ALIAS], authority: [SOA] }, kept: true },
  { name: 'a referral', message: { authority: [NS] }, kept: true },
  { name: 'SERVFAIL', message: reply(2), kept: true },
  { name: 'NOTIMP', message: reply(4), kept: true },
  { name: 'SERVFAIL with servfail 0', message: reply(2), kept: false, directive: 'cache {\n servfail 0\n}' },
  { name: 'NOTIMP with servfail 0', message: reply(4), kept: false, directive: 'cache {\n servfail 0\n}' },
  { name: 'FORMERR', message: reply(1), kept: false },
  { name: 'REFUSED', message: reply(5), kept: false },
  { name: 'a truncated answer', message: { answer: [A], ...reply(0, FLAG_TC) }, kept: false },
  { name: 'no QR', message: { answer: [A], flags: 0 }, kept: false },
  { name: 'another question', message: { answer: [A], question: 'ww.example.org. A' }, kept: false },
  { name: 'another type', message: { answer: [A], question: 'www.example.org. AAAA' }, kept: false },
  { name: 'another class', message: { answer: [A], question: 'www.example.org. CH A' }, kept: false },
  { name: 'the question in another case', message: { answer: [A], question: 'WWW.example.org. A' }, kept: true },
  { name: 'disabled', message: { answer: [A] }, kept: false, directive: 'cache {\n disable success\n}' },
  {
    name: 'disabled for a zone',
    message: { answer: [A] },
    kept: false,
    directive: 'cache {\n disable success example.org\n}',
  },
  {
    name: 'disabled for another zone',
    message: { answer: [A] },
    kept: true,
    directive: 'cache {\n disable success example.com\n}',
  },
  {
    name: 'disabled for the other kind',
    message: { answer: [A] },
    kept: true,
    directive: 'cache {\n disable denial\n}',
  },
  {
    name: 'NXDOMAIN disabled',
    message: { ...reply(3), authority: [SOA] },
    kept: false,
    directive: 'cache {\n disable denial\n}',
  },
  {
    name: 'outside the zones of the directive',
    message: { answer: [A] },
    kept: false,
    directive: 'cache example.com',
  },
  {
    name: 'inside the zones of the directive',
    message: { answer: [A] },
    kept: true,
    directive: 'cache example.com example.org',
  },
];
for (const { name, message, kept, directive } of keptCases) {
  test(`${name}: ${kept ? '' : 'not '}kept`, async () => {
    const rig = new Rig(directive);
    rig.upstream = answering(message);
    const first = await rig.ask();
    const second = await rig.ask();
    assert.equal(rig.asked.length, kept ? 1 : 2);
    assert.deepEqual([second.rcode, second.records, second.source], [first.rcode, first.records, first.source]);
  });
}

test('types, DO and CD are kept apart; RD, AD, OPT and the spelling are not', async () => {
  const rig = new Rig();
  const queries: [FakeQueryOptions, number][] = [
    [{}, 1],
    [{ qname: 'WWW.Example.ORG.' }, 1],
    [{ flags: 0 }, 1],
    [{ flags: FLAG_AD }, 1],
    [{ udpPayloadBytes: 1232 }, 1],
    [{ protocol: 'tcp' }, 1],
    [{ qtype: TYPE_AAAA }, 2],
    [{ dnssecOk: true }, 3],
    [{ flags: FLAG_CD }, 4],
    [{ dnssecOk: true, flags: FLAG_CD | FLAG_RD }, 5],
    [{ dnssecOk: true, flags: FLAG_CD }, 5],
  ];
  rig.upstream = (query) => outcomeOf(query, { authority: [SOA] });
  for (const [options, asked] of queries) {
    await rig.ask(options);
    assert.equal(rig.asked.length, asked, JSON.stringify(options));
  }
});

test('Do better: IN alone is cached', async () => {
  const rig = new Rig();
  await rig.ask();
  for (let i = 0; i < 2; i++) assert.equal((await rig.ask({ qclass: 3 })).source, 'cache');
  assert.deepEqual(
    rig.asked.map(({ qclass }) => qclass),
    [1, 3, 3],
  );
});

test('other opcodes pass by', async () => {
  const rig = new Rig();
  await rig.ask();
  const answer = await rig.ask({ flags: OPCODE_NOTIFY << OPCODE_SHIFT });
  assert.deepEqual([rig.asked.length, answer.source], [2, 'forward']);
  assert.equal(await rig.metric('coredns_cache_requests_total'), 1);
});

test("Do better: the upstream's OPT reaches nobody, hit or miss", async () => {
  const rig = new Rig();
  rig.upstream = answering({ answer: [A], opt: { udpPayloadBytes: 4000 } });
  for (let i = 0; i < 2; i++) assert.deepEqual((await rig.ask()).records, [A]);
});

test('an outcome without response passes as it is', async () => {
  const rig = new Rig();
  rig.upstream = () => NOBODY;
  assert.equal(await rig.send(fakeQuery()), NOBODY);
  rig.upstream = async () => NOBODY;
  assert.equal(await rig.send(fakeQuery()), NOBODY);
});

test('an extended error of the rest of the chain passes', async () => {
  const rig = new Rig();
  rig.upstream = (query) => ({ ...outcomeOf(query, reply(2)), extendedError: { code: 22, text: '' } });
  assert.equal((await rig.ask()).extendedError, 22);
});

test('hits are answered when the table of queries in flight is full, misses are shed without an error', async () => {
  const rig = new Rig();
  await rig.ask();
  assert.equal((await rig.ask({ admitted: false })).rcode, 0);
  const shed = await rig.ask({ qname: 'other.example.org.', admitted: false });
  assert.deepEqual([shed.rcode, shed.flags, shed.source, shed.error], [2, undefined, 'cache', undefined]);
  assert.equal(rig.asked.length, 1);
});

test('a success takes the place of a denial, and the other way round', async () => {
  const rig = new Rig('cache {\n success 1024 3600 0\n denial 1024 1800 0\n}');
  const steps = [
    { message: { ...reply(3), authority: [SOA] }, rcode: 3, entries: [0, 1] },
    { message: { answer: [A] }, rcode: 0, entries: [1, 0] },
    { message: { authority: [SOA] }, rcode: 0, entries: [0, 1] },
  ];
  for (const { message, rcode, entries } of steps) {
    rig.upstream = answering(message);
    for (let i = 0; i < 2; i++) assert.equal((await rig.ask()).rcode, rcode);
    const count = (type: string) => rig.metric('coredns_cache_entries', `type="${type}"`);
    assert.deepEqual([await count('success'), await count('denial')], entries);
    rig.advance(60);
  }
  assert.equal(rig.asked.length, 3);
});
