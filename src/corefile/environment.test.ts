import assert from 'node:assert/strict';
import { test } from 'node:test';
import { substitute } from './environment.ts';

const env = {
  NAME: 'value',
  BLANKS: 'a b {',
  NESTED: '{$NAME}!',
  OLD: '{%NAME%}',
  PERCENT: '{%NAME%}',
  SELF: 'x{$SELF}',
  PING: '{%PONG%}',
  PONG: '{%PING%}',
  GROWS: '{$GROWS}{$GROWS}',
  EMPTY: '',
};
const cases = [
  { name: 'both forms', input: 'a{$NAME}b{%NAME%}c', want: 'avaluebvaluec' },
  { name: 'not set', input: 'a{$MISSING}b', want: 'ab' },
  { name: 'empty', input: '{$EMPTY}', want: '' },
  { name: 'a name that every object has', input: 'a{$constructor}{$__proto__}b', want: 'ab' },
  { name: 'stays one word', input: '{$BLANKS}', want: 'a b {' },
  { name: 'a value with a reference', input: '{$NESTED}', want: 'value!' },
  { name: '{%NAME%} goes first', input: '{%NESTED%} {$OLD}', want: 'value! {%NAME%}' },
  { name: 'an empty name stops the search', input: '{$}{$NAME}', want: '{$}{$NAME}' },
  { name: 'an empty name in percents', input: '{%%}{%NAME%}', want: '{%%}{%NAME%}' },
  { name: 'one percent is no reference', input: '{%}', want: '{%}' },
  { name: 'no end', input: 'a{$NAME', want: 'a{$NAME' },
  { name: 'refers to itself', input: '{$SELF}', error: '{$SELF}' },
  { name: 'refers to itself through another', input: '{%PING%}', error: '{%PING%}' },
  { name: 'refers to itself and grows', input: '{$GROWS}', error: '{$GROWS}' },
];
for (const { name, input, want, error } of cases) {
  test(`substitute: ${name}`, () => {
    const run = () => substitute({ text: input, file: 'Corefile', line: 7 }, env);
    if (error) {
      const message = `Corefile:7: ${error}: the value of the environment variable refers to itself`;
      assert.throws(run, { name: 'ConfigError', message });
    } else {
      assert.deepEqual(run(), { text: want, file: 'Corefile', line: 7 });
    }
  });
}
