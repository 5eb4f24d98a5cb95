import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { fakeBlock } from '../testing.ts';
import { nodecache, parse } from './nodecache.ts';

const usual = { interfaceName: 'nodecache', backend: 'auto', leaseS: undefined, skipTeardown: false };
const cases = [
  { name: 'alone', input: 'nodecache', want: usual },
  { name: 'skipteardown', input: 'nodecache skipteardown', want: { ...usual, skipTeardown: true } },
  { name: 'in any case', input: 'nodecache SkipTeardown', want: { ...usual, skipTeardown: true } },
  { name: 'skip_iptables', input: 'nodecache skip_iptables', want: usual },
  { name: 'both', input: 'nodecache Skip_IPtables skipteardown', want: { ...usual, skipTeardown: true } },
  { name: 'skipteardown within', input: 'nodecache {\n skipteardown\n}', want: { ...usual, skipTeardown: true } },
  {
    name: 'everything',
    input: 'nodecache {\n interface nodelocaldns\n backend iptables\n lease 1m\n}',
    want: { ...usual, interfaceName: 'nodelocaldns', backend: 'iptables', leaseS: 60 },
  },
  { name: 'no lease', input: 'nodecache {\n lease off\n}', want: { ...usual, leaseS: 'off' } },
  {
    name: 'a name of 15 bytes',
    input: 'nodecache {\n interface abcdefghijklmno\n}',
    want: { ...usual, interfaceName: 'abcdefghijklmno' },
  },
  {
    name: 'another word',
    input: 'nodecache skip',
    error: 'Corefile:1: nodecache: expected skipteardown or nothing, got "skip"',
  },
  {
    name: 'two words',
    input: 'nodecache skipteardown x',
    error: 'Corefile:1: nodecache: expected skipteardown or nothing, got "x"',
  },
  {
    name: 'a name of 16 bytes',
    input: 'nodecache {\n interface abcdefghijklmnop\n}',
    error: 'Corefile:2: nodecache: interface must have at most 15 bytes, "abcdefghijklmnop" has 16',
  },
  {
    name: 'a name with a slash',
    input: 'nodecache {\n interface a/b\n}',
    error: 'Corefile:2: nodecache: interface must be a name for a link, got "a/b"',
  },
  {
    name: 'an unknown backend',
    input: 'nodecache {\n backend ipvs\n}',
    error: 'Corefile:2: nodecache: backend must be auto, nftables, iptables, none, got "ipvs"',
  },
  {
    name: 'a lease that is too short',
    input: 'nodecache {\n lease 1s\n}',
    error: 'Corefile:2: nodecache: lease must be 3s..1h, got "1s"',
  },
  {
    name: 'a lease that is no duration',
    input: 'nodecache {\n lease never\n}',
    error: 'Corefile:2: nodecache: lease must be a duration such as 30s, 1m30s or 500ms, got "never"',
  },
  {
    name: 'an unknown property',
    input: 'nodecache {\n leese 10s\n}',
    error: 'Corefile:2: nodecache: unknown property "leese"; did you mean "lease"?',
  },
  {
    name: 'skipteardown with a value',
    input: 'nodecache {\n skipteardown yes\n}',
    error: 'Corefile:2: nodecache: skipteardown takes no arguments, got 1',
  },
];

for (const { name, input, want, error } of cases) {
  test(`parse: ${name}`, () => {
    const cursor = cursorOf(input);
    if (error !== undefined) assert.throws(() => parse(cursor), { name: 'ConfigError', message: error });
    else assert.deepEqual(parse(cursor), { ...want, line: cursor });
  });
}

test('setup: the block claims the node, and handles no query', () => {
  const block = fakeBlock();
  const claim = parse(cursorOf('nodecache'));
  assert.equal(nodecache.setup(claim, block), undefined);
  assert.deepEqual(block.nodeClaims, [claim]);
});

test('setup: skip_iptables has no effect, and that is said', () => {
  const block = fakeBlock();
  nodecache.setup(parse(cursorOf('nodecache skip_iptables')), block);
  assert.match(block.lines().join(), /WARNING.*skip_iptables is without effect.*backend none/);
});
