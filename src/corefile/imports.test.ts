import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, test } from 'node:test';
import type { Corefile, Cursor } from './cursor.ts';
import { parseCorefile } from './parse.ts';

const directory = mkdtempSync(join(tmpdir(), 'corefile-'));
after(() => rmSync(directory, { recursive: true }));

const files: Record<string, string> = {
  'errors.conf': 'errors\n',
  'block.conf': 'imported.test {\n whoami\n}\n',
  'snippet.conf': '(fromfile) {\n log x\n}\n',
  'empty.conf': '# nothing\n',
  'properties.conf': 'success 1\ndenial 2\n',
  'keys.conf': 'a.test, b.test',
  'open.conf': 'cache {\n success 1\n',
  'bad.conf': '\nfrwd x\n',
  'halfopen.conf': 'cache {\n',
  'sub/Corefile': 'import log.conf\n',
  'sub/log.conf': 'log sub\n',
  'sub/snippet.conf': '(sub) {\n import log.conf\n}\n',
  'many/b.conf': 'log b\n',
  'many/a.conf': 'log a\n',
  'many/c.conf': 'log c\nimport a.conf\n',
  'many/.hidden.conf': 'log hidden\n',
  'many/x.txt': 'log txt\n',
  'pair/a.conf': 'log a\nimport b.conf\n',
  'pair/b.conf': 'log b\n',
  'each/one/f': 'log one\n',
  'each/two/f': 'log two\n',
  'each/three': 'log three\n',
  'self.conf': 'log a\nimport self.conf\n',
  'ping.conf': 'import pong.conf\n',
  'pong.conf': 'import ping.conf\n',
};
for (const [path, text] of Object.entries(files)) {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), text);
}

const main = join(directory, 'Corefile');
const directiveNames = ['cache', 'errors', 'log', 'whoami'];
const env = { FILE: 'errors.conf', SNIPPET: 's', WORD: 'import', DIRECTORY: directory };

function parse(text: string): Corefile {
  return parseCorefile(text, main, { env, defaultPort: 53, directiveNames });
}

function outline({ blocks }: Corefile): string[] {
  return blocks.map(
    ({ keys, directives }) => `${keys.map(({ zone }) => zone).join(' ')}: ${directives.map(lineOutline).join('; ')}`,
  );
}

function lineOutline({ name, args, body }: Cursor): string {
  const words = [name, ...args].map(({ text }) => text).join(' ');
  return body.length === 0 ? words : `${words} [${body.map(lineOutline).join('; ')}]`;
}

