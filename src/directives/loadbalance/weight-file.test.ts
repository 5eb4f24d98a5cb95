import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fakeLog } from '../../observe/testing.ts';
import { until } from '../../upstream/testing.ts';
import { WeightFile } from './weight-file.ts';

/** A weight file in a directory of its own, there from the start if it has text. */
function weightFile(t: TestContext, text: string | undefined, reloadMs: number) {
  const directory = mkdtempSync(join(tmpdir(), 'nodens-weights-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'weights');
  /** At once: half a file is never seen. */
  const write = (content: string) => {
    writeFileSync(`${path}.new`, content);
    renameSync(`${path}.new`, path);
  };
  if (text !== undefined) write(text);
  const { log, lines } = fakeLog();
  const file = new WeightFile({ path, reloadMs }, log);
  t.after(() => file.close());
  /** The weight of the one address that the tests use. */
  const weight = () => file.weights.get('a.')?.get('192.0.2.1');
  return { file, path, write, weight, lines: () => lines().map((line) => line.replaceAll(path, 'FILE')) };
}

const LOADED = '[INFO] Successfully reloaded weight file FILE';

test('the file is read, and again when it has changed', async (t) => {
  const { file, write, weight, lines } = weightFile(t, 'a\n192.0.2.1 3', 5);
  assert.equal(weight(), undefined);
  await file.open();
  assert.equal(weight(), 3);
  write('a\n192.0.2.1 4');
  await until(() => weight() === 4, 'the change');
  assert.deepEqual(lines(), [LOADED, LOADED]);
});

test('with reload 0 it is read once', async (t) => {
  const { file, write, weight } = weightFile(t, 'a\n192.0.2.1 3', 0);
  await file.open();
  write('a\n192.0.2.1 4');
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(weight(), 3);
});

test('a change that cannot be used leaves the weights as they are, and is said once', async (t) => {
  const { file, path, write, weight, lines } = weightFile(t, 'a\n192.0.2.1 3', 5);
  await file.open();
  write('a\n192.0.2.1 0');
  await until(() => lines().length === 2, 'the error');
  await new Promise((resolve) => setTimeout(resolve, 30));
  rmSync(path);
  await until(() => lines().length === 3, 'the other error');
  assert.equal(weight(), 3);
  assert.deepEqual(lines(), [
    LOADED,
    '[ERROR] keeping the weights of FILE: FILE:2: WEIGHT must be 1..255, got "0"',
    "[ERROR] keeping the weights of FILE: ENOENT: no such file or directory, open 'FILE'",
  ]);
  write('a\n192.0.2.1 5');
  await until(() => weight() === 5, 'the file to be back');
});

test('a file that is not there yet: a warning, and it is waited for', async (t) => {
  const { file, write, weight, lines } = weightFile(t, undefined, 5);
  await file.open();
  await new Promise((resolve) => setTimeout(resolve, 30));
  const reason = "ENOENT: no such file or directory, open 'FILE'";
  assert.deepEqual(lines(), [`[WARNING] Failed to open weight file: ${reason}. Will try again in 5ms`]);
  write('a\n192.0.2.1 3');
  await until(() => weight() === 3, 'the file');
});

test('a file that is not there is an error if it is not waited for', async (t) => {
  await assert.rejects(weightFile(t, undefined, 0).file.open(), { code: 'ENOENT' });
});

test('a wrong file is an error at the start', async (t) => {
  for (const reloadMs of [0, 5]) {
    const { file, path } = weightFile(t, '192.0.2.1 3', reloadMs);
    await assert.rejects(file.open(), { message: `${path}:1: a domain name must stand before "192.0.2.1 3"` });
  }
});
