import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FLAG_AA, FLAG_AD, FLAG_QR, FLAG_RA, FLAG_RD, FLAG_TC } from '../../wire/header.ts';
import type { MessageText } from '../../wire/testing/build.ts';
import { answering, type Behaviour, Held, inTurn, NOBODY, Rig } from './testing.ts';

const A = 'www.example.org. 60 A 192.0.2.1';
const A2 = 'www.example.org. 60 A 192.0.2.2';
const STALE = A.replace(' 60 ', ' 0 ');
const SOA = 'example.org. 60 SOA ns.example.org. root.example.org. 1 2 3 4 60';
const NXDOMAIN = { flags: FLAG_QR | FLAG_RD | FLAG_RA | 3, authority: [SOA] };
const SERVFAIL = { flags: FLAG_QR | FLAG_RD | FLAG_RA | 2 };
const REFUSED = { flags: FLAG_QR | FLAG_RD | FLAG_RA | 5 };
const EDE_STALE = 3;
const EDE_STALE_NXDOMAIN = 19;

/** A cache that holds A, or what `first` says, since `age` seconds; then the upstream behaves like `then`. */
async function staleRig(
  options: string,
  then: Behaviour,
  { age = 61, first = { answer: [A] } as MessageText, policy = '' } = {},
) {
  const rig = new Rig(`cache {\n serve_stale ${options}\n ${policy}\n}`);
  rig.upstream = inTurn(answering(first), then);
  await rig.ask();
  rig.advance(age);
  return rig;
}

/** What is answered now, and how often the upstream has been asked after that. */
async function outcome(rig: Rig, options = {}) {
  const { rcode, records, extendedError } = await rig.ask(options);
  await nextTurn();
  return { rcode, record: records[0], extendedError, asked: rig.asked.length };
}

// When an answer is stale.
const windowCases = [
  {
    name: 'one second before it expires',
    options: '10s',
    age: 59,
    want: { record: A.replace(' 60 ', ' 1 '), extendedError: undefined, asked: 1 },
  },
  { name: 'as it expires', options: '10s', age: 60, want: { record: STALE, extendedError: EDE_STALE, asked: 2 } },
  {
    name: 'until DURATION has passed',
    options: '10s',
    age: 69.9,
    want: { record: STALE, extendedError: EDE_STALE, asked: 2 },
  },
  { name: 'not after DURATION', options: '10s', age: 70, want: { record: A2, extendedError: undefined, asked: 2 } },
  { name: 'an hour by default', options: '', age: 3659, want: { record: STALE, extendedError: EDE_STALE, asked: 2 } },
  { name: 'not at all with 0', options: '0', age: 60, want: { record: A2, extendedError: undefined, asked: 2 } },
];
for (const { name, options, age, want } of windowCases) {
  test(`stale: ${name}`, async () => {
    const rig = await staleRig(options, answering({ answer: [A2] }), { age });
    assert.deepEqual(await outcome(rig), { rcode: 0, ...want });
  });
}

test('a stale answer has the flags of a hit', async () => {
  const rig = await staleRig('1h', answering({ answer: [A2] }), {
    first: { answer: [A], flags: FLAG_QR | FLAG_RA | FLAG_AD },
  });
  assert.equal((await rig.ask()).flags, FLAG_QR | FLAG_AA | FLAG_RA | FLAG_RD);
});

test('a stale NXDOMAIN says so', async () => {
  const rig = await staleRig('1h', answering({ answer: [A] }), { first: NXDOMAIN });
  const { rcode, extendedError } = await outcome(rig);
  assert.deepEqual([rcode, extendedError], [3, EDE_STALE_NXDOMAIN]);
  assert.equal((await outcome(rig)).record, A);
});

const ttlCases = [
  { name: '0 by default', options: '1h', want: 0 },
  { name: 'RESPONSE_TTL, immediate', options: '1h immediate 30s', want: 30 },
  { name: 'RESPONSE_TTL, verify', options: '1h verify 0 30s', want: 30 },
  { name: '0 with keepttl as well', options: '1h\n keepttl', want: 0 },
];
for (const { name, options, want } of ttlCases) {
  test(`TTL of stale answers: ${name}`, async () => {
    const rig = await staleRig(options, () => NOBODY);
    assert.equal((await outcome(rig)).record, A.replace(' 60 ', ` ${want} `));
  });
}

