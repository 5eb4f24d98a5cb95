import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rrsigValidityPeriod, secondsUntil } from './rrsig.ts';
import { buildMessage } from './testing/build.ts';
import { parseMessage } from './view.ts';

test('the validity period of a signature', () => {
  const view = parseMessage(
    buildMessage({
      answer: [
        'example.org. RRSIG A 13 2 300 20300101000000 20291201000000 1 example.org. AAAA',
        'example.org. RRSIG \\# 0',
      ],
    }),
  );
  assert.deepEqual(rrsigValidityPeriod(view, 0), {
    inception: Date.UTC(2029, 11, 1) / 1000,
    expiration: Date.UTC(2030, 0, 1) / 1000,
  });
  assert.equal(rrsigValidityPeriod(view, 1), undefined);
});

const TWO_32 = 0x100000000;
const untilCases = [
  { name: 'now', time: 1000, now: 1000, want: 0 },
  { name: 'ahead', time: 1300, now: 1000, want: 300 },
  { name: 'past', time: 900, now: 1000, want: -100 },
  { name: 'ahead, over the end of 32 bits', time: 50, now: TWO_32 - 50, want: 100 },
  { name: 'past, over the end of 32 bits', time: TWO_32 - 50, now: TWO_32 + 50, want: -100 },
  { name: 'after 2106', time: 1300, now: TWO_32 + 1000, want: 300 },
];
for (const { name, time, now, want } of untilCases) {
  test(`secondsUntil: ${name}`, () => {
    assert.equal(secondsUntil(time, now), want);
  });
}
