import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtobufWriter } from './protobuf.ts';

/** Examples of https://protobuf.dev/programming-guides/encoding/, and the edges. */
const cases: readonly { name: string; write: (writer: ProtobufWriter) => void; want: string }[] = [
  { name: 'a varint of two bytes', write: (w) => w.uint(1, 150), want: '089601' },
  { name: 'a field number of two bytes', write: (w) => w.uint(16, 1), want: '800101' },
  { name: '0', write: (w) => w.uint(1, 0), want: '0800' },
  { name: '2^32 - 1', write: (w) => w.uint(1, 2 ** 32 - 1), want: '08ffffffff0f' },
  { name: '2^32', write: (w) => w.uint(1, 2 ** 32), want: '088080808010' },
  { name: '2^64 - 1', write: (w) => w.uint(1, 2n ** 64n - 1n), want: '08ffffffffffffffffff01' },
  { name: 'a string', write: (w) => w.string(2, 'testing'), want: '120774657374696e67' },
  { name: 'packed numbers', write: (w) => w.packed(6, [3, 270, 86942]), want: '3206038e029ea705' },
  { name: 'packed numbers beyond 32 bits', write: (w) => w.packed(2, [2 ** 35]), want: '1206808080808001' },
  { name: 'a fixed32', write: (w) => w.fixed32(9, 0x01020304), want: '4d04030201' },
  {
    name: 'a message within',
    write: (w) => {
      const inner = new ProtobufWriter();
      inner.uint(1, 150);
      w.message(3, inner);
    },
    want: '1a03089601',
  },
  {
    name: 'what was there before is forgotten',
    write: (w) => {
      w.string(1, 'x'.repeat(1000));
      w.clear().uint(1, 1);
    },
    want: '0801',
  },
];
for (const { name, write, want } of cases) {
  test(name, () => {
    const writer = new ProtobufWriter();
    write(writer);
    assert.equal(writer.finish().toString('hex'), want);
    assert.equal(writer.length, want.length / 2);
  });
}

test('the buffer grows as it must', () => {
  const writer = new ProtobufWriter();
  for (let i = 0; i < 100; i++) writer.bytes(1, Buffer.alloc(100, i));
  const bytes = writer.finish();
  assert.equal(bytes.length, 100 * 102);
  assert.deepEqual([bytes[2], bytes.at(-1)], [0, 99]);
});
