import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAG_AA, FLAG_AD, FLAG_CD, FLAG_QR, FLAG_RA, FLAG_RD, FLAG_Z } from '../../wire/header.ts';
import type { MessageText } from '../../wire/testing/build.ts';
import { type FakeQueryOptions, fakeQuery } from '../testing.ts';
import { answering, Rig } from './testing.ts';

const A = 'www.example.org. 60 A 192.0.2.1';
const NS = 'example.org. 60 NS ns.example.org.';
const SOA = 'example.org. 60 SOA ns.example.org. root.example.org. 1 2 3 4 60';
const reply = (rcode: number, more = 0) => ({ flags: FLAG_QR | FLAG_RD | FLAG_RA | more | rcode });

// Header bits: those of the upstream and the query, then what a miss and a hit have.
const ALWAYS = FLAG_QR;
const flagCases: { name: string; upstream: number; query: FakeQueryOptions; miss: number; hit: number }[] = [
  {
    name: 'AA is set on hits',
    upstream: FLAG_RA | FLAG_RD,
    query: {},
    miss: FLAG_RA | FLAG_RD,
    hit: FLAG_AA | FLAG_RA | FLAG_RD,
  },
  {
    name: 'AA of the upstream stays',
    upstream: FLAG_AA | FLAG_RD,
    query: {},
    miss: FLAG_AA | FLAG_RD,
    hit: FLAG_AA | FLAG_RD,
  },
  { name: 'RD of a hit is that of the query', upstream: FLAG_RD, query: { flags: 0 }, miss: FLAG_RD, hit: FLAG_AA },
  { name: 'AD is cleared', upstream: FLAG_AD, query: { flags: 0 }, miss: 0, hit: FLAG_AA },
  {
    name: 'AD stays for who asked with AD',
    upstream: FLAG_AD,
    query: { flags: FLAG_AD },
    miss: FLAG_AD,
    hit: FLAG_AA | FLAG_AD,
  },
  {
    name: 'AD stays for who asked with DO',
    upstream: FLAG_AD,
    query: { flags: 0, dnssecOk: true },
    miss: FLAG_AD,
    hit: FLAG_AA | FLAG_AD,
  },
  { name: 'AD is not made up', upstream: 0, query: { flags: FLAG_AD }, miss: 0, hit: FLAG_AA },
  { name: 'CD of a hit is that of the query', upstream: 0, query: { flags: FLAG_CD }, miss: 0, hit: FLAG_AA | FLAG_CD },
  { name: 'Z is not kept', upstream: FLAG_Z, query: { flags: 0 }, miss: FLAG_Z, hit: FLAG_AA },
  { name: 'the rcode is kept', upstream: 2, query: { flags: 0 }, miss: 2, hit: FLAG_AA | 2 },
];
for (const { name, upstream, query, miss, hit } of flagCases) {
  test(`flags: ${name}`, async () => {
    const rig = new Rig();
    rig.upstream = answering({ flags: FLAG_QR | upstream, answer: [A] });
    assert.equal((await rig.ask(query)).flags, ALWAYS | miss);
    assert.equal((await rig.ask(query)).flags, ALWAYS | hit);
    assert.equal(rig.asked.length, 1);
  });
}

test('AD is kept for those who want it later', async () => {
  const rig = new Rig();
  rig.upstream = answering({ flags: FLAG_QR | FLAG_AD, answer: [A] });
  await rig.ask({ flags: 0 });
  assert.equal((await rig.ask({ flags: FLAG_AD })).flags, FLAG_QR | FLAG_AA | FLAG_AD);
});

test('the rest of the chain is asked with AD', async () => {
  const rig = new Rig();
  await rig.ask({ flags: FLAG_RD });
  assert.deepEqual(rig.askedFlags, [FLAG_RD | FLAG_AD]);
});

