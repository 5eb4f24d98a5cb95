import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeLog } from '../../observe/testing.ts';
import { iptablesRules, removeForeign } from './iptables.ts';
import { foreignRows, healthRows, heldRows, type Row, rowText, takenRows } from './iptables-rows.ts';
import type { Outcome, RunProgram } from './program.ts';
import type { RulesWant } from './rules.ts';

const A = { address: '169.254.20.10', port: 53 };
const SIX = { address: 'fd00::a', port: 53 };
const nothing: RulesWant = { held: [], taken: [], left: [], healthPorts: [], leaseS: undefined };
const skip = '-m comment --comment NodeLocal DNS Cache: skip conntrack';
const allow = '-m comment --comment NodeLocal DNS Cache: allow DNS traffic';

/** iptables as far as rules come and go: each program has its own list of them. */
function fakeIptables(options: { readonly hasSocket?: boolean } = {}) {
  const rules: string[] = [];
  const state = { rules, calls: 0, locked: false };
  const done = (code: number, error = ''): Outcome => ({ code, stdout: '', error });
  const run: RunProgram = async (name, args) => {
    state.calls++;
    if (state.locked) return done(4, 'Another app is currently holding the xtables lock; waiting for it to exit...');
    const [, , , table, operation, ...rest] = args; // -w 5 -t TABLE OPERATION …
    if (rest.includes('socket') && options.hasSocket === false) return done(1, 'No chain/target/match by that name.');
    const rule = [name, table, ...rest].join(' ');
    const at = rules.indexOf(rule);
    if (operation === '-A' || operation === '-I') rules.unshift(rule);
    else if (at < 0) return done(1, 'Bad rule (does a matching rule exist in that chain?).');
    else if (operation === '-D') rules.splice(at, 1);
    return done(0);
  };
  const { log, lines } = fakeLog();
  const programs = { 4: 'iptables', 6: 'ip6tables' };
  return Object.assign(state, { run, lines, programs, iptables: iptablesRules({ run, programs, log }) });
}

const texts = (rows: readonly Row[]) => rows.map(rowText).sort();

test('rows: with all of them, what node-cache makes is there', () => {
  const rows = texts([...heldRows(A, true), ...takenRows(A, true), ...healthRows({ ...A, port: 8080 })]);
  for (const want of [
    `raw PREROUTING -p tcp -d 169.254.20.10 --dport 53 -m socket -j NOTRACK ${skip}`,
    `raw PREROUTING -p udp -d 169.254.20.10 --dport 53 -m socket -j NOTRACK ${skip}`,
    `filter INPUT -p tcp -d 169.254.20.10 --dport 53 -j ACCEPT ${allow}`,
    `filter INPUT -p udp -d 169.254.20.10 --dport 53 -j ACCEPT ${allow}`,
    `raw OUTPUT -p tcp -s 169.254.20.10 --sport 53 -j NOTRACK ${skip}`,
    `raw OUTPUT -p udp -s 169.254.20.10 --sport 53 -j NOTRACK ${skip}`,
    `filter OUTPUT -p tcp -s 169.254.20.10 --sport 53 -j ACCEPT ${allow}`,
    `filter OUTPUT -p udp -s 169.254.20.10 --sport 53 -j ACCEPT ${allow}`,
    `raw OUTPUT -p tcp -d 169.254.20.10 --dport 53 -j NOTRACK ${skip}`,
    `raw OUTPUT -p udp -d 169.254.20.10 --dport 53 -j NOTRACK ${skip}`,
    `raw OUTPUT -p tcp -d 169.254.20.10 --dport 8080 -j NOTRACK ${skip}`,
    `raw OUTPUT -p tcp -s 169.254.20.10 --sport 8080 -j NOTRACK ${skip}`,
  ]) {
    assert.ok(rows.includes(want), want);
  }
  assert.equal(rows.length, 15, 'and two for queries to ourselves, one for connections that we have accepted');
});

