import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SetupError } from './setup-error.ts';
import { A, at, B, fakeNode, planFor } from './testing/takeover.ts';

test('the address first, then an answer, then traffic', async (t) => {
  const { takeover, taken } = fakeNode(t);
  await takeover.apply(planFor([A]));
  assert.deepEqual(taken(), [
    'create nodecache',
    'up nodecache',
    `put ${A} 9`,
    `rules held [${A}] taken []`,
    'mark 1',
    `ask ${A}`,
    `put ${A} 9`,
    `rules held [${A}] taken [${A}]`,
  ]);
});

test('a third of the lease later it is asked again, and renewed', async (t) => {
  const { takeover, taken, pass } = fakeNode(t);
  await takeover.apply(planFor([A]));
  taken();
  await pass(2999);
  assert.deepEqual(taken(), []);
  await pass(1);
  assert.deepEqual(taken(), ['mark 1', `ask ${A}`, `put ${A} 9`, `rules held [${A}] taken [${A}]`]);
});

test('an address that does not answer runs out, and is taken back once it answers', async (t) => {
  const node = fakeNode(t);
  const { takeover, taken, pass, links } = node;
  await takeover.apply(planFor([A, B]));
  node.silent.add(A);
  await pass(3000);
  taken();
  assert.equal(takeover.illness, undefined);
  await pass(3000);
  assert.deepEqual(taken(), [
    'mark 2',
    `ask ${A}`,
    `ask ${B}`,
    `put ${B} 9`,
    `rules held [${B}] taken [${B}] left [${A}]`,
  ]);
  await pass(3001);
  assert.ok(!links.has('nodecache', A) || links.leaseOf(A) === 9);
  assert.match(takeover.illness ?? '', /169\.254\.20\.10 has not answered itself for 9 s/);
  node.silent.clear();
  await pass(3000);
  await pass(3000);
  assert.equal(takeover.illness, undefined);
  assert.ok(node.wants.at(-1)?.taken.some(({ address }) => address === A));
  assert.equal(node.lines().filter((line) => line.includes('answers itself again')).length, 1);
});

test('after a long stop of the process all is put anew, traffic last', async (t) => {
  const { takeover, taken, pass } = fakeNode(t);
  await takeover.apply(planFor([A]));
  taken();
  await pass(100_000);
  assert.deepEqual(taken().slice(0, 5), [
    `put ${A} 9`,
    `rules held [${A}] taken []`,
    'mark 1',
    `ask ${A}`,
    `put ${A} 9`,
  ]);
});

test('what somebody else removes comes back at once', async (t) => {
  const node = fakeNode(t);
  const { takeover, taken, pass, links } = node;
  await takeover.apply(planFor([A]));
  taken();
  links.lose('nodecache');
  node.linkChanged();
  await pass(50);
  assert.deepEqual(taken().slice(0, 3), ['create nodecache', 'up nodecache', `put ${A} 9`]);
  node.rulesLost = true;
  node.rulesChanged();
  await pass(50);
  assert.equal(
    taken()[0],
    `rules held [${A}] taken [${A}]`,
    'before the question, which would go elsewhere without them',
  );
  node.linkChanged();
  await pass(50);
  assert.deepEqual(taken(), [], 'nothing is amiss');
});

test('the end: traffic leaves first, then rules, address and link go', async (t) => {
  const { takeover, taken, pass } = fakeNode(t);
  await takeover.apply(planFor([A]));
  taken();
  await takeover.release();
  assert.deepEqual(
    taken(),
    ['mark 0', `rules held [${A}] taken []`, `put ${A} 15`],
    'for as long as queries may be under way',
  );
  await pass(60_000);
  assert.deepEqual(taken(), [], 'nothing is renewed any more');
  await takeover.giveBack();
  assert.deepEqual(taken(), ['rules removed', `remove ${A}`, 'delete nodecache']);
});

test('a reload with other addresses: the new are taken, the old are given back after their listeners', async (t) => {
  const { takeover, taken, metrics } = fakeNode(t);
  await takeover.apply(planFor([A]));
  taken();
  await takeover.apply(planFor([B]));
  assert.deepEqual(taken(), [
    `put ${B} 9`,
    `put ${A} 9`,
    `rules held [${B} ${A}] taken []`,
    'mark 1',
    `ask ${B}`,
    `put ${B} 9`,
    `rules held [${B} ${A}] taken [${B}]`,
  ]);
  await takeover.settle();
  assert.deepEqual(taken(), [`rules held [] taken [] left [${B}]`, `remove ${A}`]);
  const exposed = await metrics.expose();
  assert.match(exposed, /^nodens_node_address_held\{address="fd00::a"\} 1$/m);
  assert.match(exposed, /^nodens_node_address_held\{address="169\.254\.20\.10"\} 0$/m);
});

