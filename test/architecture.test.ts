import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import test from 'node:test';

const src = resolve(import.meta.dirname, '../src');
/** From the top of the house down; a folder imports only from itself and from those below it. */
const FLOORS = [
  'cli',
  'server',
  'kubernetes',
  'node',
  'directives',
  'upstream',
  'cache',
  'observe',
  'corefile',
  'wire',
  'sys',
];
const IMPORT = /^(?:import|export) (type )?(?:[^'"]* from )?'([^']+)'/gm;

const sources = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

type Import = { readonly file: string; readonly target: string; readonly typeOnly: boolean };

/** Every relative import, both ends as paths below src/. */
const imports: Import[] = sources.flatMap((file) =>
  [...readFileSync(join(src, file), 'utf8').matchAll(IMPORT)]
    .filter(([, , target]) => target?.startsWith('.'))
    .map(([, type, target]) => {
      return { file, target: relative(src, resolve(src, dirname(file), target ?? '')), typeOnly: type !== undefined };
    }),
);

const floorOf = (path: string): number => FLOORS.indexOf(path.split('/')[0] ?? '');
const isTest = (file: string): boolean => file.endsWith('.test.ts') || file.includes('testing');
const show = ({ file, target }: Import): string => `${file} imports ${target}`;

test('every folder of src/ has its floor', () => {
  assert.deepEqual(
    sources.filter((file) => floorOf(file) === -1),
    [],
  );
});

test('imports run downwards only', () => {
  const upwards = imports.filter(({ file, target }) => floorOf(target) < floorOf(file) && floorOf(target) !== -1);
  assert.deepEqual(upwards.map(show), []);
});

test('a directive knows nothing of the others', () => {
  const folderOf = (path: string) => path.split('/').slice(1, -1).at(0) ?? '';
  const across = imports.filter(
    ({ file, target }) =>
      floorOf(file) === floorOf(target) &&
      file.startsWith('directives/') &&
      file !== 'directives/order.ts' &&
      folderOf(target) !== '' &&
      folderOf(target) !== folderOf(file),
  );
  assert.deepEqual(across.map(show), []);
});

test('the contract is types alone', () => {
  const contract = imports.filter(({ file }) => file === 'directives/contract.ts');
  assert.deepEqual(contract.filter(({ typeOnly }) => !typeOnly).map(show), []);
});

test('only src/sys calls koffi, only src/cli exits or reads the environment', () => {
  const offenders = sources.filter((file) => {
    const text = readFileSync(join(src, file), 'utf8');
    if (isTest(file)) return false;
    if (/from 'koffi'/.test(text) && !file.startsWith('sys/')) return true;
    return /process\.(exit\(|env\b|argv\b)/.test(text) && !file.startsWith('cli/');
  });
  assert.deepEqual(offenders, []);
});

test('no file outgrows a sitting', () => {
  const long = sources.filter((file) => readFileSync(join(src, file), 'utf8').split('\n').length > 400);
  assert.deepEqual(long, []);
});
