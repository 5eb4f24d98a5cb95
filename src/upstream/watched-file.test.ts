import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from './testing.ts';
import { WatchedFile } from './watched-file.ts';

/** At once: half a file is never seen. */
function write(path: string, content: string): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

/** A file in a directory of its own, watched; what has been seen of it. */
function watched(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'nodens-watched-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'resolv.conf');
  writeFileSync(path, 'one');
  const seen: (string | undefined)[] = [];
  const onChange = (content: string | Error) =>
    seen.push(content instanceof Error ? (content as NodeJS.ErrnoException).code : content);
  const file = new WatchedFile({ path, content: 'one', intervalMs: 5, onChange });
  t.after(() => file.stop());
  file.start();
  return { directory, path, seen, file };
}

const changes: { name: string; change: (directory: string, path: string) => void; want: string }[] = [
  { name: 'written in place', change: (_, path) => writeFileSync(path, 'two'), want: 'two' },
  { name: 'emptied', change: (_, path) => writeFileSync(path, ''), want: '' },
  {
    name: 'renamed over',
    change: (directory, path) => {
      writeFileSync(join(directory, 'new'), 'two');
      renameSync(join(directory, 'new'), path);
    },
    want: 'two',
  },
  {
    name: 'a link that is swapped, as in a mounted ConfigMap',
    change: (directory, path) => {
      writeFileSync(join(directory, 'two'), 'two');
      symlinkSync('two', join(directory, 'link'));
      renameSync(join(directory, 'link'), path);
    },
    want: 'two',
  },
  { name: 'removed', change: (_, path) => rmSync(path), want: 'ENOENT' },
];
for (const { name, change, want } of changes) {
  test(`a change is seen once: ${name}`, async (t) => {
    const { directory, path, seen } = watched(t);
    change(directory, path);
    await until(() => seen.length > 0, 'the change');
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual(seen, [want]);
  });
}

test('a file that comes back is seen, even as it was', async (t) => {
  const { path, seen } = watched(t);
  rmSync(path);
  await until(() => seen.length === 1, 'its absence');
  write(path, 'one');
  await until(() => seen.length === 2, 'its return');
  assert.deepEqual(seen, ['ENOENT', 'one']);
});

test('nothing is seen once it is stopped', async (t) => {
  const { path, seen, file } = watched(t);
  file.stop();
  writeFileSync(path, 'two');
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(seen, []);
});

test('a file that is missing from the start is seen when it comes', async (t) => {
  const { directory } = watched(t);
  const path = join(directory, 'later');
  const seen: (string | Error)[] = [];
  const content = await readFile(path, 'utf8').catch((error: Error) => error);
  const file = new WatchedFile({ path, content, intervalMs: 5, onChange: (found) => seen.push(found) });
  t.after(() => file.stop());
  file.start();
  await new Promise((resolve) => setTimeout(resolve, 30));
  write(path, 'one');
  await until(() => seen.length > 0, 'the file');
  assert.deepEqual(seen, ['one']);
});