test('rows: foreign are the plain ones of node-cache and all of coredns-nodecache, never ours', () => {
  const ours = new Set(texts([...heldRows(A, true), ...takenRows(A, true)]));
  const foreign = texts(foreignRows(A, true));
  assert.equal(foreign.filter((row) => ours.has(row)).length, 0);
  assert.ok(foreign.includes(`raw PREROUTING -p udp -d 169.254.20.10 --dport 53 -j NOTRACK ${skip}`));
  assert.ok(foreign.includes('filter INPUT -p udp -d 169.254.20.10 --dport 53 -j ACCEPT'));
  assert.ok(foreign.includes('raw PREROUTING -p tcp -d 169.254.20.10 --dport 53 -j NOTRACK'));
});

test('put: what is wanted is there once, and what no longer is goes', async () => {
  const { iptables, rules } = fakeIptables();
  await iptables.put({ ...nothing, held: [A], taken: [A] });
  assert.equal(rules.length, 13);
  await iptables.put({ ...nothing, held: [A], taken: [A] });
  assert.equal(rules.length, 13);
  await iptables.put({ ...nothing, held: [A] });
  assert.equal(rules.filter((rule) => rule.includes('PREROUTING')).length, 1);
  await iptables.put({ ...nothing, left: [A] });
  assert.equal(rules.length, 9, 'left as they are');
  await iptables.remove();
  assert.deepEqual(rules, []);
});

test('put: each family has its program', async () => {
  const { iptables, rules } = fakeIptables();
  await iptables.put({ ...nothing, held: [A, SIX] });
  assert.equal(rules.filter((rule) => rule.startsWith('ip6tables ')).length, 9);
  assert.equal(rules.filter((rule) => rule.startsWith('iptables ')).length, 9);
});

test('put: without the match "socket" the plain rules are made, and that is said once', async () => {
  const { iptables, rules, lines } = fakeIptables({ hasSocket: false });
  await iptables.put({ ...nothing, held: [A], taken: [A] });
  await iptables.put({ ...nothing, held: [A], taken: [A] });
  assert.ok(rules.some((rule) => rule.includes('PREROUTING -p udp -d 169.254.20.10 --dport 53 -j NOTRACK')));
  assert.equal(lines().filter((line) => line.includes('has no match "socket"')).length, 1);
});

test('put: a rule that somebody has removed is added back, and that is said', async () => {
  const { iptables, rules, lines } = fakeIptables();
  await iptables.put({ ...nothing, held: [A] });
  const [lost] = rules.splice(0, 1);
  await iptables.put({ ...nothing, held: [A] });
  assert.ok(rules.includes(lost));
  assert.equal(lines().filter((line) => line.includes('Added back nodelocaldns rule')).length, 1);
});

test('put: what others have left behind goes, every copy of it', async () => {
  const { iptables, rules, run } = fakeIptables();
  const [row] = foreignRows(A, true);
  for (let copy = 0; copy < 3; copy++)
    await run('iptables', ['-w', '5', '-t', row.table, '-I', row.chain, ...row.match]);
  await iptables.put({ ...nothing, held: [A] });
  assert.equal(rules.length, 9);
});

test('put: a lock that is held is an error of its own kind, and the next try goes on', async () => {
  const fake = fakeIptables();
  fake.locked = true;
  const calls = fake.calls;
  await assert.rejects(fake.iptables.put({ ...nothing, held: [A] }), { name: 'SetupError', kind: 'iptables_lock' });
  assert.ok(fake.calls - calls <= 2, 'each would wait for the lock anew');
  fake.locked = false;
  await fake.iptables.put({ ...nothing, held: [A] });
  assert.ok(fake.rules.length >= 8);
});

test('removeForeign: for a backend that makes no such rules, ours of a former start go as well', async () => {
  const { run, programs, rules } = fakeIptables();
  for (const { table, chain, match } of [...heldRows(A, true), ...takenRows(A, false)]) {
    await run('iptables', ['-w', '5', '-t', table, '-I', chain, ...match]);
  }
  const count = rules.length;
  await removeForeign(run, programs, [A], () => []);
  assert.equal(rules.length, count, 'nothing is looked for in a table that is not there');
  await removeForeign(run, programs, [A], () => ['raw', 'filter']);
  assert.deepEqual(rules, []);
});
