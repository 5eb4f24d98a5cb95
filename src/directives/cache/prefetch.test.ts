import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FLAG_QR } from '../../wire/header.ts';
import { fakeQuery } from '../testing.ts';
import { answering, Held, inTurn, Rig } from './testing.ts';

const A = 'www.example.org. 60 A 192.0.2.1';
const A2 = 'www.example.org. 60 A 192.0.2.2';

/** A cache that has had its miss; waits are seconds before each hit. Gives how often the upstream has been asked. */
async function askAt(rig: Rig, waits: readonly number[]): Promise<number> {
  for (const wait of waits) {
    rig.advance(wait);
    await rig.ask();
    await nextTurn();
  }
  return rig.asked.length;
}

const cases = [
  { name: 'off by default', options: '', waits: [0, 58, 1], want: 1 },
  { name: 'off with 0', options: 'prefetch 0', waits: [0, 58, 1], want: 1 },
  { name: 'too few hits', options: 'prefetch 3', waits: [50, 5], want: 1 },
  { name: 'too early', options: 'prefetch 2', waits: [1, 1, 51], want: 1 },
  { name: 'with the last 10 %', options: 'prefetch 2', waits: [1, 1, 52], want: 2 },
  { name: 'with a percentage of its own', options: 'prefetch 2 1m 50%', waits: [10, 20], want: 2 },
  { name: 'hits with a gap between them do not add up', options: 'prefetch 2 10s', waits: [44, 11], want: 1 },
  { name: 'hits with less than that do', options: 'prefetch 2 10s', waits: [45, 10], want: 2 },
  { name: 'a single hit', options: 'prefetch 1', waits: [54], want: 2 },
];
for (const { name, options, waits, want } of cases) {
  test(`prefetch: ${name}`, async () => {
    const rig = new Rig(`cache {\n ${options}\n}`);
    await rig.ask();
    assert.equal(await askAt(rig, waits), want);
    assert.equal(await rig.metric('coredns_cache_prefetch_total'), want - 1);
  });
}

test('prefetch: answered from the cache, refreshed once on the side, the hits counted on', async () => {
  const rig = new Rig('cache {\n prefetch 2\n}');
  const held = new Held();
  rig.upstream = inTurn(answering({ answer: [A] }), held.behaviour);
  await rig.ask();
  rig.advance(54);
  await rig.ask();
  const { query, answer } = rig.start();
  assert.equal((await answer).records[0], A.replace(' 60 ', ' 6 '));
  await rig.ask();
  assert.equal(held.count, 1, 'one at a time');
  assert.deepEqual(
    query.backgrounds.map(({ protocol }) => protocol),
    ['tcp'],
  );
  held.release({ answer: [A2] });
  await nextTurn();
  assert.equal(query.backgrounds[0].doneCount, 1);
  rig.advance(54);
  assert.equal((await rig.ask()).records[0], A2.replace(' 60 ', ' 6 '));
  assert.equal(held.count, 1, 'the new answer was popular from the start');
});

test('prefetch: who misses while it is under way waits for it', async () => {
  const rig = new Rig('cache {\n prefetch 1\n}');
  const held = new Held();
  rig.upstream = inTurn(answering({ answer: [A] }), held.behaviour);
  await rig.ask();
  rig.advance(59);
  await rig.ask();
  rig.advance(1);
  const { answer } = rig.start();
  assert.equal(held.count, 1);
  held.release({ answer: [A2] });
  assert.deepEqual((await answer).records, [A2]);
});

test('Do better: a refresh that fails hides no good answer', async () => {
  const rig = new Rig('cache {\n prefetch 1\n}');
  rig.upstream = inTurn(answering({ answer: [A] }), answering({ flags: FLAG_QR | 2 }));
  await rig.ask();
  assert.equal(await askAt(rig, [59]), 2);
  assert.deepEqual((await rig.ask()).records, [A.replace(' 60 ', ' 1 ')]);
});

test('prefetch: the chain may break', async () => {
  const rig = new Rig('cache {\n prefetch 1\n}');
  rig.upstream = inTurn(answering({ answer: [A] }), () => {
    throw new Error('broken');
  });
  await rig.ask();
  rig.advance(59);
  const { query, answer } = rig.start();
  assert.equal((await answer).rcode, 0);
  await nextTurn();
  assert.equal(query.backgrounds[0].doneCount, 1);
  assert.deepEqual(rig.block.lines(), ['[ERROR] plugin/cache: refreshing www.example.org. failed: broken']);
});

const refreshCases = [
  { name: 'about to expire, with prefetch', options: 'prefetch 1', wait: 55, want: 2 },
  { name: 'about to expire, without', options: '', wait: 55, want: 1 },
  { name: 'refreshed meanwhile', options: 'prefetch 1', wait: 1, want: 1 },
  { name: 'stale', options: 'serve_stale', wait: 61, want: 2 },
  { name: 'gone', options: '', wait: 61, want: 1 },
];
for (const { name, options, wait, want } of refreshCases) {
  test(`refresh, as a responder asks for it: ${name}`, async () => {
    const rig = new Rig(`cache {\n ${options}\n}`);
    await rig.ask();
    rig.advance(wait);
    rig.block.hits.cache?.refresh(fakeQuery());
    assert.equal(rig.asked.length, want);
    await nextTurn();
  });
}
