import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { TYPE_MX } from '../../wire/types.ts';
import { fakeBlock, fakeNext, fakeQuery } from '../testing.ts';
import { errors, parse } from './errors.ts';

const consolidate = (rest: string) => `errors {\n consolidate ${rest}\n}`;
const parseCases = [
  { name: 'nothing', input: 'errors', want: '' },
  { name: 'stdout', input: 'errors stdout', want: '' },
  { name: 'stacktrace', input: 'errors {\n stacktrace\n}', want: 'stacktrace' },
  { name: 'a pattern', input: consolidate('5m "timeout$"'), want: '300000 timeout$ error false' },
  { name: 'a level', input: consolidate('1s a warning'), want: '1000 a warning false' },
  { name: 'show_first', input: consolidate('1s a show_first'), want: '1000 a error true' },
  { name: 'both', input: consolidate('1s a debug show_first'), want: '1000 a debug true' },
  {
    name: 'a file',
    input: 'errors /var/log/x',
    error: 'Corefile:1: errors: invalid log file: "/var/log/x", expected stdout or nothing',
  },
  { name: 'two files', input: 'errors stdout stdout', error: 'Corefile:1: errors: takes 0 to 1 arguments, got 2' },
  {
    name: 'stacktrace of what',
    input: 'errors {\n stacktrace on\n}',
    error: 'Corefile:2: errors: stacktrace takes no arguments, got 1',
  },
  {
    name: 'no pattern',
    input: consolidate('5m'),
    error: 'Corefile:2: errors: consolidate takes 2 to 4 arguments, got 1',
  },
  {
    name: 'no duration',
    input: consolidate('soon a'),
    error: 'Corefile:2: errors: consolidate: DURATION must be a duration such as 30s, 1m30s or 500ms, got "soon"',
  },
  {
    name: 'a bad pattern',
    input: consolidate('5m (a'),
    error: 'Corefile:2: errors: consolidate: REGEXP: error parsing regexp: missing closing ): `(a`',
  },
  {
    name: 'a pattern that RE2 does not have',
    input: consolidate('5m (?=a)'),
    error: 'Corefile:2: errors: consolidate: REGEXP: error parsing regexp: invalid or unsupported Perl syntax: `(?=`',
  },
  {
    name: 'a long pattern',
    input: consolidate(`5m ${'a'.repeat(10_001)}`),
    error: 'Corefile:2: errors: consolidate: REGEXP must have at most 10000 bytes',
  },
  {
    name: 'unknown level',
    input: consolidate('5m a fatal'),
    error: 'Corefile:2: errors: consolidate: LEVEL must be warning, error, info, debug, got "fatal"',
  },
  {
    name: 'too much',
    input: consolidate('5m a info twice'),
    error: 'Corefile:2: errors: consolidate: expected show_first, got "twice"',
  },
  {
    name: 'unknown property',
    input: 'errors {\n consolidat 1s a\n}',
    error: 'Corefile:2: errors: unknown property "consolidat"; did you mean "consolidate"?',
  },
];
for (const { name, input, want, error } of parseCases) {
  test(`parse: ${name}`, () => {
    const run = () => {
      const { stacktrace, patterns } = parse(cursorOf(input));
      const texts = patterns.map((p) => `${p.periodMs} ${p.regexp.pattern()} ${p.level} ${p.showFirst}`);
      return [...(stacktrace ? ['stacktrace'] : []), ...texts].join();
    };
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.equal(run(), want);
  });
}

/** A block with the directive, whose chain fails as it is told; the timers are the test's. */
function failing(t: TestContext, input: string) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const block = fakeBlock();
  const wrap = errors.setup(parse(cursorOf(input)), block) ?? assert.fail('it handles queries');
  const fail = (text: string) => {
    const outcome = { response: undefined, rcode: 2, source: '', error: new Error(text) };
    assert.equal(wrap(fakeNext(outcome))(fakeQuery({ qname: 'Example.org.' })), outcome);
  };
  return { block, wrap, fail, pass: (ms: number) => t.mock.timers.tick(ms) };
}

