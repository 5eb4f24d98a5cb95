import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileKeeper } from './written-corefile.ts';

const root = mkdtempSync(join(tmpdir(), 'written-'));
after(() => rmSync(root, { recursive: true }));

function neverRefused(reason: string): void {
  throw new Error(reason);
}

test('fileKeeper: writes what is new, and leaves nothing else behind', async () => {
  const directory = join(root, 'plain');
  mkdirSync(directory);
  const path = join(directory, 'Corefile');
  const keep = fileKeeper(path, neverRefused);
  await keep('one');
  await keep('two');
  assert.equal(readFileSync(path, 'utf8'), 'two');
  writeFileSync(path, 'of somebody else');
  await keep('two');
  assert.equal(readFileSync(path, 'utf8'), 'of somebody else');
  assert.deepEqual(readdirSync(directory), ['Corefile']);
});

test('fileKeeper: a link stays a link', async () => {
  const [path, target] = [join(root, 'link'), join(root, 'target')];
  writeFileSync(target, 'before');
  symlinkSync('target', path);
  await fileKeeper(path, neverRefused)('after');
  assert.equal(readlinkSync(path), 'target');
  assert.equal(readFileSync(target, 'utf8'), 'after');
});

test('fileKeeper: where it cannot be written that is said once', async () => {
  const reasons: string[] = [];
  const keep = fileKeeper(join(root, 'no/such/Corefile'), (reason) => reasons.push(reason));
  await keep('one');
  await keep('two');
  assert.deepEqual(reasons, ['no such file or directory']);
});

test('fileKeeper: a directory in its place is not replaced', async () => {
  const path = join(root, 'directory');
  mkdirSync(join(path, 'sub'), { recursive: true });
  const reasons: string[] = [];
  await fileKeeper(path, (reason) => reasons.push(reason))('one');
  assert.deepEqual(reasons, ['illegal operation on a directory']);
  assert.deepEqual(
    readdirSync(root).filter((name) => name.includes('.tmp')),
    [],
  );
});

test('fileKeeper: without a path nothing is written', async () => {
  await fileKeeper('', neverRefused)('one');
});
