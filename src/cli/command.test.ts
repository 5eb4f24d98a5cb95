import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFlagsAndWords } from './command.ts';

const SPECS = [
  { name: 'from', kind: 'string', default: 'default', help: '' },
  { name: 'ask', kind: 'bool', default: false, help: '' },
] as const;

const cases: readonly { argv: string; words: string; from?: string; ask?: boolean; given?: string }[] = [
  { argv: '', words: '' },
  { argv: 'a', words: 'a' },
  { argv: 'a B', words: 'a B' },
  { argv: '-from x a B', words: 'a B', from: 'x', given: 'from' },
  { argv: 'a B --from x', words: 'a B', from: 'x', given: 'from' },
  { argv: 'a -ask B --from=x', words: 'a B', from: 'x', ask: true, given: 'ask from' },
  { argv: 'a -from x -from y', words: 'a', from: 'y', given: 'from' },
];

for (const { argv, words, from = 'default', ask = false, given = '' } of cases) {
  test(`words and flags: "${argv}"`, () => {
    const read = readFlagsAndWords('test', argv.split(' ').filter(Boolean), SPECS);
    assert.equal(read.words.join(' '), words);
    assert.deepEqual(read.values, { from, ask });
    assert.equal([...read.given].join(' '), given);
  });
}