test('a hit shows the question as it was first spelled, with id 0: the server puts those of the client', async () => {
  const rig = new Rig();
  rig.upstream = answering({ question: 'wWw.example.org. A', answer: ['wWw.example.org. 60 A 192.0.2.1'] });
  await rig.ask({ qname: 'wWw.example.org.', id: 7 });
  const outcome = rig.send(fakeQuery({ qname: 'WWW.EXAMPLE.ORG.', id: 8 }));
  assert.ok(!(outcome instanceof Promise), 'a hit is answered at once');
  assert.deepEqual(
    [outcome.response?.id, outcome.response?.qname, outcome.response?.isOurs],
    [0, 'wWw.example.org.', true],
  );
});

// TTLs: what the upstream says, and what a miss says, and a hit two and a half seconds later.
const SOA_10 = 'example.org. 60 SOA ns.example.org. root.example.org. 1 2 3 4 10';
const ttlCases: { name: string; directive?: string; message: MessageText; miss: number[]; hit?: number[] }[] = [
  {
    name: 'one for all records',
    message: {
      answer: [A],
      authority: ['example.org. 30 NS ns.example.org.'],
      additional: ['ns.example.org. 90 A 192.0.2.2'],
    },
    miss: [30, 30, 30],
    hit: [28, 28, 28],
  },
  { name: 'at least 5 s', message: { answer: ['www.example.org. 1 A 192.0.2.1'] }, miss: [5], hit: [3] },
  { name: 'at most an hour', message: { answer: ['www.example.org. 86400 A 192.0.2.1'] }, miss: [3600], hit: [3598] },
  {
    name: 'at most TTL, be it above an hour',
    directive: 'cache 7200',
    message: { answer: ['www.example.org. 86400 A 192.0.2.1'] },
    miss: [7200],
    hit: [7198],
  },
  {
    name: 'TTL wins over MINTTL',
    directive: 'cache {\n success 1024 10 20\n}',
    message: { answer: [A] },
    miss: [10],
    hit: [8],
  },
  {
    name: 'denials: at most half an hour',
    message: { ...reply(3), authority: ['example.org. 86400 SOA ns.example.org. root.example.org. 1 2 3 4 86400'] },
    miss: [1800],
    hit: [1798],
  },
  {
    name: 'Do better: negative TTL, the lower of SOA TTL and MINIMUM',
    message: { ...reply(3), authority: [SOA_10] },
    miss: [10],
    hit: [8],
  },
  {
    name: 'denials have limits of their own',
    directive: 'cache 60 {\n denial 1024 20\n}',
    message: { authority: [SOA] },
    miss: [20],
    hit: [18],
  },
  { name: 'SERVFAIL', message: { ...reply(2), authority: [NS] }, miss: [5], hit: [3] },
  {
    name: 'SERVFAIL with servfail',
    directive: 'cache {\n servfail 30s\n}',
    message: { ...reply(2), authority: [NS] },
    miss: [30],
    hit: [28],
  },
  { name: 'a referral', message: { authority: [NS] }, miss: [5], hit: [3] },
  { name: 'what is not kept is rewritten all the same', message: { ...reply(5), authority: [NS] }, miss: [5] },
  { name: 'keepttl', directive: 'cache {\n keepttl\n}', message: { answer: [A] }, miss: [60], hit: [60] },
];
for (const { name, directive, message, miss, hit } of ttlCases) {
  test(`TTL: ${name}`, async () => {
    const rig = new Rig(directive);
    rig.upstream = answering(message);
    const ttls = async () => (await rig.ask()).records.map((record) => Number(record.split(' ')[1]));
    assert.deepEqual(await ttls(), miss);
    if (hit === undefined) return;
    rig.advance(2.5);
    assert.deepEqual(await ttls(), hit);
    assert.equal(rig.asked.length, 1);
  });
}

test('an answer is good for its TTL and not a moment longer', async () => {
  const rig = new Rig();
  await rig.ask();
  rig.advance(59.999);
  assert.match((await rig.ask()).records[0], / 1 A /);
  rig.advance(0.001);
  assert.match((await rig.ask()).records[0], / 60 A /);
  assert.equal(rig.asked.length, 2);
});
