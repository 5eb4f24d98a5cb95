import assert from 'node:assert/strict';
import { mock, type TestContext, test } from 'node:test';
import { FakeClock } from '../directives/testing.ts';
import { Metrics } from '../observe/metrics.ts';
import { fakeLog } from '../observe/testing.ts';
import type { Plan } from './plan.ts';
import type { RulesWant } from './rules/rules.ts';
import { SetupError } from './setup-error.ts';
import { Takeover } from './takeover.ts';
import { TakeoverMetrics } from './takeover-metrics.ts';
import { FakeLinks } from './testing.ts';

const A = '169.254.20.10';
const B = 'fd00::a';
const at = (...addresses: string[]) => addresses.map((address) => ({ address, port: 53 }));

function planFor(addresses: readonly string[], more: Partial<Plan> = {}): Plan {
  return {
    interfaceName: 'nodecache',
    setUpLink: true,
    backend: 'nftables',
    leaseS: 9,
    skipTeardown: false,
    syncIntervalS: 60,
    endpoints: at(...addresses),
    healthPorts: [],
    line: undefined,
    ...more,
  };
}

/** A host on which everything is noted in `steps`, and of which the test says what happens. */
function fakeNode(t: TestContext) {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const steps: string[] = [];
  const clock = new FakeClock();
  const { log, lines } = fakeLog();
  const links = new FakeLinks(steps, clock);
  const metrics = new Metrics();
  const node = {
    steps,
    clock,
    lines,
    links,
    metrics,
    silent: new Set<string>(),
    others: false,
    linkChanged: (): void => undefined,
    rulesChanged: (): void => undefined,
    rulesLost: false,
    rulesFail: undefined as Error | undefined,
    removalFails: undefined as Error | undefined,
    wants: [] as RulesWant[],
  };
  const rules = (name: 'nftables' | 'iptables') => ({
    name,
    canLease: name === 'nftables',
    get isWhole() {
      return !node.rulesLost;
    },
    put: async (want: RulesWant) => {
      if (node.rulesFail !== undefined) throw node.rulesFail;
      node.wants.push(want);
      const text = (endpoints: readonly { address: string }[]) => endpoints.map(({ address }) => address).join(' ');
      const left = want.left.length > 0 ? ` left [${text(want.left)}]` : '';
      steps.push(`rules held [${text(want.held)}] taken [${text(want.taken)}]${left}`);
    },
    remove: async () => {
      if (node.removalFails !== undefined) throw node.removalFails;
      steps.push('rules removed');
    },
    watch: (changed: () => void) => {
      node.rulesChanged = changed;
      return () => undefined;
    },
  });
  const takeover = new Takeover({
    links,
    clock,
    log,
    metrics: new TakeoverMetrics(metrics),
    listeners: {
      selfQuery: async (address) => {
        steps.push(`ask ${address}`);
        return !node.silent.has(address);
      },
      mark: (endpoints) => void steps.push(`mark ${endpoints.length}`),
    },
    checkHost: async () => undefined,
    chooseRules: async ({ backend }) => rules(backend === 'iptables' ? 'iptables' : 'nftables'),
    watchLink: (changed) => {
      node.linkChanged = changed;
      return () => undefined;
    },
    othersListen: () => node.others,
  });
  /** Time passes; what is due is done. */
  const pass = async (ms: number) => {
    clock.advance(ms);
    links.expire();
    mock.timers.tick(ms);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const taken = () => steps.splice(0);
  return Object.assign(node, { takeover, pass, taken });
}

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

const stays = [
  { name: 'another process listens', others: true, skipTeardown: false },
  { name: 'skipteardown', others: false, skipTeardown: true },
];
for (const { name, others, skipTeardown } of stays) {
  test(`the end with ${name}: all stays`, async (t) => {
    const node = fakeNode(t);
    await node.takeover.apply(planFor([A], { skipTeardown }));
    node.others = others;
    node.taken();
    await node.takeover.release();
    await node.takeover.giveBack();
    assert.deepEqual(node.taken(), []);
  });
}

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
