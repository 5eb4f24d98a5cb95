import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Corefile, Cursor } from './cursor.ts';
import { ConfigError, ConfigErrors } from './errors.ts';
import { parseCorefile } from './parse.ts';

const directiveNames = ['bind', 'cache', 'errors', 'forward', 'health', 'log', 'whoami'];
const env = {
  ZONE: 'example.org',
  NAME: 'whoami',
  TWO: 'a b',
  OPEN: '{',
  CLOSE: '}',
  IMPORT: 'import',
  LOOP: '{$LOOP}',
};

function parse(text: string): Corefile {
  return parseCorefile(text, 'Corefile', { env, defaultPort: 53, directiveNames });
}

/** `KEY KEY: directive arg [property arg; property]; directive` for each block. */
function outline({ blocks }: Corefile): string[] {
  return blocks.map(({ keys, directives }) => {
    const names = keys.map(
      ({ transport, zone, port }) => `${transport === 'dns' ? '' : `${transport}://`}${zone}:${port}`,
    );
    return `${names.join(' ')}: ${directives.map(lineOutline).join('; ')}`;
  });
}

function lineOutline({ name, args, body }: Cursor): string {
  const words = [name, ...args].map(({ text }) => (/[\s{}]|^$/.test(text) ? JSON.stringify(text) : text)).join(' ');
  return body.length === 0 ? words : `${words} [${body.map(lineOutline).join('; ')}]`;
}

const cases = [
  { name: 'nothing', input: '', want: [] },
  { name: 'comments alone', input: '# a\n\n # b\n', want: [] },
  { name: 'one block', input: '.:53 {\n errors\n cache 30\n}\n', want: ['.:53: errors; cache 30'] },
  { name: 'several keys', input: 'a b:54 tls://c {\n whoami\n}', want: ['a.:53 b.:54 tls://c.:853: whoami'] },
  { name: 'a comma lets keys go on in the next line', input: 'a,\nb, c {\n}', want: ['a.:53 b.:53 c.:53: '] },
  { name: 'a comma within a word is part of it', input: 'a,b {\n}', want: ['a,b.:53: '] },
  { name: 'an empty key is ignored', input: '"" a {\n}', want: ['a.:53: '] },
  { name: 'keys alone', input: 'a b', want: ['a.:53 b.:53: '] },
  { name: 'no braces', input: '.:53\nerrors\nwhoami\n', want: ['.:53: errors; whoami'] },
  { name: 'the last block without braces', input: 'a {\n}\nb\nwhoami', want: ['a.:53: ', 'b.:53: whoami'] },
  { name: 'the brace in the next line', input: 'a\n{\n whoami\n}', want: ['a.:53: whoami'] },
  { name: 'the brace after a comma continuation', input: 'a,\nb\n{\n}', want: ['a.:53 b.:53: '] },
  { name: 'a directive on the line of the brace', input: '. { whoami\n}', want: ['.:53: whoami'] },
  { name: 'blocks on one line', input: 'a {\n} b {\n}', want: ['a.:53: ', 'b.:53: '] },
  { name: 'a reverse zone', input: '10.0.0.0/15 {\n}', want: ['0.10.in-addr.arpa.:53 1.10.in-addr.arpa.:53: '] },
  { name: 'a directive twice', input: '. {\n log a\n log b\n}', want: ['.:53: log a; log b'] },
  {
    name: 'properties',
    input: '. {\n cache 30 {\n  success 10 20\n  denial 5\n }\n whoami\n}',
    want: ['.:53: cache 30 [success 10 20; denial 5]; whoami'],
  },
  { name: 'an empty body', input: '. {\n cache { }\n cache {\n }\n}', want: ['.:53: cache; cache'] },
  {
    name: 'a body within a body',
    input: '. {\n cache {\n  a 1 {\n   b 2\n   c\n  }\n  d\n }\n}',
    want: ['.:53: cache [a 1 [b 2; c]; d]'],
  },
  {
    name: '`cache { success 1 }` on one line is read as meant',
    input: '. {\n cache { success 100 30 }\n}',
    want: ['.:53: cache [success 100 30]'],
  },
  { name: 'a body within a body, on one line', input: '. {\n cache { a { b } }\n}', want: ['.:53: cache [a [b]]'] },
  {
    name: 'the closing brace behind a property',
    input: '. {\n cache {\n a\n b 1 }\n}',
    want: ['.:53: cache [a; b 1]'],
  },
  {
    name: 'a property behind the opening brace',
    input: '. {\n cache { a 1\n b\n }\n}',
    want: ['.:53: cache [a 1; b]'],
  },
  { name: 'a quoted "{" is read as meant: an argument', input: '. {\n log "{" "}"\n}', want: ['.:53: log "{" "}"'] },
  { name: 'a quoted brace in a body', input: '. {\n cache {\n a "}"\n }\n}', want: ['.:53: cache [a "}"]'] },
  { name: 'a glued brace is a word', input: '. {\n log {a} b{\n}', want: ['.:53: log "{a}" "b{"'] },
  {
    name: 'a quote over two lines goes on',
    input: '. {\n log "a\nb" c\n whoami\n}',
    want: ['.:53: log "a\\nb" c; whoami'],
  },
  { name: 'a variable in a key', input: '{$ZONE}:54 {\n}', want: ['example.org.:54: '] },
  { name: 'a variable as directive', input: '. {\n {$NAME}\n}', want: ['.:53: whoami'] },
  { name: 'a value is one word', input: '. {\n log {$TWO}\n}', want: ['.:53: log "a b"'] },
  { name: 'a value in quotes', input: '. {\n log "x {%ZONE%}"\n}', want: ['.:53: log "x example.org"'] },
  {
    name: 'a value in a body',
    input: '. {\n cache {\n {$NAME} {$ZONE}\n }\n}',
    want: ['.:53: cache [whoami example.org]'],
  },
  { name: 'a value is no brace', input: '. {\n log {$OPEN} {$CLOSE}\n}', want: ['.:53: log "{" "}"'] },
  { name: 'import as an argument', input: '. {\n log import x\n}', want: ['.:53: log import x'] },
];
for (const { name, input, want } of cases) {
  test(`parse: ${name}`, () => assert.deepEqual(outline(parse(input)), want));
}

