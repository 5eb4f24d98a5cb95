import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../wire/testing/prng.ts';
import { roundRobin } from './round-robin.ts';
import { arranged } from './testing.ts';

const FIRST = () => 0; // What comes first stays first.
const LAST = () => 0.999; // What comes last comes first.

const cases = [
  { name: 'no record', records: '', random: LAST, want: '' },
  { name: 'one address', records: 'a', random: LAST, want: 'a' },
  { name: 'two addresses stay', records: 'ab', random: FIRST, want: 'ab' },
  { name: 'two addresses change places', records: 'ab', random: LAST, want: 'ba' },
  { name: 'three addresses', records: 'abc', random: LAST, want: 'cab' },
  { name: 'A and AAAA are one group', records: 'avb', random: LAST, want: 'bav' },
  { name: 'mail exchanges', records: 'MN', random: LAST, want: 'NM' },
  { name: 'other types keep their order', records: 'TS', random: LAST, want: 'TS' },
  { name: 'aliases come first, in their order', records: 'aCD', random: LAST, want: 'CDa' },
  { name: 'all groups', records: 'MaTCbNSD', random: FIRST, want: 'CDTSabMN' },
  { name: 'all groups, shuffled', records: 'MaTCbNSD', random: LAST, want: 'CDTSbaNM' },
];
for (const { name, records, random, want } of cases) {
  test(`round robin: ${name}`, () => {
    assert.equal(
      arranged(records, (view, indices) => roundRobin(view, indices, random)),
      want,
    );
  });
}

test('round robin: every order, about equally often', () => {
  const prng = new Prng(7);
  const random = () => prng.below(2 ** 16) / 2 ** 16;
  const counts = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = arranged('abc', (view, indices) => roundRobin(view, indices, random));
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  for (const [order, count] of counts) assert.ok(count > 800 && count < 1200, `${order}: ${count} of 6000`);
});
