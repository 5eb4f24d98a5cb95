/** Properties; go.test.ts has what Go prints. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Budget } from '../budget.ts';
import { strings, unsigned, type Value } from '../values.ts';
import { sprintf } from './printf.ts';

const print = (format: string, ...args: Value[]) => sprintf(format, args, new Budget());
const float = fc.double({ noNaN: true, noDefaultInfinity: true });

test('floats can be read back: all digits, and as few as possible', () => {
  fc.assert(
    fc.property(float, (value) => {
      for (const format of ['%v', '%g', '%G', '%.16e', '%.16E', '%.17g']) {
        assert.ok(Object.is(Number(print(format, value)), value), `${format} of ${value}`);
      }
    }),
  );
});

test('%f has the decimals that it is told to have, and is as near as they allow', () => {
  fc.assert(
    fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), fc.integer({ min: 0, max: 20 }), (value, decimals) => {
      const text = print(`%.${decimals}f`, value);
      assert.match(text, decimals === 0 ? /^-?\d+$/ : new RegExp(`^-?\\d+\\.\\d{${decimals}}$`));
      assert.ok(Math.abs(Number(text) - value) <= 0.5 * 10 ** -decimals + Math.abs(value) * Number.EPSILON);
    }),
  );
});

test('integers can be read back, whatever the base', () => {
  const integer = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  fc.assert(
    fc.property(integer, (value) => {
      assert.equal(BigInt(print('%d', value)), value);
      const magnitude = value < 0n ? -value : value;
      for (const format of ['%#x', '%#b', '%O']) {
        assert.equal(BigInt(print(format, magnitude)), magnitude);
        assert.equal(print(format, value), (value < 0n ? '-' : '') + print(format, magnitude));
      }
    }),
  );
});

test('%q of printable text and of control characters is JSON', () => {
  const text = fc.string({ unit: fc.constantFrom('a', ' ', '"', '\\', '\n', '\t', 'é', '\u{1f600}') });
  fc.assert(fc.property(text, (value) => assert.equal(JSON.parse(print('%q', value)), value)));
});

test('the width is that of characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (value, width) => {
      const length = Math.max(width, [...value].length);
      for (const format of [`%${width}s`, `%-${width}s`]) assert.equal([...print(format, value)].length, length);
    }),
  );
});

test('no format and no arguments make it throw anything', () => {
  const piece = fc.constantFrom(
    '%',
    '%%',
    '[',
    ']',
    '1',
    '2',
    '.',
    '*',
    '-',
    '+',
    '#',
    ' ',
    '0',
    ...'vdsqxXgefUcbtTpw!',
  );
  const argument = fc.constantFrom<Value>(
    ...[5n, -1n, 2n ** 62n, 1.5, Number.NaN, -Infinity, 'é', true, undefined, unsigned(7, 8), strings(['a', 'b'])],
    { kind: 'map', entries: new Map([['a', 'b']]) },
    { kind: 'struct', type: 'T', text: 't', fields: {} },
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.array(argument, { maxLength: 4 }), (pieces, args) => {
      assert.equal(typeof print(pieces.join(''), ...args), 'string');
    }),
    { numRuns: 2000 },
  );
});
