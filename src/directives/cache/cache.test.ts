import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  FLAG_AA,
  FLAG_AD,
  FLAG_CD,
  FLAG_QR,
  FLAG_RA,
  FLAG_RD,
  FLAG_TC,
  FLAG_Z,
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
const keptCases: { name: string; message: MessageText; query?: FakeQueryOptions; kept: boolean; directive?: string }[] =
  [
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

test('metrics: what is counted, and with which labels', async () => {
  const rig = new Rig('cache', {
    zones: ['example.org.', 'example.com.'],
    servers: ['dns://127.0.0.1:53', 'dns://:54'],
  });
  const server = 'dns://127.0.0.1:53';
  rig.upstream = (query) => outcomeOf(query, query.qname === 'a.example.org.' ? {} : { ...reply(3), authority: [SOA] });
  for (const [qname, times] of [
    ['a.example.org.', 4],
    ['b.example.org.', 2],
  ] as const) {
    for (let i = 0; i < times; i++) await rig.ask({ qname, server });
  }
  rig.upstream = answering({ question: 'x.example.org. A' });
  await rig.ask({ qname: 'c.example.org.', server });
  const end = 'view="",zones="example.org.,example.com."}';
  const labels = `{server="${server}",${end}`;
  const typed = (type: string, of = server) => `{server="${of}",type="${type}",${end}`;
  const want: [string, string, number | undefined][] = [
    ['coredns_cache_requests_total', labels, 7],
    ['coredns_cache_misses_total', labels, 3],
    ['coredns_cache_hits_total', typed('success'), 3],
    ['coredns_cache_hits_total', typed('denial'), 1],
    ['coredns_cache_drops_total', labels, 1],
    ['coredns_cache_prefetch_total', labels, 0],
    ['coredns_cache_served_stale_total', labels, 0],
    ['coredns_cache_evictions_total', typed('success'), 0],
    ['coredns_cache_entries', typed('success'), 1],
    ['coredns_cache_entries', typed('denial'), 1],
    ['coredns_cache_entries', typed('denial', 'dns://:54'), 1],
    ['nodens_cache_refused_total', labels, 0],
    ['nodens_cache_capacity_bytes', '', 256 * 1024],
    ['nodens_cache_bytes', '', rig.process.cacheStore.usedBytes],
  ];
  for (const [name, which, value] of want) assert.equal(await rig.metric(name, which), value, `${name} ${which}`);
  assert.ok(rig.process.cacheStore.usedBytes > 0);
});

test('Do better: eviction by SIEVE, counted, and entries stay right', async () => {
  const rig = new Rig('cache {\n success 1024\n}', { storeBytes: 1024 * 1024 });
  rig.upstream = (query) => outcomeOf(query, { answer: [`${query.qname} 60 A 192.0.2.1`] });
  await rig.ask({ qname: 'often.example.org.' });
  for (let i = 0; i < 1500; i++) {
    await rig.ask({ qname: `h${i}.example.org.` });
    await rig.ask({ qname: 'often.example.org.' });
  }
  assert.equal(rig.asked.length, 1501, 'what is asked for all the time is never evicted');
  assert.equal(await rig.metric('coredns_cache_entries', 'type="success"'), 1024);
  assert.equal(await rig.metric('coredns_cache_evictions_total', 'type="success"'), 1501 - 1024);
});

test('an answer that is too large for the cache is passed on, and counted', async () => {
  const rig = new Rig('cache', { storeBytes: 64 * 1024 });
  const answer = Array.from({ length: 100 }, (_, i) => `www.example.org. 60 A 192.0.2.${i}`);
  rig.upstream = answering({ answer });
  for (let i = 0; i < 2; i++) assert.equal((await rig.ask()).records.length, 100);
  assert.equal(rig.asked.length, 2);
  assert.equal(await rig.metric('nodens_cache_refused_total'), 2);
});

test('blocks share the memory but not the answers, and a reload gives it back', async () => {
  const rig = new Rig();
  const other = new Rig('cache', { beside: rig });
  await rig.ask();
  await other.ask();
  assert.equal(other.asked.length, 1);
  const { cacheStore } = rig.process;
  const both = cacheStore.usedBytes;
  await rig.block.stop();
  assert.equal(cacheStore.usedBytes, both / 2);
  assert.equal(await other.metric('coredns_cache_entries', 'type="success"'), 1);
  assert.equal((await other.ask()).source, 'cache');
  assert.equal(other.asked.length, 1);
  await rig.ask();
  assert.equal(cacheStore.usedBytes, both / 2, 'what comes in late is not stored');
});
