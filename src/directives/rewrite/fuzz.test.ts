import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutate } from '../../wire/testing/mutate.ts';
import { Prng } from '../../wire/testing/prng.ts';
import { answerSeeds, querySeeds } from '../../wire/testing/seeds.ts';
import { parseMessage, sameQuestion } from '../../wire/view.ts';
import type { Outcome, Query } from '../contract.ts';
import { FakeQuery, fakeBlock } from '../testing.ts';
import { rewrite } from './rewrite.ts';
import { rulesOf } from './testing.ts';

/** All that change something, and apply to any name. */
const RULES = [
  'rewrite continue name substring . .x.',
  'rewrite continue name regex ^(.{0,40}).*$ {1}x.example answer name (.*)\\. {1}.test value (.*)\\. {1}.test',
  'rewrite continue name suffix example example.org answer auto',
  'rewrite continue type A AAAA',
  'rewrite continue class IN CH',
  'rewrite continue ttl regex .* 30-60',
  'rewrite continue rcode regex .* NOERROR BADCOOKIE',
  'rewrite continue cname regex (.*)\\. {1}.net.',
  'rewrite continue edns0 local set 1 {qname} revert',
  'rewrite continue edns0 subnet set 24 56 revert',
  'rewrite edns0 nsid unset revert',
];
const RUNS = 4000;

test('whatever comes from clients and upstreams: an outcome that can be read, and no exception', async () => {
  const prng = new Prng(20_261_127);
  const queries = querySeeds();
  const answers = answerSeeds();
  const below = (): Outcome => {
    const response = parseMessage(mutate(prng, answers));
    return { response, rcode: response.extendedRcode, source: 'forward' };
  };
  const handlers = [RULES, RULES.toReversed()].map((rules) => rewrite.setup(rulesOf(...rules), fakeBlock())?.(below));
  let rewritten = 0;
  for (let run = 0; run < RUNS; run++) {
    const request = parseMessage(mutate(prng, queries));
    // Others never come to a directive.
    if (request.malformed || request.questionCount !== 1) continue;
    const query: Query = new FakeQuery({ resolve: below }, request);
    const outcome = await handlers[run % 2]?.(query);
    if (outcome?.response === undefined) continue;
    rewritten++;
    const response = parseMessage(outcome.response.bytes);
    assert.equal(response.malformed, false);
    assert.ok(sameQuestion(response, request));
  }
  assert.ok(rewritten > RUNS / 10, `${rewritten}`);
});