// immediate: what the second query gets, after the refresh that the first one has caused.
const refreshCases = [
  { name: 'a new answer', later: { answer: [A2] }, want: { rcode: 0, record: A2, extendedError: undefined, asked: 2 } },
  { name: 'NXDOMAIN', later: NXDOMAIN, want: { rcode: 3, record: SOA, extendedError: undefined, asked: 2 } },
  {
    name: 'NXDOMAIN that cannot be stored: nothing old is served',
    later: { ...NXDOMAIN, authority: [] },
    want: { rcode: 3, record: undefined, extendedError: undefined, asked: 3 },
  },
  {
    name: 'Do better: SERVFAIL does not hide the stale answer',
    later: SERVFAIL,
    want: { rcode: 0, record: STALE, extendedError: EDE_STALE, asked: 2 },
  },
  {
    name: 'REFUSED does not either',
    later: REFUSED,
    want: { rcode: 0, record: STALE, extendedError: EDE_STALE, asked: 2 },
  },
  {
    name: 'the answer to another question does not either',
    later: { question: 'x.example.org. A' },
    want: { rcode: 0, record: STALE, extendedError: EDE_STALE, asked: 2 },
  },
  {
    name: 'a truncated one does not either',
    later: { flags: FLAG_QR | FLAG_TC },
    want: { rcode: 0, record: STALE, extendedError: EDE_STALE, asked: 3 },
  },
];
for (const { name, later, want } of refreshCases) {
  test(`immediate: refreshed by ${name}`, async () => {
    const rig = await staleRig('1h', answering(later));
    assert.deepEqual(await outcome(rig), { rcode: 0, record: STALE, extendedError: EDE_STALE, asked: 2 });
    assert.deepEqual(await outcome(rig), want);
  });
}

test('immediate: the refresh comes as if over TCP, one at a time, and gives its place back', async () => {
  const held = new Held();
  const rig = await staleRig('1h', held.behaviour);
  const { query, answer } = rig.start();
  assert.equal((await answer).records[0], STALE);
  for (let i = 0; i < 3; i++) assert.equal((await rig.ask()).records[0], STALE);
  assert.equal(held.count, 1);
  const [background] = query.backgrounds;
  assert.deepEqual([background.protocol, background.admitCount, background.doneCount], ['tcp', 1, 0]);
  held.release({ answer: [A2] });
  await nextTurn();
  assert.equal(background.doneCount, 1);
  assert.equal((await rig.ask()).records[0], A2);
  assert.equal(query.admitCount, 0, 'who is answered at once needs no place');
  assert.equal(await rig.metric('coredns_cache_served_stale_total'), 4);
  assert.equal(await rig.metric('coredns_cache_prefetch_total'), 1);
  assert.equal(await rig.metric('coredns_cache_hits_total', 'type="success"'), 5);
});

test('immediate: without a place for the refresh, the stale answer alone', async () => {
  const rig = await staleRig('1h', answering({ answer: [A2] }));
  const { query, answer } = rig.start({ admitted: false });
  assert.equal((await answer).records[0], STALE);
  assert.deepEqual([rig.asked.length, query.backgrounds[0].doneCount], [1, 1]);
  assert.equal(await rig.metric('coredns_cache_prefetch_total'), 0);
});

const recheckCases = [
  { name: 'Do better: not asked again for 5 s after a failure', options: '1h', waits: [0, 4.9, 0.2], asked: [2, 2, 3] },
  { name: 'FAILURE_RECHECK', options: '1h immediate 0 30s', waits: [0, 29, 2], asked: [2, 2, 3] },
  { name: 'FAILURE_RECHECK 0', options: '1h immediate 0 0', waits: [0, 0], asked: [2, 3] },
  { name: 'FAILURE_RECHECK of verify', options: '1h verify 0 0 30s', waits: [0, 29, 2], asked: [2, 2, 3] },
];
for (const { name, options, waits, asked } of recheckCases) {
  test(`a failed refresh: ${name}`, async () => {
    const rig = await staleRig(options, answering(SERVFAIL));
    for (const [i, wait] of waits.entries()) {
      rig.advance(wait);
      assert.deepEqual(await outcome(rig), { rcode: 0, record: STALE, extendedError: EDE_STALE, asked: asked[i] });
    }
  });
}

