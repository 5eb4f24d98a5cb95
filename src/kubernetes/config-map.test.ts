import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readKeys } from './config-map.ts';

const root = mkdtempSync(join(tmpdir(), 'config-map-'));
after(() => rmSync(root, { recursive: true }));
const KEYS = ['stubDomains', 'upstreamNameservers'];

function directory(name: string, files: Record<string, string | Uint8Array> = {}): string {
  const path = join(root, name);
  mkdirSync(path);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

test('readKeys: plain files; other keys and keys that are not there', async () => {
  const path = directory('plain', { stubDomains: '{}', other: 'x' });
  assert.deepEqual([...(await readKeys(path, KEYS))], [['stubDomains', '{}']]);
  assert.deepEqual([...(await readKeys(directory('empty'), KEYS))], []);
});

test('readKeys: as the kubelet mounts and swaps them', async () => {
  const path = directory('mounted');
  const version = (name: string, files: Record<string, string>) => {
    directory(`mounted/..${name}`, files);
    symlinkSync(`..${name}`, join(path, '..data_tmp'));
    renameSync(join(path, '..data_tmp'), join(path, '..data'));
  };
  version('1', { stubDomains: 'one', upstreamNameservers: 'one' });
  symlinkSync('..data/stubDomains', join(path, 'stubDomains'));
  symlinkSync('..data/upstreamNameservers', join(path, 'upstreamNameservers'));
  assert.deepEqual([...(await readKeys(path, KEYS)).values()], ['one', 'one']);
  // The links of keys that are gone are removed a moment later.
  version('2', { stubDomains: 'two' });
  assert.deepEqual([...(await readKeys(path, KEYS))], [['stubDomains', 'two']]);
});

const bad = [
  {
    name: 'no directory',
    path: () => join(root, 'none'),
    error: `cannot read "${root}/none": no such file or directory`,
  },
  {
    name: 'a file',
    path: () => join(directory('file', { x: '' }), 'x'),
    error: `cannot read "${root}/file/x": it is no directory`,
  },
  {
    name: 'a directory for a key',
    path: () => {
      const nested = directory('nested');
      directory('nested/stubDomains');
      return nested;
    },
    error: `cannot read "${root}/nested": illegal operation on a directory`,
  },
  {
    name: 'not UTF-8',
    path: () => directory('bytes', { stubDomains: Uint8Array.of(0xff) }),
    error: `cannot read "${root}/bytes": ${root}/bytes/stubDomains is not UTF-8`,
  },
];
for (const { name, path, error } of bad) {
  test(`readKeys: ${name}`, async () => {
    await assert.rejects(readKeys(path(), KEYS), { message: error });
  });
}
