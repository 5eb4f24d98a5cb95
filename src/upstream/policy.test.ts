import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPolicy } from './policy.ts';

const upstreams = ['a', 'b', 'c'];

test('sequential: as configured', () => {
  const policy = createPolicy('sequential');
  assert.deepEqual([policy(upstreams), policy(upstreams)], [upstreams, upstreams]);
});

test('round_robin: the next one first, then the others as configured', () => {
  const policy = createPolicy('round_robin');
  const orders = Array.from({ length: 4 }, () => policy(upstreams).join(''));
  assert.deepEqual(orders, ['bac', 'cab', 'abc', 'bac']);
  assert.deepEqual(policy(['a']), ['a']);
});

test('random: every order, about equally often', () => {
  const policy = createPolicy('random');
  const counts = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = policy(upstreams).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  for (const [order, count] of counts) assert.ok(count > 800 && count < 1200, `${order}: ${count} of 6000`);
  assert.deepEqual(upstreams, ['a', 'b', 'c'], 'the list itself stays as it is');
});