test('a SERVFAIL that was there first hides no answer, and is never served stale', async () => {
  const rig = await staleRig('1h', answering({ answer: [A] }), { first: SERVFAIL, age: 4 });
  assert.equal((await rig.ask()).rcode, 2);
  rig.advance(1);
  assert.deepEqual(await outcome(rig), { rcode: 0, record: A, extendedError: undefined, asked: 2 });
});

// verify: what the first query gets.
const verifyCases = [
  {
    name: 'the new answer',
    later: answering({ answer: [A2] }),
    want: { rcode: 0, record: A2, extendedError: undefined },
  },
  { name: 'NXDOMAIN', later: answering(NXDOMAIN), want: { rcode: 3, record: SOA, extendedError: undefined } },
  {
    name: 'NXDOMAIN without SOA',
    later: answering({ ...NXDOMAIN, authority: [] }),
    want: { rcode: 3, record: undefined, extendedError: undefined },
  },
  {
    name: 'the stale one for SERVFAIL',
    later: answering(SERVFAIL),
    want: { rcode: 0, record: STALE, extendedError: EDE_STALE },
  },
  {
    name: 'the stale one for REFUSED',
    later: answering(REFUSED),
    want: { rcode: 0, record: STALE, extendedError: EDE_STALE },
  },
  {
    name: 'the stale one for no answer',
    later: () => NOBODY,
    want: { rcode: 0, record: STALE, extendedError: EDE_STALE },
  },
  {
    name: 'the stale one for the answer to another question',
    later: answering({ question: 'x.example.org. A' }),
    want: { rcode: 0, record: STALE, extendedError: EDE_STALE },
  },
  {
    name: 'the stale one if the chain breaks',
    later: async () => Promise.reject(new Error('broken')),
    want: { rcode: 0, record: STALE, extendedError: EDE_STALE },
  },
];
for (const mode of ['verify', 'verify 1h']) {
  for (const { name, later, want } of verifyCases) {
    test(`${mode}: ${name}`, async () => {
      const rig = await staleRig(`1h ${mode}`, later);
      assert.deepEqual(await outcome(rig), { ...want, asked: 2 });
    });
  }
}

test('verify: a denial that is found to be over is over', async () => {
  const rig = await staleRig('1h verify', answering({ answer: [A] }), { first: NXDOMAIN });
  for (let i = 0; i < 2; i++)
    assert.deepEqual(await outcome(rig), { rcode: 0, record: A, extendedError: undefined, asked: 2 });
});

test('verify: a truncated answer is passed on, for the client to come back over TCP', async () => {
  const rig = await staleRig('1h verify', answering({ flags: FLAG_QR | FLAG_TC }));
  assert.equal((await rig.ask()).flags, FLAG_QR | FLAG_TC);
});

test('verify: AD is for those who ask with DO or AD', async () => {
  const rig = await staleRig('1h verify 0 0 0', answering({ answer: [A], flags: FLAG_QR | FLAG_AD }));
  assert.equal((await rig.ask({ flags: 0 })).flags, FLAG_QR);
  rig.advance(61);
  assert.equal((await rig.ask({ flags: FLAG_AD })).flags, FLAG_QR | FLAG_AD);
});

test('verify: equal questions wait for one query, and stale answers are counted', async () => {
  const held = new Held();
  const rig = await staleRig('1h verify', held.behaviour);
  const started = [rig.start(), rig.start(), rig.start()];
  assert.equal(held.count, 1);
  held.release(SERVFAIL);
  for (const { query, answer } of started) {
    assert.equal((await answer).records[0], STALE);
    assert.equal(query.admitCount, 1);
  }
  assert.equal(await rig.metric('coredns_cache_served_stale_total'), 3);
  assert.equal(await rig.metric('coredns_cache_prefetch_total'), 0);
});

