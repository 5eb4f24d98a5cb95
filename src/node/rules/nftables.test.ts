import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelRenews, nftablesRules } from './nftables.ts';
import { layout } from './nftables-ruleset.ts';
import type { RulesWant } from './rules.ts';

const A = { address: '10.96.0.10', port: 53 };
const SIX = { address: 'fd00::a', port: 53 };
const nothing: RulesWant = { held: [], taken: [], left: [], healthPorts: [], leaseS: 10 };

/** nft of which the test says what it lists. */
function fakeNft(canRenew = true) {
  const state = { commands: [] as string[], listing: 'table inet nodens {\n}\n', fails: 0, changed: () => undefined };
  const run = (commands: string) => {
    if (commands.startsWith('list ')) return { ok: state.listing !== '', output: state.listing, error: '' };
    state.commands.push(commands);
    const ok = state.fails-- <= 0;
    return { ok, output: '', error: ok ? '' : 'Error: No such file or directory\nadd element' };
  };
  const rules = nftablesRules({
    nft: { run, json: run, check: run },
    watchTable: (changed) => {
      state.changed = () => void changed();
      return () => undefined;
    },
    canRenew,
  });
  return Object.assign(state, { rules, taken: () => state.commands.splice(0).join('') });
}

test('put: the table is laid once, and then only elements are renewed', async () => {
  const { rules, taken } = fakeNft();
  await rules.put({ ...nothing, held: [A] });
  assert.ok(taken().startsWith(layout()));
  await rules.put({ ...nothing, held: [A] });
  const put = (protocol: string) =>
    `add element inet nodens held4 { 10.96.0.10 . ${protocol} . 53 timeout 10s expires 10s }\n`;
  assert.equal(taken(), put('udp') + put('tcp'));
});

test('put: a kernel that does not renew has elements taken away and added within one transaction', async () => {
  const { rules, taken } = fakeNft(false);
  await rules.put({ ...nothing, held: [SIX] });
  taken();
  await rules.put({ ...nothing, held: [SIX] });
  const [add, remove, put] = taken().split('\n');
  assert.equal(add, 'add element inet nodens held6 { fd00::a . udp . 53 }');
  assert.equal(remove, 'delete element inet nodens held6 { fd00::a . udp . 53 }');
  assert.equal(put, 'add element inet nodens held6 { fd00::a . udp . 53 timeout 10s expires 10s }');
});

test('put: what is no longer wanted goes, what is left does not', async () => {
  const { rules, taken } = fakeNft();
  await rules.put({ ...nothing, held: [A, SIX], taken: [A, SIX], healthPorts: [{ ...A, port: 8080 }] });
  taken();
  await rules.put({ ...nothing, held: [SIX], left: [A] });
  const commands = taken();
  assert.match(commands, /delete element inet nodens taken6 \{ fd00::a/);
  assert.doesNotMatch(commands, /10\.96\.0\.10/);
});

test('put: another lease makes the elements anew', async () => {
  const { rules, taken } = fakeNft();
  await rules.put({ ...nothing, held: [A] });
  taken();
  await rules.put({ ...nothing, held: [A], leaseS: undefined });
  assert.match(
    taken(),
    /delete element inet nodens held4 .*\nadd element inet nodens held4 \{ 10\.96\.0\.10 \. udp \. 53 \}\n/,
  );
});

test('put: a table that has just been taken away is laid again; a second failure is an error', async () => {
  const fake = fakeNft();
  await fake.rules.put({ ...nothing, held: [A] });
  fake.taken();
  fake.fails = 1;
  await fake.rules.put({ ...nothing, held: [A] });
  assert.ok(fake.taken().includes(layout()));
  fake.fails = 2;
  await assert.rejects(fake.rules.put({ ...nothing, held: [A] }), {
    name: 'SetupError',
    message: 'nftables: Error: No such file or directory',
  });
});

test('watch: a table that is not as it was put is told, one that is as it should be is not', async () => {
  const fake = fakeNft();
  let told = 0;
  fake.rules.watch?.(() => told++);
  const whole = `table inet nodens {
\tset held4 {
\t\telements = { 10.96.0.10 . 17 . 53 timeout 10s expires 9s,
\t\t\t     10.96.0.10 . 6 . 53 timeout 10s expires 9s }
\t}
}
`;
  fake.listing = whole;
  await fake.rules.put({ ...nothing, held: [A] });
  fake.changed();
  assert.deepEqual([told, fake.rules.isWhole], [0, true]);
  fake.listing = whole.replace('. 17 .', '. 18 .');
  fake.changed();
  assert.deepEqual([told, fake.rules.isWhole], [1, false]);
});

test('remove: elements go, and the table once its sets are empty', async () => {
  const fake = fakeNft();
  await fake.rules.put({ ...nothing, held: [A] });
  fake.taken();
  await fake.rules.remove();
  assert.match(fake.taken(), /delete element .*\ndelete table inet nodens$/s);
  await fake.rules.put({ ...nothing, held: [A] });
  fake.taken();
  fake.listing = 'table inet nodens {\n elements = { 10.96.0.11 . 17 . 53 }\n}\n';
  await fake.rules.remove();
  assert.doesNotMatch(fake.taken(), /delete table/);
});

for (const { release, want } of [
  { release: '6.12.0-generic', want: true },
  { release: '6.18.44', want: true },
  { release: '7.0', want: true },
  { release: '6.8.0', want: false },
  { release: '5.15.0', want: false },
]) {
  test(`renewal: Linux ${release}`, () => assert.equal(kernelRenews(release), want));
}
