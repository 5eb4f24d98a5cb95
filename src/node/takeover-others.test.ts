/** What stays at the end of a process: with others that listen there, and where it shall. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { A, B, fakeNode, planFor } from './testing/takeover.ts';

const stays = [
  { name: 'another process listens', others: true, skipTeardown: false },
  { name: 'skipteardown', others: false, skipTeardown: true },
];
for (const { name, others, skipTeardown } of stays) {
  test(`the end with ${name}: all stays`, async (t) => {
    const node = fakeNode(t);
    await node.takeover.apply(planFor([A], { skipTeardown }));
    if (others) node.others.add(A);
    node.taken();
    await node.takeover.release();
    await node.takeover.giveBack();
    assert.deepEqual(node.taken(), []);
  });
}

test('the end where another process listens on one of two addresses: the other one goes', async (t) => {
  const node = fakeNode(t);
  await node.takeover.apply(planFor([A, B]));
  node.others.add(A);
  node.taken();
  await node.takeover.release();
  assert.deepEqual(node.taken(), ['mark 1', `rules held [${B}] taken [] left [${A}]`, `put ${B} 15`]);
  await node.takeover.giveBack();
  assert.deepEqual(node.taken(), [`rules held [] taken [] left [${A}]`, `remove ${B}`]);
  assert.ok(node.links.has('nodecache', A));
});

test('the end of the other process meanwhile: all goes', async (t) => {
  const node = fakeNode(t);
  await node.takeover.apply(planFor([A, B]));
  node.others.add(A);
  await node.takeover.release();
  node.others.clear();
  node.taken();
  await node.takeover.giveBack();
  assert.deepEqual(node.taken(), ['rules removed', `remove ${A}`, `remove ${B}`, 'delete nodecache']);
});

test('a reload that drops an address on which another process listens leaves it there', async (t) => {
  const node = fakeNode(t);
  await node.takeover.apply(planFor([A]));
  await node.takeover.apply(planFor([B]));
  node.others.add(A);
  node.taken();
  await node.takeover.settle();
  assert.deepEqual(node.taken(), [`rules held [] taken [] left [${B} ${A}]`]);
  assert.ok(node.links.has('nodecache', A));
});

test('a start that fails beside another process leaves that one its address', async (t) => {
  const node = fakeNode(t);
  node.links.add('nodecache', 'dummy', [A]);
  node.others.add(A);
  node.rulesFail = new Error('no rules to be had');
  await assert.rejects(node.takeover.apply(planFor([A, B])), { message: 'no rules to be had' });
  assert.ok(node.links.has('nodecache', A));
  assert.ok(!node.links.has('nodecache', B));
});
