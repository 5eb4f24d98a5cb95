import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { OnDialed } from './dialer.ts';
import { Exchange } from './exchange.ts';
import { StreamPool } from './stream-pool.ts';
import { TcpChannel } from './tcp-channel.ts';
import { queryOf } from './testing.ts';
import { TimerWheel } from './timer-wheel.ts';

/** A pool on a clock that the test turns, whose dials the test decides. */
function fakePool(timeoutsMs: number[] = []) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  const dials: OnDialed[] = [];
  const dial = (timeoutMs: number, onDialed: OnDialed) => {
    timeoutsMs.push(timeoutMs);
    dials.push(onDialed);
    return () => {};
  };
  const wheel = new TimerWheel(Date.now);
  const pool = new StreamPool({ dial }, '192.0.2.1:53', {
    wheel,
    nowMs: Date.now,
    readTimeoutMs: 2000,
    idleMs: 10_000,
    maxAgeMs: 0,
    maxIdle: 0,
    openChannel: (socket, events) => new TcpChannel(socket, events),
    onStray: () => {},
    onTake: () => {},
  });
  const failures: string[] = [];
  const ask = (deadlineInMs = 5000) => {
    const asker = { onReply: () => assert.fail('a reply'), onFailure: (error: Error) => failures.push(error.message) };
    const deadlineMs = Date.now() + deadlineInMs;
    pool.exchange(new Exchange({ request: queryOf(), asker, receiveLimitBytes: 512, deadlineMs }), Date.now());
  };
  const passMs = (ms: number) => {
    for (let i = 0; i < ms; i += 5) mock.timers.tick(5);
  };
  return { pool, wheel, dials, failures, ask, passMs };
}

test.afterEach(() => mock.timers.reset());

test('one dial at a time, for which all queries wait', () => {
  const { pool, wheel, dials, failures, ask } = fakePool();
  for (let i = 0; i < 100; i++) ask();
  assert.equal(dials.length, 1);
  assert.equal(pool.size, 1);
  dials[0](new Error('refused'));
  assert.deepEqual(failures, Array(100).fill('refused'));
  assert.deepEqual([pool.size, wheel.count], [0, 0]);
});

test('an upstream that refuses is dialled a few times a second, whatever the load', () => {
  const { dials, failures, ask, passMs } = fakePool();
  let answered = 0;
  for (let ms = 0; ms < 10_000; ms += 5) {
    for (let i = 0; i < 5; i++) ask();
    for (; answered < dials.length; answered++) dials[answered](new Error('refused'));
    passMs(5);
  }
  assert.ok(dials.length >= 40 && dials.length <= 90, `${dials.length} dials in 10 s`);
  assert.equal(failures.length, 10_000);
});

test('a query does not wait for a dial for longer than 2 s, nor beyond its deadline', () => {
  const { pool, dials, failures, ask, passMs } = fakePool();
  ask();
  ask(500);
  passMs(520);
  assert.deepEqual(failures, ['dial tcp 192.0.2.1:53: i/o timeout']);
  passMs(1500);
  assert.equal(failures.length, 2);
  ask();
  assert.equal(dials.length, 1, 'the dial goes on');
  assert.equal(pool.size, 1);
});

test('a dial is given the time that the last ones took, and no more than the query has', () => {
  const timeoutsMs: number[] = [];
  const { dials, ask, passMs } = fakePool(timeoutsMs);
  for (let i = 0; i < 20; i++) {
    ask(60_000);
    passMs(10);
    dials[i](new Error('refused'));
    passMs(300);
  }
  ask(700);
  assert.equal(timeoutsMs[0], 30_000);
  assert.ok(timeoutsMs[1] > 20_000 && timeoutsMs[1] < 30_000, `${timeoutsMs[1]}`);
  assert.equal(timeoutsMs[19], 1000);
  assert.equal(timeoutsMs[20], 700);
});

test('a retired pool gives up a dial that nobody waits for', () => {
  const { pool, ask, passMs, failures } = fakePool();
  ask(100);
  pool.retire();
  assert.equal(pool.size, 1);
  passMs(150);
  assert.deepEqual([pool.size, failures.length], [0, 1]);
});
