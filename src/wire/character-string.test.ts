import assert from 'node:assert/strict';
import { test } from 'node:test';
import { characterString } from './character-string.ts';

const cases = [
  { text: '', want: [0] },
  { text: 'aé', want: [3, 0x61, 0xc3, 0xa9] },
  { text: 'x'.repeat(255), want: [255, ...Buffer.alloc(255, 'x')] },
  { text: 'x'.repeat(300), want: [255, ...Buffer.alloc(255, 'x')] },
];
for (const { text, want } of cases) {
  test(`a character-string of ${text.length} letters`, () => assert.deepEqual([...characterString(text)], want));
}
