import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEBIAN_PACKAGES, findProgram, missing } from './programs.ts';

test('finds programs that stand outside of a plain PATH', () => {
  assert.ok(findProgram('sh'));
  assert.equal(findProgram('no-such-program'), undefined);
});

test('a missing program skips a test, and fails it where nothing may be skipped', (t) => {
  const before = process.env.CI;
  t.after(() => {
    if (before === undefined) delete process.env.CI;
    else process.env.CI = before;
  });
  delete process.env.CI;
  assert.equal(missing('sh'), false);
  assert.match(missing('no-such-program') || '', /^needs no-such-program/);
  process.env.CI = 'true';
  assert.equal(missing('sh'), false);
  assert.throws(() => missing('no-such-program'), /^Error: needs no-such-program/);
});

test('the continuous integration installs every package that a test asks for', () => {
  const script = readFileSync(join(import.meta.dirname, '../../.ci/run'), 'utf8');
  const installed = /^packages=\(([^)]*)\)/m.exec(script)?.[1].split(/\s+/) ?? [];
  const absent = Object.values(DEBIAN_PACKAGES).filter((name) => !installed.includes(name));
  assert.deepEqual(absent, []);
});