const errorCases = [
  {
    name: 'unknown directive',
    input: '. {\n chache 30\n}',
    error: '2: unknown directive "chache"; did you mean "cache"?',
  },
  {
    name: 'unknown, nothing near',
    input: '. {\n proxy\n}',
    error: '2: unknown directive "proxy"; "nodens -plugins" lists those there are',
  },
  { name: 'case matters', input: '. {\n Cache\n}', error: '2: unknown directive "Cache"; did you mean "cache"?' },
  {
    name: 'no space before the brace',
    input: '. {\n cache{\n }\n}',
    error: '2: unknown directive "cache{"; put a space before "{"',
  },
  {
    name: 'extra comma',
    input: 'a, {\n}',
    error: '1: unexpected "{": expected another zone after ","; remove the comma if there is none',
  },
  {
    name: 'comma at the end',
    input: 'a,\n',
    error: '1: unexpected end of file: expected another zone after ","; remove the comma if there is none',
  },
  { name: 'comma alone', input: 'a , b {\n}', error: '1: expected a zone before ","' },
  {
    name: 'no key',
    input: '\n{\n whoami\n}',
    error: '2: unexpected "{": expected the zones of a server block, such as "."',
  },
  {
    name: 'brace behind a directive',
    input: '. {\n whoami }',
    error: '2: unexpected "}" on the line of "whoami": expected a new line',
  },
  {
    name: 'words behind a body',
    input: '. {\n cache {\n } b\n}',
    error: '3: unexpected "b" on the line of "cache": expected a new line',
  },
  {
    name: 'words behind a one-line body',
    input: '. {\n cache { a } }',
    error: '2: unexpected "}" on the line of "cache": expected a new line',
  },
  {
    name: 'brace on the next line',
    input: '. {\n cache 30\n {\n }\n}',
    error: '3: "{" must stand on the line of "cache", at its end',
  },
  { name: 'brace without a directive', input: '. {\n {\n }\n}', error: '2: unexpected "{": expected a directive' },
  {
    name: 'brace without a property',
    input: '. {\n cache { {\n }\n}',
    error: '2: unexpected "{": expected a property of cache',
  },
  {
    name: 'open block',
    input: '. {\n whoami\n\n',
    error: '2: unexpected end of file: expected "}" for the "{" of line 1',
  },
  {
    name: 'open body',
    input: '. {\n cache {\n success 1\n',
    error: '3: unexpected end of file: expected "}" for the "{" of line 2',
  },
  {
    name: 'open quote',
    input: '. {\n log "a\n}\n',
    error: '4: unexpected end of file: expected "}" for the "{" of line 1; the quote of line 2 is never closed',
  },
  {
    name: 'stray brace before a block',
    input: '. {\n}\n}\na {\n}',
    error: '3: unexpected "}": no block is open, remove it',
  },
  {
    name: 'bad key',
    input: '.:99999 {\n whoami\n}',
    error: '1: server block ".:99999": the port must be 0..65535, got "99999"',
  },
  {
    name: 'self reference',
    input: '. {\n log {$LOOP}\n}',
    error: '2: {$LOOP}: the value of the environment variable refers to itself',
  },
  {
    name: 'line break in a message',
    input: '. {\n "a\nb"\n}',
    error: '2: unknown directive "a\\nb"; "nodens -plugins" lists those there are',
  },
  { name: 'too deep', input: `. {\n cache ${'{ a '.repeat(101)}`, error: '2: braces are nested more than 100 deep' },
];
for (const { name, input, error } of errorCases) {
  test(`parse error: ${name}`, () => {
    assert.throws(() => parse(input), { name: 'ConfigError', message: `Corefile:${error}` });
  });
}

