import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from './suggest.ts';

const known = ['bind', 'cache', 'errors', 'forward', 'log', 'loop', 'prometheus', 'whoami'];
const cases: [string, string | undefined][] = [
  ['chace', 'cache'],
  ['Cache', 'cache'],
  ['cach', 'cache'],
  ['forwrad', 'forward'],
  ['froward', 'forward'],
  ['promethues', 'prometheus'],
  ['error', 'errors'],
  ['looop', 'loop'],
  ['whoam1', 'whoami'],
  ['dog', 'log'],
  ['proxy', undefined],
  ['x', undefined],
  ['', undefined],
];
for (const [word, want] of cases) {
  test(`nearest: ${word}`, () => assert.equal(nearest(word, known), want));
}
