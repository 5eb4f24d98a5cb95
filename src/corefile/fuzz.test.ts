import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Corefile, Cursor } from './cursor.ts';
import { ConfigError, ConfigErrors } from './errors.ts';
import { fingerprint } from './fingerprint.ts';
import { formatCorefile } from './format.ts';
import { parseCorefile } from './parse.ts';

const seed = 20260501;
const words = [
  ...[
    '{',
    '}',
    '{',
    '}',
    '"{"',
    '"',
    '"a b"',
    '""',
    '#x',
    ',',
    'a,',
    '.',
    '.:53',
    'a.test:99',
    ':53',
    'a..b',
    '10.0.0.0/9',
  ],
  ...[
    'import',
    'import s',
    'import f',
    'import g*',
    '(s) {',
    '(t) { import s }',
    'cache',
    'log',
    'whoami',
    'success 1',
  ],
  ...['{$A}', '{%B%}', '{$LOOP}', '{$', '\\', 'a"b', '30', '::1/128', 'tls://x', '\u00e9', '\ufeff'],
];
const separators = [' ', ' ', '\n', '\n', '\r\n', '\t', ''];
const env = { A: 'cache', B: '{$A}', LOOP: '{$LOOP}' };
const files: Record<string, string> = {
  '/f': 'log f\nimport g1',
  '/g1': 'import s\n',
  '/g2': 'cache {',
  '/Corefile': 'import f',
};

const corefiles = fc
  .array(fc.tuple(fc.constantFrom(...words), fc.constantFrom(...separators)), { maxLength: 60 })
  .map((parts) => parts.flat().join(''));

function parse(text: string): Corefile | ConfigError | ConfigErrors {
  try {
    return parseCorefile(text, '/Corefile', {
      env,
      defaultPort: 53,
      directiveNames: ['cache', 'log', 'whoami'],
      readFile: (path) => {
        const content = files[path];
        if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
        return content;
      },
      readDirectory: () => Object.keys(files).map((path) => path.slice(1)),
    });
  } catch (error) {
    if (error instanceof ConfigError || error instanceof ConfigErrors) return error;
    throw error;
  }
}

/** Every error is a line that begins with a file and a line of it. */
function checkErrors(failure: ConfigError | ConfigErrors): void {
  const errors = failure instanceof ConfigErrors ? failure.errors : [failure];
  for (const { message } of errors) assert.match(message, /^\/\w+:\d+: .+$/u);
}

function textsOf({ name, args, body }: Cursor): unknown {
  return [name.text, args.map(({ text }) => text), body.map(textsOf)];
}

test('fuzz: any words end in a Corefile or in errors with a position', () => {
  let parsed = 0;
  const property = fc.property(corefiles, (text) => {
    const result = parse(text);
    if (result instanceof Error) return checkErrors(result);
    parsed++;
    assert.equal(fingerprint(result).length, 128);
  });
  fc.assert(property, { seed, numRuns: 10_000 });
  assert.ok(parsed > 100, `only ${parsed} of the texts were Corefiles`);
});

test('fuzz: any text ends in a Corefile or in errors with a position', () => {
  const property = fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
    const result = parse(text);
    if (result instanceof Error) checkErrors(result);
  });
  fc.assert(property, { seed, numRuns: 2000 });
});

test('fuzz: an effective Corefile says the same as the one it came from', () => {
  const property = fc.property(corefiles, (text) => {
    const before = parse(text);
    if (before instanceof Error) return;
    const after = parse(formatCorefile(before.blocks));
    assert.ok(!(after instanceof Error), `${after}`);
    assert.deepEqual(outlineOf(after), outlineOf(before));
  });
  fc.assert(property, { seed, numRuns: 10_000 });
});

function outlineOf({ blocks }: Corefile): unknown {
  return blocks.map(({ keys, directives }) => [
    keys.map(({ transport, zone, port }) => [transport, zone, port]),
    directives.map(textsOf),
  ]);
}
