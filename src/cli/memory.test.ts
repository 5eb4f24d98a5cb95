import assert from 'node:assert/strict';
import test from 'node:test';
import { defaultCacheBytes } from './memory.ts';

const MIB = 2 ** 20;
const HOST = 8192 * MIB;
const cases = [
  { name: 'a quarter of the limit', limit: 256 * MIB, want: 64 * MIB },
  { name: 'at least 16 MiB', limit: 32 * MIB, want: 16 * MIB },
  { name: 'no limit: bounded all the same', limit: 0, want: 256 * MIB },
  { name: 'a limit above what the host has is none', limit: 2 ** 63, want: 256 * MIB },
  { name: 'a large limit is meant', limit: 4096 * MIB, want: 1024 * MIB },
];

for (const { name, limit, want } of cases) {
  test(`defaultCacheBytes: ${name}`, () => assert.equal(defaultCacheBytes(limit, HOST), want));
}
