import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameReader } from './frame-reader.ts';
import { frameOf } from './testing.ts';

/** What a reader makes of a stream that arrives in `chunks`. */
function read(chunks: readonly Uint8Array[], limit = Number.POSITIVE_INFINITY) {
  const reader = new FrameReader();
  const messages: Uint8Array[] = [];
  const isDns = chunks.every((chunk) => reader.push(chunk, (message) => messages.push(message) < limit));
  return { isDns, messages, isBetween: reader.isBetween };
}

const message = fc.uint8Array({ minLength: 12, maxLength: 80 });

test('the messages of a stream are found however it is cut', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 6 }), fc.array(fc.nat(40)), (messages, cuts) => {
      let stream = Buffer.concat(messages.map(frameOf));
      const chunks: Uint8Array[] = [];
      for (const cut of cuts) {
        chunks.push(stream.subarray(0, cut));
        stream = stream.subarray(cut);
      }
      assert.deepEqual(read([...chunks, stream]), { isDns: true, messages, isBetween: true });
    }),
  );
});

const cases = [
  { name: 'half a length', chunks: [[0]], isDns: true, isBetween: false },
  { name: 'a length', chunks: [[0, 12]], isDns: true, isBetween: false },
  { name: 'part of a message', chunks: [[0, 12, 1, 2, 3]], isDns: true, isBetween: false },
  { name: 'a message of no bytes', chunks: [[0, 0]], isDns: false, isBetween: true },
  { name: 'a message shorter than a header', chunks: [[0], [11]], isDns: false, isBetween: true },
];
for (const { name, chunks, isDns, isBetween } of cases) {
  test(`incomplete or wrong: ${name}`, () => {
    assert.deepEqual(read(chunks.map((chunk) => Uint8Array.from(chunk))), { isDns, messages: [], isBetween });
  });
}

test('the rest is dropped when nobody wants more', () => {
  const frame = frameOf(new Uint8Array(12));
  assert.equal(read([Buffer.concat([frame, frame, frame])], 2).messages.length, 2);
});

test('messages are copies', () => {
  const chunk = frameOf(new Uint8Array(12));
  const { messages } = read([chunk]);
  chunk.fill(1);
  assert.deepEqual(messages, [new Uint8Array(12)]);
});
