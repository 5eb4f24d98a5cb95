import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAG_AD, FLAG_CD, FLAG_QR, FLAG_RA, FLAG_RD, FLAG_TC } from '../../wire/header.ts';
import { nameFromText } from '../../wire/name.ts';
import { TYPE_A, TYPE_AAAA, TYPE_HINFO } from '../../wire/types.ts';
import { type FakeQueryOptions, fakeQuery } from '../testing.ts';
import { Held, NOBODY, outcomeOf, Rig } from './testing.ts';

const WWW = nameFromText('www.example.org.') ?? assert.fail();
const A = 'www.example.org. 60 A 192.0.2.1';

/** A cache whose upstream keeps all waiting. */
function newRig(directive?: string) {
  const rig = new Rig(directive);
  const held = new Held();
  rig.upstream = held.behaviour;
  return { rig, held };
}

test('Do better: equal questions in flight are one for the upstream', async () => {
  const { rig, held } = newRig();
  const variants: FakeQueryOptions[] = [
    {},
    { qname: 'WWW.Example.ORG.' },
    { flags: 0 },
    { flags: FLAG_AD },
    { udpPayloadBytes: 1232 },
    { protocol: 'tcp' },
  ];
  const started = variants.map((options) => rig.start(options));
  assert.equal(held.count, 1);
  for (const { query } of started) assert.equal(query.admitCount, 1, 'each takes a place');
  held.release({ answer: [A], flags: FLAG_QR | FLAG_RA | FLAG_RD | FLAG_AD });
  const answers = await Promise.all(started.map(({ answer }) => answer));
  for (const answer of answers) assert.deepEqual([answer.rcode, answer.records, answer.source], [0, [A], 'cache']);
  const common = FLAG_QR | FLAG_RA;
  assert.deepEqual(
    answers.map(({ flags }) => flags),
    [common | FLAG_RD, common | FLAG_RD, common, common | FLAG_AD, common | FLAG_RD, common | FLAG_RD],
  );
  assert.equal(rig.asked.length, 1);
  assert.equal(await rig.metric('coredns_cache_misses_total'), 6);
  assert.equal((await rig.ask()).rcode, 0);
  assert.equal(rig.asked.length, 1, 'and then there is an answer in the cache');
});

test('HINFO is never shared: a probe of loop that comes back must be seen each time', () => {
  const { rig, held } = newRig();
  for (let i = 0; i < 3; i++) void rig.start({ qtype: TYPE_HINFO }).answer;
  assert.equal(held.count, 3);
});

test('a nested query is never shared: it may be what the one in flight is waiting for', async () => {
  const rig = new Rig();
  rig.upstream = (query) => (query.isNested ? outcomeOf(query, { answer: [A] }) : query.resolve(WWW, TYPE_A));
  const query = fakeQuery({ resolve: (nested) => rig.send(nested) });
  assert.equal((await rig.send(query)).response?.answerCount, 1);
  assert.equal(rig.asked.length, 2);
});

test('each gets bytes of its own', async () => {
  const { rig, held } = newRig();
  const outcomes = [rig.send(fakeQuery()), rig.send(fakeQuery())];
  held.release({ answer: [A] });
  const [one, other] = await Promise.all(outcomes);
  one.response?.bytes.fill(0);
  assert.equal(other.response?.answerCount, 1);
});

test('questions that differ in name, type, class, DO or CD are asked apart', () => {
  const { rig, held } = newRig();
  const all = [
    {},
    { qname: 'ww.example.org.' },
    { qtype: TYPE_AAAA },
    { qclass: 3 },
    { dnssecOk: true },
    { flags: FLAG_CD },
  ];
  for (const options of all) rig.start(options);
  assert.equal(held.count, all.length);
});

const failures = [
  { name: 'no response', fail: (held: Held) => held.answer(NOBODY), want: NOBODY.rcode, error: 'no answer' },
  { name: 'REFUSED', fail: (held: Held) => held.release({ flags: FLAG_QR | 5 }), want: 5, error: undefined },
];
for (const { name, fail, want, error } of failures) {
  test(`all share a failure, and the next one asks again: ${name}`, async () => {
    const { rig, held } = newRig();
    const started = [rig.start(), rig.start(), rig.start()];
    fail(held);
    for (const { answer } of started) {
      const { rcode, error: text } = await answer;
      assert.deepEqual([rcode, text], [want, error]);
    }
    const again = rig.start();
    assert.equal(held.count, 1);
    held.release({ answer: [A] });
    assert.equal((await again.answer).rcode, 0);
  });
}

test('nothing is left behind when the rest of the chain rejects or throws', async () => {
  const { rig, held } = newRig();
  const started = [rig.start(), rig.start()];
  held.fail(new Error('broken'));
  for (const { answer } of started) await assert.rejects(answer, { message: 'broken' });
  rig.upstream = () => {
    throw new Error('thrown');
  };
  assert.throws(() => rig.send(fakeQuery()), { message: 'thrown' });
  rig.upstream = (query) => outcomeOf(query, { answer: [A] });
  assert.deepEqual((await rig.ask()).records, [A]);
});

test('a query that finds the table of queries in flight full does not wait for others either', async () => {
  const { rig, held } = newRig();
  const first = rig.start();
  const shed = await rig.start({ admitted: false }).answer;
  assert.deepEqual([shed.rcode, shed.error], [2, undefined]);
  held.release({ answer: [A] });
  assert.equal((await first.answer).rcode, 0);
});

const roomier: { name: string; first: FakeQueryOptions; others: FakeQueryOptions }[] = [
  { name: 'TCP', first: { udpPayloadBytes: 4096 }, others: { protocol: 'tcp' } },
  { name: 'a larger payload', first: {}, others: { udpPayloadBytes: 1232 } },
];
for (const { name, first, others } of roomier) {
  test(`clients with more room do not get the truncated answer of one with less: ${name}`, async () => {
    const { rig, held } = newRig();
    const [small, ...roomy] = [first, others, others].map((options) => rig.start(options));
    held.release({ flags: FLAG_QR | FLAG_TC });
    assert.equal((await small.answer).flags, FLAG_QR | FLAG_TC);
    assert.equal(held.count, 1, 'the others share the next query');
    held.release({ answer: [A] });
    for (const { answer } of roomy) assert.deepEqual((await answer).records, [A]);
    assert.equal(rig.asked.length, 2);
  });
}

test('clients with no more room share a truncated answer', async () => {
  const { rig, held } = newRig();
  const started = [{ udpPayloadBytes: 1232 }, { udpPayloadBytes: 1232 }, {}].map((options) => rig.start(options));
  held.release({ flags: FLAG_QR | FLAG_TC });
  for (const { answer } of started) assert.equal((await answer).flags, FLAG_QR | FLAG_TC);
  assert.equal(rig.asked.length, 1);
});

test('what the directives below leave for log is there for all who waited', async () => {
  const { rig, held } = newRig();
  const started = [rig.start(), rig.start()];
  rig.asked[0].metadata.set('forward/upstream', '192.0.2.53:53');
  held.release({ answer: [A] });
  for (const { query, answer } of started) {
    await answer;
    assert.equal(query.metadata.get('forward/upstream'), '192.0.2.53:53');
  }
});

test('an answer that comes at once is shared with nobody', async () => {
  const rig = new Rig('cache {\n servfail 0\n}');
  rig.upstream = (query) => outcomeOf(query, { flags: FLAG_QR | 2 });
  for (let i = 0; i < 3; i++) assert.ok(!(rig.send(fakeQuery()) instanceof Promise));
  assert.equal(rig.asked.length, 3);
});
