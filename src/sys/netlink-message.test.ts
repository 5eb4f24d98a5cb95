import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { attributes, attributesOf, errorOf, messagesOf, request, textOf, u32 } from './netlink-message.ts';

test('attributes: what is written is read, whatever its length', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 0x3fff }), { maxLength: 8 }),
      fc.uint8Array({ maxLength: 9 }),
      (types, bytes) => {
        const value = Buffer.from(bytes);
        const payload = Buffer.concat([u32(7), attributes(types.map((type) => [type, value]))]);
        const found = attributesOf(payload, 4);
        assert.deepEqual([...found.keys()], types);
        for (const read of found.values()) assert.ok(read.equals(value));
      },
    ),
    { seed: 1, numRuns: 200 },
  );
});

test('attributes: numbers are 32 bits wide, texts end in NUL, and others may be within', () => {
  const inner = attributes([[1, 'dummy']]);
  const found = attributesOf(
    attributes([
      [3, 'name'],
      [4, 5],
      [18, inner],
    ]),
    0,
  );
  assert.equal(textOf(found.get(3)), 'name');
  assert.equal(found.get(4)?.readUInt32LE(), 5);
  assert.equal(textOf(attributesOf(found.get(18) ?? Buffer.alloc(0), 0).get(1)), 'dummy');
  assert.equal(textOf(undefined), '');
});

test('messages: several in one datagram', () => {
  const datagram = Buffer.concat([request(16, 5, 1, u32(1)), request(17, 6, 2, Buffer.from('abcd'))]);
  const found = [...messagesOf(datagram)].map(({ type, flags, sequence, payload }) => [
    type,
    flags,
    sequence,
    payload.length,
  ]);
  assert.deepEqual(found, [
    [16, 5, 1, 4],
    [17, 6, 2, 4],
  ]);
});

test('whatever bytes come, reading them ends', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const message of messagesOf(Buffer.from(bytes))) {
        attributesOf(message.payload, 16);
        errorOf(message);
      }
    }),
    { seed: 2, numRuns: 2000 },
  );
});

test('errors: the number, and what the kernel says besides', () => {
  const echoed = request(16, 1, 9, Buffer.alloc(0));
  const errno = Buffer.alloc(4);
  errno.writeInt32LE(-19);
  const plain = { type: 2, flags: 0, sequence: 9, payload: Buffer.concat([errno, echoed]) };
  assert.deepEqual(errorOf(plain), { errno: 19, text: '' });
  const more = Buffer.concat([errno, echoed, attributes([[1, 'Device not found']])]);
  assert.deepEqual(errorOf({ ...plain, flags: 0x200, payload: more }), { errno: 19, text: 'Device not found' });
  assert.deepEqual(errorOf({ ...plain, payload: Buffer.alloc(4) }), { errno: 0, text: '' });
});

test('errors: the end of a list tells of one, and repeats no request before what it says besides', () => {
  const errno = Buffer.alloc(4);
  errno.writeInt32LE(-2);
  const end = { type: 3, flags: 0x202, sequence: 9, payload: Buffer.concat([errno, attributes([[1, 'No handler']])]) };
  assert.deepEqual(errorOf(end), { errno: 2, text: 'No handler' });
  assert.deepEqual(errorOf({ ...end, flags: 2, payload: Buffer.alloc(4) }), { errno: 0, text: '' });
});
