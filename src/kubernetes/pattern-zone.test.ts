import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zoneOfPattern } from './pattern-zone.ts';

const cases: [pattern: string, zone: string | undefined][] = [
  ['^(.*)\\.example\\.org\\.$', 'example.org'],
  ['^db\\.example\\.org\\.$', 'db.example.org'],
  ['^db\\.Example\\.org\\.?$', 'db.example.org'],
  ['(^|[.])example[.]org[.]$', 'example.org'],
  ['(?:^|\\.)example\\.org\\.$', 'example.org'],
  ['(.*\\.)?example\\.org\\.$', 'example.org'],
  ['^([^\\.]*\\.)*a\\.example\\.org$', 'a.example.org'],
  ['^[^.]+.example.org.$', 'example.org'],
  ['ip-(?P<a>[0-9]*)-(?P<b>[0-9]*)\\.internal\\.$', 'internal'],
  ['(.*)\\.(foo|bar)\\.example\\.$', 'example'],
  ['\\d.example.org$', 'example.org'],
  ['.*node\\.example\\.org\\.$', 'example.org'],
  // What is left of a cut label is the zone of too many others.
  ['.*example\\.org\\.$', undefined],
  ['.*', undefined],
  ['^.*$', undefined],
  ['(foo|bar)$', undefined],
  ['^example\\.org', undefined],
  ['\\w$', undefined],
  ['', undefined],
];
for (const [pattern, zone] of cases) {
  test(`zoneOfPattern: ${pattern}`, () => assert.equal(zoneOfPattern(pattern), zone));
}
