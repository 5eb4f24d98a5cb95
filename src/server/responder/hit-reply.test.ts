import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { answering, Held, NOBODY } from '../../directives/cache/testing.ts';
import type { Query } from '../../directives/contract.ts';
import { Prng } from '../../wire/testing/prng.ts';
import { ANSWERED_DUE, GROUP_SLOTS, HAND_OVER } from './hit-answers.ts';
import { type HitsOptions, HitsRig } from './testing/hits-rig.ts';
import { type RandomQuestion, randomAnswer, randomQuery, randomQuestion } from './testing/random-hits.ts';

const STEPS = 250;
const PAUSES_S = [0, 0, 0, 1, 2, 4, 6, 30, 61, 1000];
const FILLS = 4;

type Case = { name: string; directive: string; options?: HitsOptions };
const cases: Case[] = [
  { name: 'no options', directive: 'cache' },
  { name: 'keepttl', directive: 'cache {\n keepttl\n}' },
  { name: 'prefetch', directive: 'cache {\n prefetch 2 1m 90%\n}' },
  { name: 'prefetch and keepttl', directive: 'cache {\n prefetch 1 10s 50%\n keepttl\n}' },
  { name: 'stale', directive: 'cache {\n serve_stale\n}' },
  { name: 'stale with a TTL, prefetch', directive: 'cache {\n serve_stale 1h immediate 30 2s\n prefetch 2\n}' },
  { name: 'stale, verified', directive: 'cache {\n serve_stale 1h verify 0s 7 10s\n}' },
  {
    name: 'stale, positive ones preferred',
    directive: 'cache {\n serve_stale 1h immediate 5\n serve_stale_policy prefer_positive\n}',
  },
  {
    name: 'stale, verified, positive ones preferred, keepttl',
    directive: 'cache {\n serve_stale 1h verify 0s 5 1m\n serve_stale_policy prefer_positive\n keepttl\n}',
  },
  { name: 'errors in the chain', directive: 'cache {\n serve_stale\n}', options: { errorsInChain: true } },
  { name: 'bufsize 512', directive: 'cache', options: { maxUdpPayloadBytes: 512 } },
  { name: 'bufsize 1232, stale', directive: 'cache {\n serve_stale\n}', options: { maxUdpPayloadBytes: 1232 } },
  { name: 'bufsize 4096', directive: 'cache', options: { maxUdpPayloadBytes: 4096 } },
];

/** Has the upstream answer some queries, or fail to. */
async function fill(rig: HitsRig, prng: Prng, question: RandomQuestion): Promise<void> {
  for (let i = 0; i < FILLS; i++) {
    rig.rig.upstream = prng.below(5) === 0 ? () => NOBODY : answering(randomAnswer(prng, question));
    await rig.chain(randomQuery(prng, question, true));
    await nextTurn();
  }
}

function keyOf({ qname, qtype, dnssecOk, request }: Query): string {
  return `${qname} ${qtype} ${dnssecOk} ${request.cd}`;
}

/** Both ways, each from the same memory; what they leave in it must be the same as well. Returns how many were hits. */
async function compare(rig: HitsRig, prng: Prng, queries: Uint8Array[]): Promise<number> {
  const held = new Held();
  rig.rig.upstream = held.behaviour;
  const before = Buffer.from(rig.memory);
  const verdicts = rig.answer(...queries);
  const after = Buffer.from(rig.memory);
  before.copy(rig.memory);
  rig.rig.asked.length = 0;
  let handedOver = 0;
  let refreshes = 0;
  for (const [i, { verdict, reply }] of verdicts.entries()) {
    if (reply === undefined) {
      assert.equal(verdict, HAND_OVER);
      handedOver++;
      continue;
    }
    const askedBefore = rig.rig.asked.length;
    const wanted = rig.chain(queries[i]);
    assert.ok(wanted instanceof Uint8Array, 'the chain answers at once');
    assert.deepEqual(reply, wanted);
    const { asked } = rig.rig;
    if (asked.length > askedBefore) assert.equal(verdict, ANSWERED_DUE);
    if (verdict === ANSWERED_DUE) refreshes++;
  }
  assert.equal(refreshes > 0, rig.rig.asked.length > 0);
  assert.equal(new Set(rig.rig.asked.map(keyOf)).size, rig.rig.asked.length);
  assert.ok(after.equals(rig.memory), 'visited bits and counts of hits');
  if (prng.below(2) === 0) held.release(randomAnswer(prng, randomQuestion(prng)));
  else held.answer(NOBODY);
  await nextTurn();
  return verdicts.length - handedOver;
}

for (const [i, { name, directive, options }] of cases.entries()) {
  test(`a responder's reply is that of the chain, to the byte: ${name}`, async (t) => {
    const prng = new Prng(1000 + i);
    const rig = new HitsRig(t, directive, options);
    let hits = 0;
    for (let step = 0; step < STEPS; step++) {
      const question = randomQuestion(prng);
      if (prng.below(3) > 0) await fill(rig, prng, question);
      rig.rig.advance(prng.pick(PAUSES_S));
      const count = prng.below(4) > 0 ? 1 + prng.below(3) : 1 + prng.below(GROUP_SLOTS);
      const queries = Array.from({ length: count }, () =>
        randomQuery(prng, prng.below(6) > 0 ? question : randomQuestion(prng)),
      );
      hits += await compare(rig, prng, queries);
    }
    assert.ok(hits > STEPS / 2, `${hits} hits`);
  });
}
