import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from './cidr.ts';

const good = [
  { text: '192.0.2.1/24', want: { network: Uint8Array.of(192, 0, 2, 1), bits: 24 } },
  { text: '0.0.0.0/0', want: { network: new Uint8Array(4), bits: 0 } },
  { text: '::/128', want: { network: new Uint8Array(16), bits: 128 } },
];
for (const { text, want } of good) test(`a CIDR: ${text}`, () => assert.deepEqual(parseCidr(text), want));

const bad = [
  '192.0.2.0',
  '192.0.2.0/',
  '192.0.2.0/33',
  '192.0.2.0/-1',
  '192.0.2/24',
  '192.0.2.0/24/8',
  '2001:db8::/129',
  '2001:db8/32',
  'fe80::%eth0/64',
  'example.org/24',
  '/24',
  '',
];
for (const text of bad) test(`no CIDR: "${text}"`, () => assert.equal(parseCidr(text), undefined));
