import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import type { Outcome } from '../contract.ts';
import { fakeBlock, fakeNext, fakeQuery } from '../testing.ts';
import { cancel, parse } from './cancel.ts';

const parseCases = [
  { input: 'cancel', want: 5001 },
  { input: 'cancel 1s', want: 1000 },
  { input: 'cancel 1500us', want: 1.5 },
  { input: 'cancel 10000h', want: 2 ** 31 - 1 },
  { input: 'cancel 0', error: 'Corefile:1: cancel: TIMEOUT must be more than 0, got "0"' },
  { input: 'cancel -1s', error: 'Corefile:1: cancel: TIMEOUT must be more than 0, got "-1s"' },
  { input: 'cancel 5', error: 'Corefile:1: cancel: TIMEOUT must be a duration such as 30s, 1m30s or 500ms, got "5"' },
  { input: 'cancel 1s 2s', error: 'Corefile:1: cancel: takes 0 to 1 arguments, got 2' },
  { input: 'cancel {\n 1s\n}', error: 'Corefile:2: cancel: takes no block, got "1s"' },
];
for (const { input, want, error } of parseCases) {
  test(`parse: ${JSON.stringify(input)}`, () => {
    const run = () => parse(cursorOf(input)).timeoutMs;
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.equal(run(), want);
  });
}

const ANSWER: Outcome = { response: undefined, rcode: 3, source: 'next' };

function chain(outcome: Outcome | Promise<Outcome>) {
  const block = fakeBlock();
  const handler =
    cancel.setup(parse(cursorOf('cancel 100ms')), block)?.(fakeNext(outcome)) ?? assert.fail('no handler');
  const query = fakeQuery();
  return { query, ask: () => handler(query), metrics: () => block.process.metrics.expose() };
}

test('an answer at once stays as it is', () => assert.equal(chain(ANSWER).ask(), ANSWER));

test('an answer in time stays as it is, and no timer is left', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const { query, ask, metrics } = chain(promise);
  const outcome = ask();
  t.mock.timers.tick(99);
  resolve(ANSWER);
  assert.equal(await outcome, ANSWER);
  assert.deepEqual(query.kept, []);
  t.mock.timers.tick(1000);
  assert.doesNotMatch(await metrics(), /nodens_cancelled_queries_total\{.*[1-9]$/m);
});

test('one that does not come in time is SERVFAIL, also if it comes or fails later', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  for (const end of ['resolve', 'reject'] as const) {
    const later = Promise.withResolvers<Outcome>();
    const { query, ask, metrics } = chain(later.promise);
    const outcome = ask();
    t.mock.timers.tick(100);
    const { rcode, response, error } = await outcome;
    assert.deepEqual([rcode, response, error?.message], [2, undefined, 'no answer within 100ms']);
    assert.deepEqual(query.kept, [later.promise], 'what goes on has its place in flight');
    if (end === 'resolve') later.resolve(ANSWER);
    else later.reject(new Error('too late'));
    await later.promise.catch(() => undefined);
    assert.match(await metrics(), /^nodens_cancelled_queries_total\{server="dns:\/\/:1053"\} 1$/m);
  }
});
