import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs, durationText } from './duration.ts';
import { cursorOf } from './testing.ts';
import {
  expectArgs,
  expectNoBody,
  parseBoolean,
  parseDuration,
  parseHostPort,
  parseInteger,
  parseZones,
  unknownProperty,
} from './values.ts';

const durations: [string, number | undefined][] = [
  ['0', 0],
  ['-0', 0],
  ['+0', 0],
  ['30s', 30_000],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['-1.5h', -5_400_000],
  ['+5s', 5000],
  ['500ms', 500],
  ['1.1s', 1100],
  ['.5s', 500],
  ['1.s', 1000],
  ['250us', 0.25],
  ['250\u00b5s', 0.25],
  ['250\u03bcs', 0.25],
  ['1ns', 0.000001],
  ['1h1m1s1ms', 3_661_001],
  ['2562047h', 9_223_369_200_000],
  ['2562048h', undefined],
  ['', undefined],
  ['-', undefined],
  ['30', undefined],
  ['00', undefined],
  ['s', undefined],
  ['.s', undefined],
  ['1x', undefined],
  ['1S', undefined],
  ['1d', undefined],
  ['1s ', undefined],
  ['--1s', undefined],
  ['1s-1s', undefined],
  ['1.2.3s', undefined],
];
for (const [text, want] of durations) {
  test(`durationMs: "${text}"`, () => assert.equal(durationMs(text), want));
}

// As Go's time.Duration.String.
const durationTexts: [number, string][] = [
  [0, '0s'],
  [30_000, '30s'],
  [90_000, '1m30s'],
  [300_000, '5m0s'],
  [3_600_000, '1h0m0s'],
  [5_400_500, '1h30m0.5s'],
  [1_500, '1.5s'],
  [500, '500ms'],
  [0.25, '250\u00b5s'],
  [0.0005, '500ns'],
];
for (const [valueMs, want] of durationTexts) {
  test(`durationText: ${want}`, () => assert.equal(durationText(valueMs), want));
}

/** Reads the first argument of `line`. */
function read<T>(line: string, parse: (cursor: ReturnType<typeof cursorOf>) => T): T {
  return parse(cursorOf(line));
}

const valueCases = [
  { line: 'reload 30s', read: parseDuration, want: 30_000 },
  { line: 'reload 30', read: parseDuration, error: 'expected a duration such as 30s, 1m30s or 500ms, got "30"' },
  { line: 'cache -15', read: parseInteger, want: -15 },
  { line: 'cache +15', read: parseInteger, want: 15 },
  { line: 'cache -0', read: parseInteger, want: 0 },
  { line: 'cache 1.5', read: parseInteger, error: 'expected a whole number, got "1.5"' },
  { line: 'cache 0x10', read: parseInteger, error: 'expected a whole number, got "0x10"' },
  { line: 'cache ""', read: parseInteger, error: 'expected a whole number, got ""' },
  {
    line: 'cache 99999999999999999999',
    read: parseInteger,
    error: 'expected a whole number, got "99999999999999999999"',
  },
  { line: 'trace T', read: parseBoolean, want: true },
  { line: 'trace False', read: parseBoolean, want: false },
  { line: 'trace yes', read: parseBoolean, error: 'expected true or false, got "yes"' },
  { line: 'health 127.0.0.1:8080', read: parseHostPort, want: { host: '127.0.0.1', port: 8080 } },
  { line: 'health :8080', read: parseHostPort, want: { host: '', port: 8080 } },
  { line: 'health [::1]:8080', read: parseHostPort, want: { host: '::1', port: 8080 } },
  { line: 'health localhost:0', read: parseHostPort, want: { host: 'localhost', port: 0 } },
];
const notHostPorts = ['foo', '127.0.0.1:', '::1:8080', '::1', '127.0.0.1:65536', '127.0.0.1:http', '[::1]', '8080'];
const hostPortError = 'expected an address and port such as 127.0.0.1:8080, [::1]:8080 or :8080, got';
const hostPortCases = notHostPorts.map((text) => ({
  line: `health ${text}`,
  read: parseHostPort,
  want: undefined,
  error: `${hostPortError} "${text}"`,
}));
for (const { line, read: parse, want, error } of [...valueCases, ...hostPortCases]) {
  test(`values: ${line}`, () => {
    const run = () => read(line, (cursor) => parse(cursor, cursor.args[0]));
    if (error) assert.throws(run, { name: 'ConfigError', message: `Corefile:1: ${line.split(' ')[0]}: ${error}` });
    else assert.deepEqual(run(), want);
  });
}

test('values: limits, and the name that the argument has', () => {
  const directive = cursorOf('cache 0 {\n success x\n prefetch 1 400ms\n}');
  const [success, prefetch] = directive.body;
  const cases: [() => unknown, string][] = [
    [
      () => parseInteger(directive, directive.args[0], { name: 'TTL', min: 1, max: 86400 }),
      '1: cache: TTL must be 1..86400, got "0"',
    ],
    [() => parseInteger(success, success.args[0]), '2: cache: success must be a whole number, got "x"'],
    [() => parseInteger(success, success.args[0], { min: 1 }), '2: cache: success must be 1 or more, got "x"'],
    [
      () => parseDuration(prefetch, prefetch.args[1], { minMs: 500, maxMs: 60_000 }),
      '3: cache: prefetch must be 500ms..1m, got "400ms"',
    ],
    [
      () => parseDuration(prefetch, prefetch.args[1], { maxMs: 0 }),
      '3: cache: prefetch must be 0 or less, got "400ms"',
    ],
  ];
  for (const [run, message] of cases) assert.throws(run, { name: 'ConfigError', message: `Corefile:${message}` });
});

test('parseZones: normalised, reverse zones expanded, what is no zone dropped', () => {
  const { args } = cursorOf('cache Example.ORG tls://a.test:853 192.0.2.0/23 a..b . :53 ::1/8');
  assert.deepEqual(parseZones(args), [
    'example.org.',
    'a.test.',
    '2.0.192.in-addr.arpa.',
    '3.0.192.in-addr.arpa.',
    '.',
  ]);
});

test('expectArgs and expectNoBody', () => {
  const directive = cursorOf('cache 1 2 {\n keepttl x\n}');
  const [keepttl] = directive.body;
  expectArgs(directive, 0, 2);
  expectNoBody(keepttl);
  const cases: [() => void, string][] = [
    [() => expectArgs(directive, 0, 1), '1: cache: takes 0 to 1 arguments, got 2'],
    [() => expectArgs(directive, 3, Number.POSITIVE_INFINITY), '1: cache: takes at least 3 arguments, got 2'],
    [() => expectArgs(directive, 1, 1), '1: cache: takes 1 argument, got 2'],
    [() => expectArgs(keepttl, 0, 0), '2: cache: keepttl takes no arguments, got 1'],
    [() => expectNoBody(directive), '2: cache: takes no block, got "keepttl"'],
  ];
  for (const [run, message] of cases) assert.throws(run, { name: 'ConfigError', message: `Corefile:${message}` });
});

test('unknownProperty: the nearest one, or all', () => {
  const properties = cursorOf('cache {\n sucess 1\n frobnicate\n}').body;
  assert.deepEqual(
    properties.map((property) => unknownProperty(property, ['success', 'denial']).message),
    [
      'Corefile:2: cache: unknown property "sucess"; did you mean "success"?',
      'Corefile:3: cache: unknown property "frobnicate"; expected success, denial',
    ],
  );
});
