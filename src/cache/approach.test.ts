import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Approach } from './approach.ts';
import { Memory } from './layout.ts';
import { CacheStore } from './store.ts';
import { CHECKED_NAME_OFFSET, CHECKED_TYPE, checkedAnswer } from './testing/checked-answer.ts';

const STORE_BYTES = 64 * 1024;
const KEYS = 16;

const cases = [
  { name: 'an empty store', stored: 0 },
  { name: 'a store that has some of the keys', stored: KEYS / 2 },
  { name: 'a full store', stored: 1000 },
];
for (const { name, stored } of cases) {
  test(`approach: touching changes nothing in ${name}`, () => {
    const store = new CacheStore(STORE_BYTES, [1, 2]);
    const partition = store.openPartition({ capacity: 1000 });
    const key = store.newKey();
    const hashes = new Int32Array(KEYS);
    for (let n = Math.max(stored, KEYS) - 1; n >= 0; n--) {
      const message = checkedAnswer(n, n, 100);
      key.set(message.bytes, CHECKED_NAME_OFFSET, message.bytes.length, CHECKED_TYPE, 0);
      if (n < stored) store.put(partition, key, { message, durationSeconds: 60, traits: 0, hits: 0 }, 0);
      if (n < KEYS) hashes[n] = key.hash;
    }
    const before = Buffer.from(Buffer.from(store.buffer));
    const approach = new Approach(new Memory(store.buffer), KEYS);
    for (let count = 0; count <= KEYS; count++) approach.touch(hashes, count);
    assert.ok(before.equals(Buffer.from(store.buffer)));
  });
}

test('approach: any hash will do, whatever is stored', () => {
  const store = new CacheStore(STORE_BYTES, [1, 2]);
  const approach = new Approach(new Memory(store.buffer), KEYS);
  const hashes = Int32Array.from({ length: KEYS }, (_, i) => (i % 2 === 0 ? 1 : -1) * (2 ** (2 * i) - 1));
  approach.touch(hashes, KEYS);
  assert.equal(approach.touched, 0, 'nothing is stored');
});
