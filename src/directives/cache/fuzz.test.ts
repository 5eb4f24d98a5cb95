import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FLAG_QR, HEADER_BYTES } from '../../wire/header.ts';
import { buildMessage } from '../../wire/testing/build.ts';
import { parseMessage } from '../../wire/view.ts';
import { fakeQuery } from '../testing.ts';
import { Rig } from './testing.ts';

const QUESTION = 'www.example.org. A';
const GOOD = buildMessage({
  flags: FLAG_QR,
  question: QUESTION,
  answer: ['www.example.org. 60 CNAME a.example.org.', 'a.example.org. 60 A 192.0.2.1'],
  authority: ['example.org. 60 SOA ns.example.org. root.example.org. 1 2 3 4 5'],
  additional: ['ns.example.org. 60 A 192.0.2.2'],
  opt: { flags: 0x8000 },
});
const QUESTION_END = parseMessage(GOOD).questionEnd;

test('whatever the upstream sends: an outcome, no exception, and hits that can be read', () => {
  const change = fc.record({ offset: fc.nat(GOOD.length - 1), byte: fc.nat(255) });
  const changes = fc.record({
    changes: fc.array(change, { maxLength: 4 }),
    length: fc.oneof(fc.constant(GOOD.length), fc.integer({ min: HEADER_BYTES, max: GOOD.length })),
    keepQuestion: fc.boolean(),
  });
  fc.assert(
    fc.property(changes, ({ changes: all, length, keepQuestion }) => {
      const bytes = GOOD.slice(0, length);
      for (const { offset, byte } of all) if (offset < length) bytes[offset] = byte;
      if (keepQuestion) bytes.set(GOOD.subarray(0, Math.min(length, QUESTION_END)));
      const rig = new Rig('cache {\n serve_stale\n serve_stale_policy prefer_positive\n}', { storeBytes: 64 * 1024 });
      const response = parseMessage(bytes);
      rig.upstream = () => ({ response, rcode: response.extendedRcode, source: 'forward' });
      for (let i = 0; i < 2; i++) {
        const outcome = rig.send(fakeQuery());
        assert.ok(!(outcome instanceof Promise) && outcome.response !== undefined);
        const isHit = rig.asked.length === i;
        if (isHit) assert.equal(parseMessage(outcome.response.bytes).malformed, false);
      }
    }),
    { seed: 7, numRuns: 2000 },
  );
});
