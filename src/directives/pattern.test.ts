import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../corefile/testing.ts';
import { compilePattern, findGroups } from './pattern.ts';

function compile(text: string) {
  const cursor = cursorOf(`errors "${text.replaceAll('\\', '\\\\')}"`);
  return compilePattern(cursor, { ...cursor.args[0], text }, 'REGEXP');
}

const LABEL = '([a-z0-9-]{1,63})';
for (const { name, text } of [
  { name: 'five labels of any length', text: `^${Array.from({ length: 5 }, () => LABEL).join('\\.')}\\.$` },
  { name: 'a long list of words', text: `^(${Array.from({ length: 500 }, (_, i) => `name-${i}`).join('|')})\\.` },
  { name: 'nothing', text: '' },
]) {
  test(`taken: ${name}`, () => {
    assert.ok(compile(text));
  });
}

for (const { name, text, error } of [
  { name: 'a group that is not closed', text: '(a', error: /^Corefile:1: errors: REGEXP: .*missing closing \)/ },
  { name: 'what backtracks only', text: '(?=a)', error: /^Corefile:1: errors: REGEXP: / },
  {
    name: 'repeated repetitions',
    text: '(.{0,120}\\.){4}',
    error: /^Corefile:1: errors: REGEXP repeats too much of itself: .*; lower the numbers in its braces$/,
  },
  {
    name: 'more than 10,000 bytes',
    text: 'a'.repeat(10_001),
    error: /^Corefile:1: errors: REGEXP must have at most 10000/,
  },
]) {
  test(`refused: ${name}`, () => {
    assert.throws(() => compile(text), { name: 'ConfigError', message: error });
  });
}

for (const { text, name, want } of [
  { text: '^(a)(b)?(c)', name: 'ac.', want: ['ac', 'a', '', 'c'] },
  { text: 'b', name: 'abc', want: ['b'] },
  { text: '^b', name: 'abc', want: undefined },
]) {
  test(`groups of ${text} in ${name}`, () => {
    assert.deepEqual(findGroups(compile(text), name), want);
  });
}
