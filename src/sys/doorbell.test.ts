import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Doorbell } from './doorbell.ts';
import { EpollSet } from './epoll.ts';

test('doorbell: rung by whoever has its descriptor, it is heard until it is answered', (t) => {
  const bell = new Doorbell();
  const other = new Doorbell(bell.fd);
  const set = new EpollSet();
  t.after(() => {
    set.close();
    bell.close();
  });
  set.add(bell.fd);
  assert.equal(set.wait(0), 0);
  other.ring();
  other.ring();
  assert.equal(set.wait(-1), 1);
  assert.equal(set.readable(0), bell.fd);
  assert.equal(set.wait(0), 1);
  bell.answer();
  assert.equal(set.wait(0), 0);
  bell.answer(); // Nobody rang: nothing happens.
  other.ring();
  set.remove(bell.fd);
  assert.equal(set.wait(0), 0);
});
