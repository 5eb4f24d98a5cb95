import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../wire/testing/prng.ts';
import { SECTION_ADDITIONAL, SECTION_ANSWER, SECTION_AUTHORITY, type Section } from '../../wire/view.ts';
import { arranged } from './testing.ts';
import { weighted } from './weighted.ts';
import { parseWeights } from './weights.ts';

const weights = parseWeights(
  `WWW.example.org
   192.0.2.1 1
   192.0.2.2 2
   2001:db8::1 5
   other.example.org
   192.0.2.2 9`,
  'weights',
);

// Of `ab` the sum is 3: a is drawn below 1/3. Of `abv` it is 8: a below 1/8, b below 3/8.
const cases: { name: string; records: string; random: number; want: string; section?: Section; qtype?: string }[] = [
  { name: 'no record', records: '', random: 0, want: '' },
  { name: 'the one that is drawn comes first', records: 'ab', random: 0.34, want: 'ba' },
  { name: 'it may be there already', records: 'ab', random: 0.33, want: 'ab' },
  { name: 'it changes places with the first', records: 'abv', random: 0.9, want: 'vba' },
  { name: 'A and AAAA are one group', records: 'vba', random: 0.7, want: 'bva' },
  { name: 'unknown addresses weigh 1', records: 'cd', random: 0.5, want: 'dc' },
  { name: 'unknown beside known ones', records: 'bc', random: 0.66, want: 'bc' },
  { name: 'weights are those of the owner name', records: 'xy', random: 0.11, want: 'yx' },
  { name: 'all groups', records: 'MaTCbNSD', random: 0.9, want: 'CDTSbaMN' },
  { name: 'without addresses: untouched', records: 'MTC', random: 0.9, want: 'MTC' },
  { name: 'AAAA', records: 'va', random: 0.9, qtype: 'AAAA', want: 'av' },
  { name: 'SRV, in additional', section: SECTION_ADDITIONAL, records: 'ab', random: 0.9, qtype: 'SRV', want: 'ba' },
  { name: 'authority: untouched', section: SECTION_AUTHORITY, records: 'ab', random: 0.9, want: 'ab' },
  { name: 'other types are not balanced', records: 'aMb', random: 0.9, qtype: 'MX', want: 'aMb' },
  { name: 'nor is ANY', records: 'aCb', random: 0.9, qtype: 'ANY', want: 'aCb' },
];
for (const { name, records, random, want, section = SECTION_ANSWER, qtype } of cases) {
  test(`weighted: ${name}`, () => {
    const found = arranged(records, (view, all) => weighted(view, section, all, weights, () => random), qtype);
    assert.equal(found, want);
  });
}

test('weighted: each comes first as often as its weight says', () => {
  const prng = new Prng(7);
  const random = () => prng.below(2 ** 16) / 2 ** 16;
  const counts: Record<string, number> = { a: 0, b: 0, v: 0 };
  for (let i = 0; i < 8000; i++) {
    counts[arranged('abv', (view, all) => weighted(view, SECTION_ANSWER, all, weights, random))[0]]++;
  }
  for (const [letter, want] of Object.entries({ a: 1000, b: 2000, v: 5000 })) {
    assert.ok(Math.abs(counts[letter] - want) < 150, `${letter}: ${counts[letter]} of 8000, expected ${want}`);
  }
});
