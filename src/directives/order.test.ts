import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { ADVICE } from './advice.ts';
import type { Directive } from './contract.ts';
import { COREDNS_DIRECTIVES, DIRECTIVES } from './order.ts';

test('a query meets the directives in the order of CoreDNS', () => {
  const names = DIRECTIVES.map(({ name }) => name);
  assert.deepEqual(
    names,
    COREDNS_DIRECTIVES.filter((name) => names.includes(name)),
  );
});

test('a directive of CoreDNS is there, or it is known what to do instead, and never both', () => {
  const there = DIRECTIVES.map(({ name }) => name);
  const both = there.filter((name) => ADVICE.has(name));
  const neither = COREDNS_DIRECTIVES.filter((name) => !there.includes(name) && !ADVICE.has(name));
  assert.deepEqual({ both, neither }, { both: [], neither: [] });
});

for (const { name } of DIRECTIVES) {
  test(`${name} is the export of its module`, async () => {
    const module: Readonly<Record<string, Directive<unknown>>> = await import(`./${name}/${name}.ts`);
    assert.equal(module[name]?.name, name);
  });
}

test('each folder here is a directive that is had', () => {
  const folders = readdirSync(import.meta.dirname, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const names = DIRECTIVES.map(({ name }) => name);
  assert.deepEqual(folders.map(({ name }) => name).sort(), names.sort());
});
