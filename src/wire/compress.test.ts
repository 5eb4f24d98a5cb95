import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compressMessage } from './compress.ts';
import { buildMessage, buildPlainMessage, describeRecords } from './testing/build.ts';
import { parseMessage } from './view.ts';

const hex = (...parts: string[]) => Uint8Array.fromHex(parts.join('').replaceAll(' ', ''));

const HEADER = '0001 8180 0001 0001 0000 0001';
const QUESTION = '0161 0162 00 0001 0001';
const A = '0001 0001 0000003c 0004 c0000201';
const OPT = '00 0029 04d0 00000000 0000';

const cases = [
  {
    name: 'OPT at the end is cut off a compressed message',
    message: hex(HEADER, QUESTION, 'c00c', A, OPT),
    want: hex('0001 8180 0001 0001 0000 0000', QUESTION, 'c00c', A),
  },
  {
    name: 'names are compressed',
    message: hex(HEADER, QUESTION, '0161 0162 00', A, OPT),
    want: hex('0001 8180 0001 0001 0000 0000', QUESTION, 'c00c', A),
  },
  {
    name: 'OPT before another record',
    message: hex('0001 8180 0001 0001 0000 0002', QUESTION, 'c00c', A, OPT, '0163 c00e', A),
    want: hex('0001 8180 0001 0001 0000 0001', QUESTION, 'c00c', A, '0163 c00e', A),
  },
  {
    name: 'OPT in the answer, where it has no business',
    message: hex('0001 8180 0001 0002 0000 0001', QUESTION, OPT, 'c00c', A, '0163 c00e', A),
    want: hex('0001 8180 0001 0001 0000 0001', QUESTION, 'c00c', A, '0163 c00e', A),
  },
  {
    name: 'OPT at the end of the answer',
    message: hex('0001 8180 0001 0002 0000 0000', QUESTION, 'c00c', A, OPT),
    want: hex('0001 8180 0001 0001 0000 0000', QUESTION, 'c00c', A),
  },
  {
    name: 'counts and length become what is there',
    message: hex('0001 8180 0001 0009 0000 0000', QUESTION, 'c00c', A),
    want: hex('0001 8180 0001 0001 0000 0000', QUESTION, 'c00c', A),
  },
  {
    name: 'bytes behind the last record',
    message: hex('0001 8180 0001 0001 0000 0000', QUESTION, 'c00c', A, 'ffff'),
    want: hex('0001 8180 0001 0001 0000 0000', QUESTION, 'c00c', A),
  },
  {
    name: 'the first of two questions',
    message: hex('0001 8180 0002 0001 0000 0000', QUESTION, QUESTION, 'c015', A),
    want: hex('0001 8180 0001 0001 0000 0000', QUESTION, 'c00c', A),
  },
  {
    name: 'a name in rdata is compressed',
    message: hex('0001 8180 0001 0001 0000 0000', QUESTION, 'c00c 0002 0001 00000001 0005 0163 0162 00'),
    want: hex('0001 8180 0001 0001 0000 0000', QUESTION, 'c00c 0002 0001 00000001 0004 0163 c00e'),
  },
  {
    name: 'malformed rdata stays as it is, up to the OPT',
    message: hex('0001 8180 0001 0001 0000 0002', QUESTION, 'c00c 0002 0001 00000001 0002 c021', OPT, 'c00c', A),
    want: hex('0001 8180 0001 0001 0000 0000', QUESTION, 'c00c 0002 0001 00000001 0002 c021'),
  },
  {
    name: 'malformed: what was parsed',
    message: hex('0001 8180 0001 0002 0000 0000', QUESTION, 'c00c', A, '41'),
    want: hex('0001 8180 0001 0001 0000 0000', QUESTION, 'c00c', A),
  },
  { name: 'no question', message: hex('0001 8180 0001 0000 0000 0000'), want: hex('0001 8180 0000 0000 0000 0000') },
  { name: 'no header', message: hex('0001'), want: hex('0001 0000 0000 0000 0000 0000') },
];
for (const { name, message, want } of cases) {
  test(`compressMessage: ${name}`, () => {
    const before = message.toHex();
    assert.equal(compressMessage(parseMessage(message)).toHex(), want.toHex());
    assert.equal(message.toHex(), before);
  });
}

test('an answer of many names keeps its records', () => {
  const answer = Array.from({ length: 200 }, (_, i) => `h${i}.example.org. ${i} MX ${i} mail${i % 7}.example.org.`);
  const text = { question: 'example.org. MX', answer };
  const view = parseMessage(buildPlainMessage(text));
  const compressed = compressMessage(view);
  assert.deepEqual(compressed, buildMessage(text));
  assert.ok(compressed.length < view.bytes.length / 2);
  assert.equal(view.recordCount, 200);
  assert.deepEqual(describeRecords(parseMessage(compressed)), describeRecords(view));
});
