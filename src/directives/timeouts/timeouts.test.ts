import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { fakeBlock } from '../testing.ts';
import { parse, timeouts } from './timeouts.ts';

const none = 'Corefile:1: timeouts: timeouts block with no timeouts specified; give read, write, idle, maxtcpqueries';
const range = 'must be 1s..24h (a bare number is seconds)';
const parseCases = [
  {
    name: 'all',
    input: 'timeouts {\n read 2s\n write 1m30s\n idle 24h\n}',
    want: { readMs: 2000, writeMs: 90_000, idleMs: 86_400_000 },
  },
  { name: 'a bare number is seconds', input: 'timeouts {\n idle 7\n}', want: { idleMs: 7000 } },
  { name: 'the last of two counts', input: 'timeouts {\n read 2\n read 3\n}', want: { readMs: 3000 } },
  {
    name: 'maxtcpqueries',
    input: 'timeouts {\n read 2s\n maxtcpqueries 100\n}',
    want: { readMs: 2000, maxTcpQueries: 100 },
  },
  {
    name: 'maxtcpqueries without limit',
    input: 'timeouts {\n maxtcpqueries -1\n}',
    want: { maxTcpQueries: Number.POSITIVE_INFINITY },
  },
  {
    name: 'maxtcpqueries 0',
    input: 'timeouts {\n maxtcpqueries 0\n}',
    error: 'Corefile:2: timeouts: maxtcpqueries must be -1 or more than 0, got "0"',
  },
  {
    name: 'maxtcpqueries -2',
    input: 'timeouts {\n maxtcpqueries -2\n}',
    error: 'Corefile:2: timeouts: maxtcpqueries must be -1 or more, got "-2"',
  },
  { name: 'no block', input: 'timeouts', error: none },
  {
    name: 'an empty block',
    input: 'timeouts {\n}',
    error: none,
  },
  { name: 'an argument', input: 'timeouts 5s', error: 'Corefile:1: timeouts: takes no arguments, got 1' },
  { name: 'no value', input: 'timeouts {\n read\n}', error: 'Corefile:2: timeouts: read takes 1 argument, got 0' },
  {
    name: 'two values',
    input: 'timeouts {\n read 1s 2s\n}',
    error: 'Corefile:2: timeouts: read takes 1 argument, got 2',
  },
  { name: 'too short', input: 'timeouts {\n read 999ms\n}', error: `Corefile:2: timeouts: read ${range}, got "999ms"` },
  { name: 'too long', input: 'timeouts {\n idle 86401\n}', error: `Corefile:2: timeouts: idle ${range}, got "86401"` },
  { name: 'negative', input: 'timeouts {\n write -1s\n}', error: `Corefile:2: timeouts: write ${range}, got "-1s"` },
  { name: 'no duration', input: 'timeouts {\n read soon\n}', error: `Corefile:2: timeouts: read ${range}, got "soon"` },
  {
    name: 'unknown',
    input: 'timeouts {\n reed 1s\n}',
    error: 'Corefile:2: timeouts: unknown property "reed"; did you mean "read"?',
  },
];
for (const { name, input, want, error } of parseCases) {
  test(`parse: ${name}`, () => {
    const run = () => parse(cursorOf(input));
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.deepEqual(run(), want);
  });
}

test('sets what is given for the listener and leaves the rest', () => {
  const block = fakeBlock();
  assert.equal(timeouts.setup({ idleMs: 7000, maxTcpQueries: 5 }, block), undefined);
  assert.deepEqual(block.listener, {
    addresses: [],
    debug: false,
    stacktrace: false,
    idleMs: 7000,
    maxTcpQueries: 5,
  });
});

test('of several in one block the last that sets one counts', () => {
  const { repeat } = timeouts;
  assert.ok(typeof repeat === 'function');
  assert.deepEqual(repeat([{ readMs: 1000, idleMs: 1000 }, { idleMs: 2000 }]), { readMs: 1000, idleMs: 2000 });
});
