import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { DIRECTIVES } from '../src/directives/order.ts';
import { testServer } from '../src/server/testing.ts';

const folder = resolve(import.meta.dirname, '../src/directives');
const SECTIONS = ['## Name', '## Description', '## Syntax', '## Metrics', '## Examples'];
const EXAMPLE = /^```corefile\n(.*?)^```$/gms;

test('every directive has a folder, and every folder is a directive', () => {
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.deepEqual(folders.map(({ name }) => name).sort(), DIRECTIVES.map(({ name }) => name).sort());
});

for (const { name } of DIRECTIVES) {
  const page = join(folder, name, 'README.md');
  const text = existsSync(page) ? readFileSync(page, 'utf8') : '';
  const examples = [...text.matchAll(EXAMPLE)].map(([, example]) => example ?? '');

  test(`${name}: the page has its sections, in order, and an example`, () => {
    const found = text.split('\n').filter((line) => line.startsWith('## '));
    assert.deepEqual(
      found.filter((line) => SECTIONS.includes(line)),
      SECTIONS,
    );
    assert.ok(examples.length > 0);
  });

  for (const [i, example] of examples.entries()) {
    test(`${name}: example ${i + 1} of its page starts`, async () => {
      const { server, close } = testServer(example);
      try {
        await server.start();
        assert.ok(server.banner.length > 0);
      } finally {
        await close();
      }
    });
  }
}
