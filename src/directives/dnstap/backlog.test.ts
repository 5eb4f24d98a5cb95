import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Backlog } from './backlog.ts';

const sizes = (payloads: readonly Uint8Array[]) => payloads.map(({ length }) => length);

test('it takes so many payloads, and so many bytes', () => {
  const few = new Backlog(2, 1000);
  assert.deepEqual(
    [1, 1, 1].map((size) => few.put(Buffer.alloc(size))),
    [true, true, false],
  );
  const small = new Backlog(100, 10);
  assert.deepEqual(
    [4, 4, 4, 2].map((size) => small.put(Buffer.alloc(size))),
    [true, true, false, true],
  );
  assert.deepEqual(sizes(small.take(100)), [4, 4, 2]);
  assert.equal(small.put(Buffer.alloc(10)), true);
});

test('one is given even if it is larger than what was asked for', () => {
  const backlog = new Backlog(10, 1000);
  for (const size of [500, 1]) backlog.put(Buffer.alloc(size));
  assert.deepEqual(sizes(backlog.take(10)), [500]);
  assert.deepEqual(sizes(backlog.take(10)), [1]);
  assert.deepEqual(backlog.take(10), []);
});

test('all come out once and in their order, however they are taken', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3000), fc.nat(5000))), (steps) => {
      const backlog = new Backlog(4000, 2 ** 20);
      const [put, taken]: number[][] = [[], []];
      const name = (payload: Uint8Array) => Buffer.from(payload).readUInt32BE();
      for (const [putCount, takeBytes] of steps) {
        for (let i = 0; i < putCount; i++) {
          const payload = Buffer.alloc(4);
          payload.writeUInt32BE(put.length);
          if (backlog.put(payload)) put.push(put.length);
        }
        taken.push(...backlog.take(takeBytes).map(name));
        assert.equal(backlog.count, put.length - taken.length);
      }
      taken.push(...backlog.take(2 ** 20).map(name));
      assert.deepEqual(taken, put);
    }),
    { numRuns: 30 },
  );
});
