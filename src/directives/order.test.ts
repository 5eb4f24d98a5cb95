import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COREDNS_DIRECTIVES, DIRECTIVES } from './order.ts';

test('a query meets the directives in the order of CoreDNS', () => {
  const names = DIRECTIVES.map(({ name }) => name);
  assert.deepEqual(
    names,
    COREDNS_DIRECTIVES.filter((name) => names.includes(name)),
  );
});
