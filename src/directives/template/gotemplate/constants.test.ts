import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCharacter, parseNumber, parseString } from './constants.ts';

const numbers = [
  { text: '0', value: 0n },
  { text: '-12', value: -12n },
  { text: '+7', value: 7n },
  { text: '017', value: 15n },
  { text: '0o17', value: 15n },
  { text: '-0x1F', value: -31n },
  { text: '0b101', value: 5n },
  { text: '1_000', value: 1000n },
  { text: '9223372036854775807', value: 9223372036854775807n },
  { text: '-9223372036854775808', value: -9223372036854775808n },
  { text: '1.5', value: 1.5, integer: undefined },
  { text: '1e3', value: 1000, integer: 1000n },
  { text: '.5', value: 0.5, integer: undefined },
  { text: '0x1p-1', value: 0.5, integer: undefined },
  { text: '-0x.8p2', value: -2, integer: -2n },
] as const;
for (const { text, value, ...more } of numbers) {
  test(`number ${text}`, () => {
    const integer = 'integer' in more ? more.integer : value;
    assert.deepEqual(parseNumber(text, 3), { kind: 'number', text, value, integer, offset: 3 });
  });
}

test('a number that fits in no int, but in a uint64, has no value', () => {
  const number = parseNumber('18446744073709551615', 0);
  assert.deepEqual([number?.value, number?.integer], [undefined, undefined]);
});

for (const text of [
  '',
  '1__0',
  '_1',
  '08',
  '1e',
  '1e999',
  '0x',
  '0xp1',
  '18446744073709551616',
  '-9223372036854775809',
]) {
  test(`no number: ${text}`, () => assert.equal(parseNumber(text, 0), undefined));
}

const characters = [
  { text: "'a'", value: 97n },
  { text: "'é'", value: 0xe9n },
  { text: "'\u{1f600}'", value: 0x1f600n },
  { text: "'\\n'", value: 10n },
  { text: "'\\''", value: 39n },
  { text: "'\\x41'", value: 65n },
  { text: "'\\U0001F600'", value: 0x1f600n },
  { text: "''", value: undefined },
  { text: "'ab'", value: undefined },
  { text: "'\\\"'", value: undefined },
];
for (const { text, value } of characters) {
  test(`character ${text}`, () => assert.equal(parseCharacter(text, 0)?.value, value));
}

const texts = [
  { text: '"a b"', value: 'a b' },
  { text: '`a\\n`', value: 'a\\n' },
  { text: '`a\r\nb`', value: 'a\nb' },
  { text: '"\\a\\b\\f\\n\\r\\t\\v\\\\\\""', value: '\x07\b\f\n\r\t\v\\"' },
  { text: '"\\x41\\102\\u00e9\\U0001F600"', value: 'ABé\u{1f600}' },
  { text: '"\\xc3\\xa9"', value: 'é' },
  { text: '"\\q"', value: undefined },
  { text: '"\\\'"', value: undefined },
  { text: '"\\x4"', value: undefined },
  { text: '"\\400"', value: undefined },
  { text: '"\\ud800"', value: undefined },
  { text: '"\\U00110000"', value: undefined },
];
for (const { text, value } of texts) {
  test(`string ${text}`, () => assert.equal(parseString(text), value));
}
