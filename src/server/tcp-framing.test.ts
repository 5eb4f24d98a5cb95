import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { frame, MessageAssembler } from './tcp-framing.ts';

function assemble(stream: Uint8Array, cuts: readonly number[]): string[] {
  const assembler = new MessageAssembler();
  const messages: string[] = [];
  const edges = [...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length];
  let start = 0;
  for (const end of edges) {
    assembler.push(new Uint8Array(stream.subarray(start, end)));
    start = end;
    for (let message = assembler.next(); message !== undefined; message = assembler.next()) {
      messages.push(Buffer.from(message).toString('hex'));
    }
  }
  return messages;
}

const streamCases = [
  { name: 'nothing', stream: '', want: [] },
  { name: 'half a length', stream: '00', want: [] },
  { name: 'a length and nothing', stream: '0003', want: [] },
  { name: 'an unfinished message', stream: '00030102', want: [] },
  { name: 'one message', stream: '0003010203', want: ['010203'] },
  { name: 'an empty message', stream: '0000', want: [''] },
  { name: 'an empty one between two', stream: '000101 0000 000102', want: ['01', '', '02'] },
  { name: 'two and the start of a third', stream: '000101 00020203 0005ff', want: ['01', '0203'] },
];
for (const { name, stream, want } of streamCases) {
  test(`framing: ${name}, whole and byte by byte`, () => {
    const bytes = Buffer.from(stream.replaceAll(' ', ''), 'hex');
    assert.deepEqual(assemble(bytes, []), want);
    assert.deepEqual(
      assemble(
        bytes,
        Array.from(bytes, (_, i) => i),
      ),
      want,
    );
  });
}

test('framing: what was framed comes back, however it is split', () => {
  const message = fc.uint8Array({ maxLength: 3000 });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 10 }), fc.array(fc.nat(), { maxLength: 20 }), (messages, cuts) => {
      const want = messages.map((bytes) => Buffer.from(bytes).toString('hex'));
      assert.deepEqual(assemble(Buffer.concat(messages.map(frame)), cuts), want);
    }),
  );
});

test('framing: the largest message', () => {
  const message = new Uint8Array(65_535).fill(1);
  const framed = frame(message);
  assert.deepEqual([...framed.subarray(0, 2)], [0xff, 0xff]);
  assert.deepEqual(assemble(framed, [1, 2, 40_000]), [Buffer.from(message).toString('hex')]);
});

test('framing: a message in pieces is not changed by what comes after it', () => {
  const assembler = new MessageAssembler();
  assembler.push(Uint8Array.of(0, 2, 1));
  assert.equal(assembler.next(), undefined);
  assembler.push(Uint8Array.of(2, 0, 2, 3));
  const first = assembler.next();
  assert.equal(assembler.next(), undefined);
  assembler.push(Uint8Array.of(4));
  const second = assembler.next();
  assert.deepEqual([first, second], [Uint8Array.of(1, 2), Uint8Array.of(3, 4)]);
});
