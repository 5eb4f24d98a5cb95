import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { type Timed, TimerWheel } from './timer-wheel.ts';

class Alarm implements Timed {
  dueAtMs = 0;
  wheelSlot = -1;
  wheelPrevious: Timed | undefined;
  wheelNext: Timed | undefined;
  readonly firedAtMs: number[] = [];
  readonly react: () => void;

  constructor(react: () => void = () => {}) {
    this.react = react;
  }

  onDue(nowMs: number): void {
    this.firedAtMs.push(nowMs);
    this.react();
  }
}

/** A wheel on a clock that the test turns. */
function fakeWheel() {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  const wheel = new TimerWheel(Date.now);
  const passMs = (ms: number) => {
    for (let i = 0; i < ms; i += 5) mock.timers.tick(5);
  };
  return { wheel, passMs, startMs: Date.now() };
}

test.afterEach(() => mock.timers.reset());

const cases = [
  { name: 'a time on a tick', inMs: 50 },
  { name: 'a time between ticks', inMs: 57 },
  { name: 'now', inMs: 0 },
  { name: 'a time that is over', inMs: -20 },
  { name: 'beyond the horizon', inMs: 25_000 },
];
for (const { name, inMs } of cases) {
  test(`fires once, not early and at most a tick late: ${name}`, () => {
    const { wheel, passMs, startMs } = fakeWheel();
    const alarm = new Alarm();
    wheel.add(alarm, startMs + inMs);
    passMs(30_000);
    assert.equal(alarm.firedAtMs.length, 1);
    const lateMs = alarm.firedAtMs[0] - startMs - Math.max(0, inMs);
    assert.ok(lateMs >= 0 && lateMs <= 15, `${lateMs} ms late`);
    assert.equal(wheel.count, 0);
  });
}

test('what is removed does not fire, its neighbours in the slot do', () => {
  const { wheel, passMs, startMs } = fakeWheel();
  const alarms = [new Alarm(), new Alarm(), new Alarm(), new Alarm()];
  for (const alarm of alarms) wheel.add(alarm, startMs + 100);
  for (const index of [3, 1]) wheel.remove(alarms[index]);
  wheel.remove(alarms[1]);
  assert.equal(wheel.count, 2);
  passMs(200);
  assert.deepEqual(
    alarms.map((alarm) => alarm.firedAtMs.length),
    [1, 0, 1, 0],
  );
});

test('a later timer does not hold up an earlier one that is added behind it', () => {
  const { wheel, passMs, startMs } = fakeWheel();
  const [late, early] = [new Alarm(), new Alarm()];
  wheel.add(late, startMs + 5000);
  wheel.add(early, startMs + 30);
  passMs(50);
  assert.deepEqual([early.firedAtMs.length, late.firedAtMs.length], [1, 0]);
});

test('a timer may remove one that is due with it, and add itself again', () => {
  const { wheel, passMs, startMs } = fakeWheel();
  const other = new Alarm();
  const alarm: Alarm = new Alarm(() => {
    wheel.remove(other);
    if (alarm.firedAtMs.length < 3) wheel.add(alarm, Date.now() + 20);
  });
  wheel.add(other, startMs + 20);
  wheel.add(alarm, startMs + 20);
  passMs(500);
  assert.equal(alarm.firedAtMs.length, 3);
  assert.ok(other.firedAtMs.length <= 1, 'whichever of the two comes first');
  assert.equal(wheel.count, 0);
});
