import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import test from 'node:test';
import { DOCTOR_FLAGS, EXPLAIN_FLAGS, SERVER_FLAGS } from '../src/cli/flag-table.ts';
import { COREDNS_DIRECTIVES, DIRECTIVES } from '../src/directives/order.ts';

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

const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'bench/README.md'],
  ...['docs', 'deploy', 'src/directives'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => join(folder, file)),
  ),
];
/** As GitHub makes the anchor of a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\d _-]/gu, '')
    .replaceAll(' ', '-');

for (const page of pages) {
  test(`${page}: its links lead somewhere, and no merge has left anything`, () => {
    const text = read(page);
    assert.doesNotMatch(text, /^(<{7}|={7}|>{7})( |$)/m);
    const links = allMatches(text, /\]\(([^)\s]+)\)/g).filter((link) => !/^https?:/.test(link));
    const broken = links.filter((link) => {
      const [path, anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(root, target))) return true;
      return (
        anchor !== undefined &&
        !allMatches(read(target), /^#+ (.*)$/gm)
          .map(anchorOf)
          .includes(anchor)
      );
    });
    assert.deepEqual(broken, []);
  });
}

test('every page of docs/ is linked from README.md', () => {
  const linked = allMatches(read('README.md'), /\]\((docs\/[^)#]+)/g);
  const absent = pages.filter((page) => page.startsWith('docs/') && !linked.includes(page));
  assert.deepEqual(absent, []);
});

test('docs name no flag that does not exist', () => {
  const flags = new Set<string>(
    [...DOCTOR_FLAGS, ...EXPLAIN_FLAGS].flatMap((flag) => [flag.name, ...('aliases' in flag ? flag.aliases : [])]),
  );
  const operators = pages.filter(
    (page) => page === 'README.md' || page.startsWith('docs/') || page.startsWith('deploy/'),
  );
  const named = operators.flatMap((page) => allMatches(read(page), /`-([a-z][a-z.-]+)/g));
  assert.deepEqual(
    named.filter((flag) => !flags.has(flag)),
    [],
  );
});

const migrating = read('docs/migrating.md');
/** What the first column of a table names, and what its second says. */
const rowsOf = (heading: string) => {
  const [, section = ''] = new RegExp(`^### ${heading}\\n(.*?)(?=^#)`, 'ms').exec(migrating) ?? [];
  const rows = [...section.matchAll(/^\| (`.*?`) \| ([a-z ]+) \|/gm)];
  return rows.flatMap(([, names = '', is = '']) => allMatches(names, /`-?([^`]+)`/g).map((name) => ({ name, is })));
};

test('docs/migrating.md compares each flag and tells of the new ones', () => {
  const [, added = ''] = /^New: (.*)$/m.exec(migrating) ?? [];
  const named = [...rowsOf('Flags').map(({ name }) => name), ...allMatches(added, /`-([^`]+)`/g)];
  const flags = SERVER_FLAGS.flatMap((flag) => [flag.name, ...('aliases' in flag ? flag.aliases : [])]);
  assert.deepEqual(named.sort(), flags.sort());
});

test('docs/migrating.md compares each directive', () => {
  const rows = rowsOf('Directives');
  const there = rows.filter(({ is }) => is !== 'not there').map(({ name }) => name);
  assert.deepEqual(there.sort(), DIRECTIVES.map(({ name }) => name).sort());
  assert.deepEqual(rows.map(({ name }) => name).sort(), [...COREDNS_DIRECTIVES].sort());
});