const cases = [
  {
    name: 'a snippet',
    input: '(s) {\n log a\n log b\n}\n. {\n import s\n errors\n}',
    want: ['.: log a; log b; errors'],
  },
  { name: 'a snippet twice', input: '(s) { log a\n}\n. {\n import s\n import s\n}', want: ['.: log a; log a'] },
  {
    name: 'a snippet on one line',
    input: '(s) { log a }\n. {\n import s\n import s\n errors\n}',
    want: ['.: log a; log a; errors'],
  },
  { name: 'an empty snippet', input: '(s) {\n}\n. {\n import s\n errors\n}', want: ['.: errors'] },
  {
    name: 'a snippet with a body',
    input: '(s) {\n cache {\n success 1\n }\n}\n. {\n import s\n}',
    want: ['.: cache [success 1]'],
  },
  {
    name: 'a snippet in a body',
    input: '(s) {\n success 1\n}\n. {\n cache {\n import s\n denial 2\n }\n}',
    want: ['.: cache [success 1; denial 2]'],
  },
  {
    name: 'a snippet in a one-line body',
    input: '(s) {\n success 1\n}\n. {\n cache { import s }\n}',
    want: ['.: cache [success 1]'],
  },
  {
    name: 'a snippet with whole blocks',
    input: '(s) {\n a {\n errors\n }\n b {\n }\n}\nimport s\nc {\n}',
    want: ['a.: errors', 'b.: ', 'c.: '],
  },
  {
    name: 'a snippet in a snippet',
    input: '(a) {\n log a\n}\n(b) {\n import a\n log b\n}\n. {\n import b\n}',
    want: ['.: log a; log b'],
  },
  {
    name: 'a snippet in a snippet, defined later',
    input: '(b) {\n import a\n}\n(a) {\n log a\n}\n. {\n import b\n}',
    want: ['.: log a'],
  },
  { name: 'a snippet unused', input: '(s) {\n frobnicate {$X\n}\n. {\n}', want: ['.: '] },
  {
    name: 'a snippet beats a file',
    input: '(errors.conf) {\n log s\n}\n. {\n import errors.conf\n}',
    want: ['.: log s'],
  },
  { name: 'a quoted brace in a snippet', input: '(s) {\n log "}"\n}\n. {\n import s\n}', want: ['.: log }'] },
  { name: 'a file', input: '. {\n import errors.conf\n log z\n}', want: ['.: errors; log z'] },
  { name: 'a file, absolute', input: '. {\n import {$DIRECTORY}/errors.conf\n}', want: ['.: errors'] },
  { name: 'a file twice', input: '. {\n import errors.conf\n import errors.conf\n}', want: ['.: errors; errors'] },
  { name: 'a file with a block', input: 'import block.conf\n. {\n}', want: ['imported.test.: whoami', '.: '] },
  { name: 'a file with a snippet', input: 'import snippet.conf\n. {\n import fromfile\n}', want: ['.: log x'] },
  { name: 'an empty file', input: 'import empty.conf\n. {\n import empty.conf\n}', want: ['.: '] },
  {
    name: 'a file in a body',
    input: '. {\n cache {\n import properties.conf\n }\n}',
    want: ['.: cache [success 1; denial 2]'],
  },
  { name: 'a file with keys', input: 'import keys.conf\n{\n errors\n}', want: ['a.test. b.test.: errors'] },
  {
    name: 'a file that opens a body',
    input: '. {\n import open.conf\n denial 2\n }\n}',
    want: ['.: cache [success 1; denial 2]'],
  },
  { name: 'relative to the importing file', input: '. {\n import sub/Corefile\n}', want: ['.: log sub'] },
  {
    name: 'relative to the file of the snippet',
    input: 'import sub/snippet.conf\n. {\n import sub\n}',
    want: ['.: log sub'],
  },
  {
    name: 'a star in lexical order',
    input: '. {\n import many/*.conf\n}',
    want: ['.: log hidden; log a; log b; log c; log a'],
  },
  {
    name: 'files of a pattern may import each other',
    input: '. {\n import pair/*\n}',
    want: ['.: log a; log b; log b'],
  },
  { name: 'a question mark', input: '. {\n import many/?.txt\n}', want: ['.: log txt'] },
  { name: 'a star and a question mark', input: '. {\n import many/?.t*\n}', want: ['.: log txt'] },
  { name: 'a star for a directory', input: '. {\n import each/*/f\n}', want: ['.: log one; log two'] },
  { name: 'a variable names the file', input: '. {\n import {$FILE}\n}', want: ['.: errors'] },
  { name: 'a variable names the snippet', input: '(s) {\n log s\n}\n. {\n import {%SNIPPET%}\n}', want: ['.: log s'] },
  { name: 'a variable is import, at a key', input: '{$WORD} block.conf', want: ['imported.test.: whoami'] },
];
for (const { name, input, want } of cases) {
  test(`import: ${name}`, () => assert.deepEqual(outline(parse(input)), want));
}

