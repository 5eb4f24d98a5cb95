import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hexDump } from './hex-dump.ts';

const cases = [
  { length: 0, want: 'debug: 000000' },
  { length: 1, want: 'debug: 000000 00\ndebug: 000001' },
  {
    length: 16,
    want: 'debug: 000000 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\ndebug: 000010',
  },
  {
    length: 18,
    want: 'debug: 000000 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\ndebug: 000010 10 11\ndebug: 000012',
  },
];
for (const { length, want } of cases) {
  test(`hexDump: ${length} bytes`, () => {
    assert.equal(hexDump(Uint8Array.from({ length }, (_, i) => i)), want);
  });
}