test('parse: independent errors are reported together, in file order', () => {
  const input = 'a..b {\n chache\n log\n frwd x {\n  y\n }\n}\n:53 {\n import missing\n}\n';
  const messages = [
    'Corefile:1: server block "a..b": the zone is not a valid domain name: "a..b"',
    'Corefile:2: unknown directive "chache"; did you mean "cache"?',
    'Corefile:4: unknown directive "frwd"; "nodens -plugins" lists those there are',
    'Corefile:8: server block ":53": the zone is missing; the root zone is "."',
  ];
  assert.throws(
    () => parse(input),
    (error) => {
      assert.ok(error instanceof ConfigErrors);
      assert.ok(error.errors.every((each) => each instanceof ConfigError));
      assert.deepEqual(error.message.split('\n').slice(0, 4), messages);
      assert.match(error.errors[4].message, /^Corefile:9: import: there is no snippet and no file "missing" \(\/.*\)$/);
      assert.deepEqual([error.errors[4].file, error.errors[4].line], ['Corefile', 9]);
      return true;
    },
  );
});

const warningCases = [
  {
    name: 'a stray brace at the end',
    input: 'a {\n}\n}',
    want: ['a.:53: ', '}.:53: '],
    warning: '3: stray "}" stands for a server block of the zone "}."; remove it',
  },
  {
    name: 'a brace that closes nothing',
    input: 'a\nwhoami\n}',
    want: ['a.:53: whoami'],
    warning: '3: this "}" ends a server block that has no "{"',
  },
];
for (const { name, input, want, warning } of warningCases) {
  test(`parse warns: ${name}`, () => {
    const corefile = parse(input);
    assert.deepEqual(outline(corefile), want);
    assert.deepEqual(corefile.warnings, [`Corefile:${warning}`]);
  });
}

test('parse warns: a brace glued to a key is part of it', () => {
  const corefile = parse('a.b:53{\nwhoami\n}');
  assert.deepEqual(outline(corefile), ['a.b:53{.:53: whoami']);
  assert.deepEqual(corefile.warnings, [
    'Corefile:1: "a.b:53{" is taken as a zone; put a space before "{"',
    'Corefile:3: this "}" ends a server block that has no "{"',
  ]);
});

test('cursor: positions, directive and property', () => {
  const [cache] = parse('. {\n\n cache 30 {\n  success "1\n2" 3\n }\n}').blocks[0].directives;
  const [success] = cache.body;
  assert.deepEqual(
    [cache.isProperty, cache.hasBody, success.isProperty, success.hasBody, success.directive.text],
    [false, true, true, false, 'cache'],
  );
  assert.equal(cache.error('no').message, 'Corefile:3: cache: no');
  assert.equal(success.error('no').message, 'Corefile:4: cache: no');
  assert.equal(success.error('no', success.args[1]).message, 'Corefile:5: cache: no');
});

test('any directive is accepted where no names are given', () => {
  const corefile = parseCorefile('. {\n frobnicate x\n}', 'Corefile', { env, defaultPort: 53 });
  assert.deepEqual(outline(corefile), ['.:53: frobnicate x']);
});

const origins = [1, 2, 7, 7]
  .map((line) => ({ file: '/templates/Corefile', line }))
  .concat({ file: '/map/key', line: 3 });
const originCases = [
  { name: 'a directive', input: 'a {\n errors\n frobnicate\n}', error: '/templates/Corefile:7: unknown directive' },
  { name: 'a key of another file', input: 'a {\n}\n\n\nb..c {\n}', error: '/map/key:3: server block "b..c"' },
  { name: 'the end of the file', input: 'a {\n errors', error: '/templates/Corefile:2: unexpected end of file' },
  {
    name: 'a path is relative to the main file',
    input: 'a {\n import no/such\n}',
    error: `/templates/Corefile:2: import: there is no snippet and no file "no/such" (${process.cwd()}/no/such)`,
  },
];
for (const { name, input, error } of originCases) {
  test(`parse: errors name where a line comes from: ${name}`, () => {
    const options = { env, defaultPort: 53, directiveNames, origins };
    assert.throws(
      () => parseCorefile(input, 'Corefile', options),
      ({ message }: Error) => message.startsWith(error),
    );
  });
}
