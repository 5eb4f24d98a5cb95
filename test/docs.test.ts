import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { DOCTOR_FLAGS, EXPLAIN_FLAGS } from '../src/cli/flag-table.ts';

const root = resolve(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const allMatches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, match]) => match ?? '');

test('docs/metrics.md lists the metrics of our own, all and no others', () => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    /(?<!\.test)\.ts$/.test(file),
  );
  const counted = new Set(sources.flatMap((file) => allMatches(read(join('src', file)), /'(nodens_[a-z_]+)'/g)));
  const listed = new Set(allMatches(read('docs/metrics.md'), /^\| `(nodens_[a-z_]+)/gm));
  assert.deepEqual([...listed].sort(), [...counted].sort());
});

test('docs name no flag that does not exist', () => {
  const flags = new Set<string>(
    [...DOCTOR_FLAGS, ...EXPLAIN_FLAGS].flatMap((flag) => [flag.name, ...('aliases' in flag ? flag.aliases : [])]),
  );
  const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((file) => join('docs', file))];
  const named = pages.flatMap((page) => allMatches(read(page), /`-([a-z][a-z.-]+)/g));
  assert.deepEqual(
    named.filter((flag) => !flags.has(flag)),
    [],
  );
});
