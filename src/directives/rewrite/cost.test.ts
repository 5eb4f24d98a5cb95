/** Names are chosen by whoever asks: no pattern may take long over any of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RCODE_SERVFAIL } from '../../wire/header.ts';
import type { Handler } from '../contract.ts';
import { fakeBlock, fakeQuery } from '../testing.ts';
import { rewrite } from './rewrite.ts';
import { rulesOf } from './testing.ts';

/** Those that take backtracking engines years, and those that cost automata most. */
const PATTERNS = [
  '(a*)*b',
  '(a+)+$',
  '(a|a)*$',
  '(a|aa)+$',
  '(.*a){20}b',
  '(.*a){20}\\.$',
  '(x+x+)+y',
  '^(([a-z])+.)+[A-Z]([a-z])+$',
  '(a?){20}a{20}',
  '(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)z',
  '(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)$',
  '^(\\w+\\.?)+$',
  '([a-zA-Z]+)*\\.$',
  '(.*?){1,10}c',
  '[ab]*a[ab]{100}(b)$',
];
const nameOf = (label: string) => `${label}.${label}.${label}.${label.slice(0, -(label.length / 31))}.`;
/** As long as names can be; the last one in presentation format, too. */
const NAMES = [nameOf('a'.repeat(62)), nameOf('x'.repeat(62)), 'a.'.repeat(127), nameOf('\\001'.repeat(62))];
const MAX_MS = 1;
const PATIENCE_MS = 30_000;

/** Whether it takes less than `MAX_MS`: what the compiler has yet to do, and what others do meanwhile, does not count. */
function isFast(run: () => void): boolean {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const startedAtMs = performance.now();
    run();
    const endedAtMs = performance.now();
    if (endedAtMs - startedAtMs < MAX_MS) return true;
    if (endedAtMs > deadlineMs) return false;
  }
}

const nobody: Handler = () => ({ response: undefined, rcode: RCODE_SERVFAIL, source: '' });

for (const pattern of PATTERNS) {
  test(`no name takes more than ${MAX_MS} ms: ${pattern}`, () => {
    const handler = rewrite.setup(rulesOf(`rewrite name regex ${pattern} {1}`), fakeBlock())?.(nobody) ?? assert.fail();
    for (const qname of NAMES) {
      const query = fakeQuery({ qname });
      assert.ok(
        isFast(() => void handler(query)),
        qname,
      );
    }
  });
}