test('an error is printed with the rcode and the question', (t) => {
  const { block, fail } = failing(t, 'errors');
  fail('read udp 127.0.0.1:5353: i/o timeout');
  assert.deepEqual(block.lines(), ['[ERROR] plugin/errors: 2 example.org. A: read udp 127.0.0.1:5353: i/o timeout']);
});

test('also one that comes later; what has no error is silent', async (t) => {
  const { block, wrap } = failing(t, 'errors');
  const late = { response: undefined, rcode: 0, source: 'forward', error: new Error('late') };
  assert.equal(await wrap(fakeNext(Promise.resolve(late)))(fakeQuery({ qtype: TYPE_MX })), late);
  const { error, ...fine } = late;
  assert.equal(await wrap(fakeNext(Promise.resolve(fine)))(fakeQuery()), fine);
  assert.deepEqual(block.lines(), [`[ERROR] plugin/errors: 0 www.example.org. MX: ${error.message}`]);
});

test('errors of a pattern are counted from the first one on and told at the end of the period', (t) => {
  const { block, fail, pass } = failing(t, consolidate('1m30s "i/o timeout" warning'));
  pass(60_000);
  for (const text of ['read udp: i/o timeout', 'other', 'dial tcp: i/o timeout']) fail(text);
  pass(89_999);
  assert.deepEqual(block.lines(), ['[ERROR] plugin/errors: 2 example.org. A: other']);
  pass(1);
  const told = (count: number) => `[WARNING] plugin/errors: ${count} errors like 'i/o timeout' occurred in last 1m30s`;
  assert.deepEqual(block.lines().slice(1), [told(2)]);
  pass(90_000);
  fail('read udp: i/o timeout');
  pass(90_000);
  assert.deepEqual(block.lines().slice(1), [told(2), told(1)]);
});

test('the first pattern that matches takes an error', (t) => {
  const { block, fail, pass } = failing(t, 'errors {\n consolidate 1s a\n consolidate 1s ab info\n}');
  for (const text of ['abc', 'a', 'b']) fail(text);
  pass(1000);
  assert.deepEqual(block.lines(), [
    '[ERROR] plugin/errors: 2 example.org. A: b',
    "[ERROR] plugin/errors: 2 errors like 'a' occurred in last 1s",
  ]);
});

test('show_first prints the first error in full, and the summary if it was not the only one', (t) => {
  const { block, fail, pass } = failing(t, consolidate('1s timeout warning show_first'));
  fail('timeout 1');
  pass(1000);
  const first = (text: string) => `[WARNING] plugin/errors: 2 example.org. A: ${text}`;
  assert.deepEqual(block.lines(), [first('timeout 1')]);
  fail('timeout 2');
  fail('timeout 3');
  pass(1000);
  const summary = "[WARNING] plugin/errors: 2 errors like 'timeout' occurred in last 1s";
  assert.deepEqual(block.lines().slice(1), [first('timeout 2'), summary]);
});

test('what is pending is told when the load stops; what comes after is printed', async (t) => {
  const { block, fail, pass } = failing(t, consolidate('1h timeout'));
  fail('timeout');
  await block.stop();
  fail('late timeout');
  pass(3_600_000);
  assert.deepEqual(block.lines(), [
    "[ERROR] plugin/errors: 1 errors like 'timeout' occurred in last 1h0m0s",
    '[ERROR] plugin/errors: 2 example.org. A: late timeout',
  ]);
});

for (const { input, want } of [
  { input: 'errors', want: false },
  { input: 'errors {\n stacktrace\n}', want: true },
]) {
  test(`stacktrace of the listener is ${want}`, (t) => {
    assert.equal(failing(t, input).block.listener.stacktrace, want);
  });
}