test('a reload to another link: the old one goes when the new one is held', async (t) => {
  const { takeover, taken } = fakeNode(t);
  await takeover.apply(planFor([A]));
  taken();
  await takeover.apply(planFor([A], { interfaceName: 'dns0' }));
  await takeover.settle();
  assert.deepEqual(taken().slice(-1), ['delete nodecache']);
});

test('a reload to another backend keeps address and link', async (t) => {
  const { takeover, taken } = fakeNode(t);
  await takeover.apply(planFor([A]));
  await takeover.apply(planFor([A], { backend: 'iptables' }));
  taken();
  await takeover.settle();
  assert.deepEqual(taken(), ['rules removed']);
});

test('a reload that wants nothing any more', async (t) => {
  const { takeover, taken } = fakeNode(t);
  await takeover.apply(planFor([A]));
  taken();
  await takeover.apply(undefined);
  await takeover.settle();
  assert.deepEqual(taken(), [
    'mark 0',
    `rules held [${A}] taken []`,
    `put ${A} 15`,
    'rules removed',
    `remove ${A}`,
    'delete nodecache',
  ]);
});

test('what leaves is renewed until it is settled, and what has run out is not put back', async (t) => {
  const { takeover, taken, pass } = fakeNode(t);
  await takeover.apply(planFor([A]));
  await takeover.apply(planFor([B]));
  taken();
  await pass(3000);
  assert.deepEqual(taken().slice(0, 1), [`put ${A} 9`]);
  await pass(10_000);
  taken();
  await takeover.release();
  assert.deepEqual(taken(), ['mark 0', `rules held [${B} ${A}] taken []`, `put ${B} 15`]);
});

test('a missed answer is asked for again soon, so that one alone does not cost the lease', async (t) => {
  const node = fakeNode(t);
  await node.takeover.apply(planFor([A]));
  node.silent.add(A);
  await node.pass(3000);
  node.silent.clear();
  node.taken();
  await node.pass(250);
  assert.deepEqual(node.taken(), ['mark 1', `ask ${A}`, `put ${A} 9`, `rules held [${A}] taken [${A}]`]);
});

test('without a lease what answers is well for the whole time between two rounds', async (t) => {
  const node = fakeNode(t);
  const { takeover, pass } = node;
  await takeover.apply(planFor([A], { leaseS: undefined }));
  await pass(59_999);
  assert.equal(takeover.illness, undefined);
  node.silent.add(A);
  await pass(1);
  assert.equal(takeover.illness, undefined, 'one missed answer');
  await pass(30_001);
  assert.match(takeover.illness ?? '', /169\.254\.20\.10 has not answered itself for 90 s/);
});

test('an end during the start waits for it, and nothing is watched after', async (t) => {
  const node = fakeNode(t);
  const starting = node.takeover.apply(planFor([A]));
  await node.takeover.release();
  await starting;
  await node.takeover.giveBack();
  node.taken();
  node.linkChanged();
  node.rulesChanged();
  await node.pass(100);
  assert.deepEqual(node.taken(), []);
});

test('rules that cannot be removed do not keep the address', async (t) => {
  const node = fakeNode(t);
  await node.takeover.apply(planFor([A]));
  await node.takeover.release();
  node.taken();
  node.removalFails = new Error('the lock is held');
  await assert.rejects(node.takeover.giveBack(), { message: 'the lock is held' });
  assert.deepEqual(node.taken(), [`remove ${A}`, 'delete nodecache']);
});

test('a start that fails leaves nothing', async (t) => {
  const node = fakeNode(t);
  node.rulesFail = new Error('no rules to be had');
  await assert.rejects(node.takeover.apply(planFor([A])), { message: 'no rules to be had' });
  assert.deepEqual(node.taken().slice(-3), ['rules removed', `remove ${A}`, 'delete nodecache']);
});

test('a start while somebody has the lock of iptables goes on, and tries again', async (t) => {
  const node = fakeNode(t);
  node.rulesFail = new SetupError('iptables_lock', 'another app has it');
  await node.takeover.apply(planFor([A], { backend: 'iptables' }));
  assert.match(node.lines().join(), /another app has it/);
  node.rulesFail = undefined;
  await node.pass(5000);
  assert.deepEqual(node.wants.at(-1)?.taken, at(A));
});

test('a reload that fails leaves all as it was', async (t) => {
  const node = fakeNode(t);
  await node.takeover.apply(planFor([A]));
  node.rulesFail = new Error('no rules to be had');
  await assert.rejects(node.takeover.apply(planFor([A, B])), { message: 'no rules to be had' });
  node.rulesFail = undefined;
  assert.ok(node.links.has('nodecache', A));
  await node.pass(3000);
  assert.deepEqual(node.wants.at(-1)?.taken, at(A));
});
