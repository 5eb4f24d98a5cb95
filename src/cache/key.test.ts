import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CacheKey, KEY_CD, KEY_DO } from './key.ts';
import { Memory } from './layout.ts';

const memory = Memory.create(64 * 1024, [0x1234, 0x5678]);

/** All that a key is, read from `name` with other bytes around it. */
function keyOf(name: readonly number[], { qtype = 1, flags = 0, around = 0xff } = {}) {
  const key = new CacheKey(memory);
  const bytes = Uint8Array.from([around, ...name, around, around, around, around]);
  if (!key.set(bytes, 1, name.length + 1, qtype, flags)) return undefined;
  return { hash: key.hash, shape: key.shape, qtype: key.qtype, words: [...key.nameWords] };
}

const label = (text: string) => [text.length, ...Buffer.from(text)];
const nameOf = (...labels: string[]) => [...labels.flatMap(label), 0];
const www = nameOf('www', 'example', 'org');

const sameCases = [
  { name: 'upper case is lowered', a: nameOf('WWW', 'ExAmPlE', 'ORG'), same: true },
  { name: 'A and Z are letters', a: nameOf('AZ'), b: nameOf('az'), same: true },
  { name: 'the characters around A to Z are none', a: nameOf('@['), b: nameOf('`{'), same: false },
  { name: 'bytes above 127 are none', a: [2, 0xc1, 0xda, 0], b: [2, 0xe1, 0xfa, 0], same: false },
  { name: 'another name of the same length', a: nameOf('wwv', 'example', 'org'), same: false },
  { name: 'the same bytes in other labels', a: nameOf('ab', 'c'), b: nameOf('a', 'bc'), same: false },
  { name: 'the root and another', a: [0], same: false },
];
for (const { name, a, b = www, same } of sameCases) {
  test(`key: ${name}`, () => {
    const [one, other] = [keyOf(a), keyOf(b)];
    assert.ok(one !== undefined && other !== undefined);
    if (same) assert.deepEqual(one, other);
    else assert.notEqual(one.hash, other.hash);
  });
}

test('key: qtype, DO and CD make others', () => {
  const all = [{}, { qtype: 28 }, { flags: KEY_DO }, { flags: KEY_CD }, { flags: KEY_DO | KEY_CD }];
  const keys = all.map((options) => keyOf(www, options));
  assert.equal(new Set(keys.map((key) => key?.hash)).size, all.length);
  assert.equal(new Set(keys.map((key) => `${key?.shape} ${key?.qtype}`)).size, all.length);
});

test('key: the bytes around a name do not matter, whatever its length', () => {
  for (let length = 1; length <= 63; length++) {
    const name = [length, ...new Array<number>(length).fill(0x41), 0];
    assert.deepEqual(keyOf(name, { around: 0xff }), keyOf(name, { around: 0 }));
  }
});

test('key: a name taken as words makes the same key as one taken as bytes', () => {
  for (let length = 1; length <= 63; length++) {
    const name = [length, ...Array.from({ length }, (_, i) => 0x41 + (i % 58)), 0];
    const words = new Int32Array(20).fill(-1);
    const bytes = new Uint8Array(words.buffer);
    bytes.set(name, 4);
    const key = new CacheKey(memory);
    assert.equal(key.takeName(bytes, words, 4, 4 + name.length), name.length);
    key.seal(28, KEY_CD);
    const { hash, shape, qtype, nameWords } = key;
    assert.deepEqual({ hash, shape, qtype, words: [...nameWords] }, keyOf(name, { qtype: 28, flags: KEY_CD }));
    assert.equal(key.takeName(bytes, words, 4, 3 + name.length), -1);
  }
});

test('key: the secret changes the hash', () => {
  const other = new CacheKey(Memory.create(64 * 1024, [1, 2]));
  other.set(Uint8Array.from(www), 0, www.length, 1, 0);
  assert.notEqual(other.hash, keyOf(www)?.hash);
});

const longest = [
  ...label('a'.repeat(63)),
  ...label('b'.repeat(63)),
  ...label('c'.repeat(63)),
  ...label('d'.repeat(61)),
  0,
];
const noNameCases = [
  { name: 'nothing', bytes: [] },
  { name: 'no end', bytes: [3, 1, 2] },
  { name: 'a label that goes beyond the end', bytes: [63, 1, 2, 0] },
  { name: 'a pointer', bytes: [0xc0, 12] },
  { name: 'a pointer behind a label', bytes: [1, 0x61, 0xc0, 12] },
  { name: 'an unknown kind of label', bytes: [0x40, 1, 0] },
  { name: '256 bytes', bytes: [1, 0x61, ...longest.slice(0, -1), 0] },
];
for (const { name, bytes } of noNameCases) test(`no name: ${name}`, () => assert.equal(keyOf(bytes), undefined));

test('a name of 255 bytes', () => {
  assert.equal(longest.length, 255);
  assert.ok(keyOf(longest));
});

test('any bytes: never beyond the end, never an exception', () => {
  const key = new CacheKey(memory);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const found = key.set(bytes, 0, bytes.length, 1, 0);
      assert.equal(found, found && key.nameBytes <= bytes.length && key.nameBytes <= 255);
    }),
    { seed: 7 },
  );
});

test('hashes of like names fall into all parts of the index', () => {
  const slots = new Map<number, number>();
  for (let i = 0; i < 4096; i++) {
    const slot = (keyOf(nameOf(`host-${i}`, 'example', 'org'))?.hash ?? 0) & 63;
    slots.set(slot, (slots.get(slot) ?? 0) + 1);
  }
  assert.equal(slots.size, 64);
  for (const count of slots.values()) assert.ok(count > 25 && count < 115, `${count} of 4096 in one of 64 parts`);
});