test('verify: with the table of queries in flight full, the stale answer at once', async () => {
  const rig = await staleRig('1h verify', answering({ answer: [A2] }));
  assert.deepEqual(await outcome(rig, { admitted: false }), {
    rcode: 0,
    record: STALE,
    extendedError: EDE_STALE,
    asked: 1,
  });
});

test('VERIFY_TIMEOUT: the stale answer in time, and the late one is kept', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const held = new Held();
  const rig = await staleRig('1h verify 100ms', held.behaviour);
  const { query, answer } = rig.start();
  let answered = false;
  answer.then(() => {
    answered = true;
  });
  t.mock.timers.tick(99);
  await nextTurn();
  assert.equal(answered, false);
  t.mock.timers.tick(1);
  assert.deepEqual([(await answer).records[0], (await answer).extendedError], [STALE, EDE_STALE]);
  assert.equal(query.backgrounds[0].doneCount, 0);
  held.release({ answer: [A2] });
  await nextTurn();
  assert.equal(query.backgrounds[0].doneCount, 1);
  assert.equal((await rig.ask()).records[0], A2);
  assert.equal(rig.asked.length, 2);
});

for (const protocol of ['udp', 'tcp'] as const) {
  test(`VERIFY_TIMEOUT: the upstream is asked as the client asks (${protocol})`, async () => {
    const rig = await staleRig('1h verify 100ms', answering({ answer: [A2] }));
    const { query, answer } = rig.start({ protocol });
    assert.equal((await answer).records[0], A2);
    assert.equal(query.backgrounds[0].protocol, protocol);
  });
}

test('VERIFY_TIMEOUT: who comes while the upstream is being asked waits as long again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const held = new Held();
  const rig = await staleRig('1h verify 100ms', held.behaviour);
  const first = rig.start();
  t.mock.timers.tick(60);
  const second = rig.start();
  t.mock.timers.tick(40);
  assert.equal((await first.answer).records[0], STALE);
  held.release({ answer: [A2] });
  assert.equal((await second.answer).records[0], A2);
  assert.equal(rig.asked.length, 2);
});

// serve_stale_policy prefer_positive
const POLICY = 'serve_stale_policy prefer_positive';
const policyCases = [
  { name: 'NXDOMAIN', later: NXDOMAIN, want: A },
  { name: 'NODATA', later: { authority: [SOA] }, want: A },
  { name: 'a referral', later: { authority: ['example.org. 60 NS ns.example.org.'] }, want: A },
  { name: 'an empty answer', later: {}, want: A },
  { name: 'SERVFAIL', later: SERVFAIL, want: A },
  { name: 'a new answer', later: { answer: [A2] }, want: A2 },
];
for (const { name, later, want } of policyCases) {
  for (const mode of ['verify', 'immediate']) {
    test(`prefer_positive, ${mode}: refreshed by ${name}`, async () => {
      const rig = await staleRig(`1h ${mode}`, answering(later), { policy: POLICY });
      await outcome(rig);
      const { rcode, record } = await outcome(rig);
      assert.deepEqual([rcode, record], [0, want === A ? STALE : want]);
      assert.equal(rig.asked.length, 2, 'nor is the upstream asked each time');
    });
  }
}

test('prefer_positive: once the answer is too old, the denial is served', async () => {
  const rig = await staleRig('10s verify', answering(NXDOMAIN), { policy: POLICY });
  assert.equal((await outcome(rig)).record, STALE);
  rig.advance(10);
  assert.deepEqual(await outcome(rig), {
    rcode: 3,
    record: SOA.replace(' 60 ', ' 50 '),
    extendedError: undefined,
    asked: 2,
  });
});

test('prefer_positive: a denial that is verified is just that', async () => {
  const rig = await staleRig('1h verify', answering({ authority: [SOA] }), { first: NXDOMAIN, policy: POLICY });
  assert.deepEqual(await outcome(rig), { rcode: 0, record: SOA, extendedError: undefined, asked: 2 });
});
