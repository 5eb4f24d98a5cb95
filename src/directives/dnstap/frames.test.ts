import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTENT_TYPE, type ControlFrame, controlFrame, controlReader, dataFrames } from './frames.ts';

test('control frames are as the specification draws them', () => {
  assert.equal(controlFrame('stop').toString('hex'), '00000000' + '00000004' + '00000003');
  const value = Buffer.from(CONTENT_TYPE).toString('hex');
  assert.equal(
    controlFrame('ready', CONTENT_TYPE).toString('hex'),
    `00000000${'00000022'}${'00000004'}${'00000001'}${'00000016'}${value}`,
  );
});

test('data frames have their length before them', () => {
  assert.equal(dataFrames([Buffer.from('ab'), Buffer.from('c')]).toString('latin1'), '\0\0\0\x02ab\0\0\0\x01c');
});

const accept: ControlFrame = { type: 'accept', contentTypes: [CONTENT_TYPE] };

test('control frames are read out of any pieces', () => {
  const bytes = Buffer.concat([controlFrame('accept', CONTENT_TYPE), controlFrame('finish')]);
  for (let size = 1; size <= bytes.length; size++) {
    const read = controlReader();
    const frames: ControlFrame[] = [];
    for (let i = 0; i < bytes.length; i += size) frames.push(...read(bytes.subarray(i, i + size)));
    assert.deepEqual(frames, [accept, { type: 'finish', contentTypes: [] }], `pieces of ${size}`);
  }
});

test('of several content types all are read, and other fields passed over', () => {
  const field = (type: number, text: string) =>
    Buffer.concat([Buffer.from([0, 0, 0, type, 0, 0, 0, text.length]), Buffer.from(text)]);
  const fields = Buffer.concat([field(1, 'protobuf:other'), field(9, 'who knows'), field(1, CONTENT_TYPE)]);
  const head = Buffer.from([0, 0, 0, 0, 0, 0, 0, 4 + fields.length, 0, 0, 0, 1]);
  const frames = controlReader()(Buffer.concat([head, fields]));
  assert.deepEqual(frames, [{ type: 'accept', contentTypes: ['protobuf:other', CONTENT_TYPE] }]);
});

const badCases: readonly { name: string; bytes: Buffer; error: RegExp }[] = [
  { name: 'another protocol', bytes: Buffer.from('HTTP/1.1 400 Bad Request'), error: /no control frame/ },
  { name: 'a data frame', bytes: dataFrames([Buffer.from('abcd')]), error: /no control frame/ },
  { name: 'too long', bytes: Buffer.from([0, 0, 0, 0, 0, 0, 2, 1]), error: /no control frame/ },
  { name: 'too short', bytes: Buffer.from([0, 0, 0, 0, 0, 0, 0, 3]), error: /no control frame/ },
  { name: 'an unknown type', bytes: Buffer.from([0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 99]), error: /unknown type 99/ },
];
for (const { name, bytes, error } of badCases) {
  test(`what is no control frame: ${name}`, () => {
    assert.throws(() => controlReader()(bytes), error);
  });
}

test('a field that ends behind its frame is none of its content types', () => {
  const bytes = Buffer.from([0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 99]);
  assert.deepEqual(controlReader()(bytes), [{ type: 'accept', contentTypes: [''] }]);
});