const oneArgument = 'import: expected one argument on its line: a snippet, a file or a glob pattern';
const wildcards = 'import: a pattern may have one * and one ?, and no [ ]';
const errorCases = [
  { name: 'no argument', input: '. {\n import\n}', error: `${main}:2: ${oneArgument}` },
  { name: 'two arguments', input: '. {\n import a b\n}', error: `${main}:2: ${oneArgument}` },
  { name: 'an empty argument', input: '. {\n import ""\n}', error: `${main}:2: ${oneArgument}` },
  { name: 'a brace', input: '. {\n import {\n}', error: `${main}:2: ${oneArgument}` },
  { name: 'a closing brace', input: '. {\n import s }', error: `${main}:2: ${oneArgument}` },
  { name: 'two stars', input: '. {\n import */*\n}', error: `${main}:2: ${wildcards}, got "*/*"` },
  { name: 'brackets', input: '. {\n import [ab].conf\n}', error: `${main}:2: ${wildcards}, got "[ab].conf"` },
  {
    name: 'a missing file',
    input: '. {\n import x.conf\n}',
    error: `${main}:2: import: there is no snippet and no file "x.conf" (${directory}/x.conf)`,
  },
  {
    name: 'a snippet before its definition',
    input: '. {\n import s\n}\n(s) {\n}',
    error: `${main}:2: import: there is no snippet and no file "s" (${directory}/s)`,
  },
  {
    name: 'a directory',
    input: '. {\n import many\n}',
    error: `${main}:2: import: "many" (${directory}/many) is a directory; name its files, such as "many/*"`,
  },
  {
    name: 'a directory of a pattern',
    input: '. {\n import each/*\n}',
    error: `${main}:2: import: "each/*" (${directory}/each/one) is a directory; name its files, such as "each/*/*"`,
  },
  {
    name: 'an error within the file',
    input: '. {\n import bad.conf\n}',
    error: `${directory}/bad.conf:2: unknown directive "frwd"; "nodens -plugins" lists those there are`,
  },
  {
    name: 'a body left open in the file',
    input: '. {\n import halfopen.conf\n a\n',
    error: `${main}:3: unexpected end of file: expected "}" for the "{" of ${directory}/halfopen.conf:1`,
  },
  {
    name: 'an error within a snippet',
    input: '(s) {\n frwd\n}\n. {\n import s\n}',
    error: `${main}:2: unknown directive "frwd"; "nodens -plugins" lists those there are`,
  },
  {
    name: 'a snippet without a body',
    input: '(s)\nlog a',
    error: `${main}:2: unexpected "log": expected "{" and the lines of the snippet (s)`,
  },
  {
    name: 'a snippet left open',
    input: '(s) {\n log a\n',
    error: `${main}:2: unexpected end of file: expected "}" for the "{" of line 1`,
  },
  {
    name: 'a snippet twice',
    input: '(s) {\n}\n(s) {\n}\n. {\n}',
    error: `${main}:3: snippet "s" is defined already; give it another name`,
  },
  {
    name: 'a snippet that imports itself, of which its users are innocent',
    input: '(s) {\n log a\n import s\n}\n. {\n import s\n}',
    error: `${main}:3: snippet "s" imports itself, which would never end`,
  },
  {
    name: 'snippets that import each other',
    input: '(a) {\n import b\n}\n(b) {\n import a\n}\n. {\n import a\n}',
    error: `${main}:5: import: (a) imports itself, without end`,
  },
  {
    name: 'a file that imports itself',
    input: '. {\n import self.conf\n}',
    error: `${directory}/self.conf:2: import: ${directory}/self.conf imports itself, without end`,
  },
  {
    name: 'files that import each other',
    input: 'import ping.conf',
    error: `${directory}/pong.conf:1: import: ${directory}/ping.conf imports itself, without end`,
  },
];
for (const { name, input, error } of errorCases) {
  test(`import error: ${name}`, () => assert.throws(() => parse(input), { name: 'ConfigError', message: error }));
}

test('import error: a snippet imported twice has its faults once', () => {
  const input = '(s) {\n frwd\n}\n. {\n import s\n import s\n}';
  assert.throws(() => parse(input), {
    name: 'ConfigError',
    message: `${main}:2: unknown directive "frwd"; "nodens -plugins" lists those there are`,
  });
});

test('import: a pattern without matches is a warning', () => {
  const corefile = parse('import conf.d/*\n. {\n import many/z*\n import none[\n}');
  assert.deepEqual(corefile.warnings, [
    `${main}:1: import: no files matching import glob pattern: conf.d/*`,
    `${main}:3: import: no files matching import glob pattern: many/z*`,
    `${main}:4: import: no files matching import glob pattern: none[`,
  ]);
});

test('import: a main file that imports itself', () => {
  const options = { env, defaultPort: 53, directiveNames, readFile: () => 'import Corefile' };
  const message = `Corefile:1: import: ${resolve('Corefile')} imports itself, without end`;
  assert.throws(() => parseCorefile('import Corefile', 'Corefile', options), { name: 'ConfigError', message });
});

test('import: imports that multiply end at a limit', () => {
  const snippets = Array.from({ length: 30 }, (_, n) => `(s${n}) {\n import s${n + 1}\n import s${n + 1}\n}`);
  const input = `${snippets.join('\n')}\n(s30) {\n}\n. {\n import s0\n}`;
  assert.throws(() => parse(input), {
    name: 'ConfigError',
    message: /: import: more than 10000 snippets or 100000 files are imported$/,
  });
});

test('import: the files read are told, each once', () => {
  const { sources } = parse('. {\n import many/*.conf\n import errors.conf\n import errors.conf\n}');
  const names = ['many/.hidden.conf', 'many/a.conf', 'many/b.conf', 'many/c.conf', 'errors.conf'];
  assert.deepEqual(sources, [main, ...names.map((name) => join(directory, name))]);
});

test('import: words know the file they stand in', () => {
  const [log] = parse('. {\n import sub/Corefile\n}').blocks[0].directives;
  assert.deepEqual(log.name, { text: 'log', file: join(directory, 'sub/log.conf'), line: 1 });
});
