import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { CLASS_ANY, CLASS_CH, CLASS_IN, TYPE_A, TYPE_ANY } from '../../wire/types.ts';
import { fakeBlock } from '../testing.ts';
import { parse } from './config.ts';

const { keys } = fakeBlock({ zones: ['example.org.', 'example.net.'] });
const ruleOf = (input: string) => parse(cursorOf(input), keys).rules[0];

const goodCases = [
  {
    input: 'template IN A',
    want: { qclass: CLASS_IN, qtype: TYPE_A, zones: ['example.org.', 'example.net.'], rcode: 0 },
  },
  { input: 'template ANY ANY .', want: { qclass: CLASS_ANY, qtype: TYPE_ANY, zones: ['.'] } },
  { input: 'template CH TYPE65280 Example.ORG', want: { qclass: CLASS_CH, qtype: 65280, zones: ['example.org.'] } },
  { input: 'template IN PTR 192.0.2.0/24', want: { zones: ['2.0.192.in-addr.arpa.'] } },
  { input: 'template IN A {\n rcode NXDOMAIN\n}', want: { rcode: 3, extendedError: undefined, fallthrough: [] } },
  { input: 'template IN A {\n rcode BADVERS\n}', want: { rcode: 16 } },
  { input: 'template IN A {\n ederror 21\n}', want: { extendedError: { code: 21, text: '' } } },
  { input: 'template IN A {\n ederror 15 "not here"\n}', want: { extendedError: { code: 15, text: 'not here' } } },
  { input: 'template IN A {\n fallthrough\n}', want: { fallthrough: ['.'] } },
  {
    input: 'template IN A {\n fallthrough a.example b.example\n}',
    want: { fallthrough: ['a.example.', 'b.example.'] },
  },
  { input: 'template IN A {\n upstream\n upstream 192.0.2.1\n}', want: { rcode: 0 } },
];
for (const { input, want } of goodCases) {
  test(`parse: ${input.replace(/\s+/g, ' ')}`, () => {
    const rule = ruleOf(input);
    for (const [name, value] of Object.entries(want)) assert.deepEqual(rule[name as keyof typeof rule], value);
  });
}

test('several patterns and templates, on one line or on more', () => {
  const rule = ruleOf(`template IN A {
 match ^a ^b
 match "c d"
 answer "a" "b {{ .Name }}"
 answer "c"
 additional "d"
 authority "e" "f"
}`);
  assert.deepEqual(
    rule.patterns.map((pattern) => pattern.pattern()),
    ['^a', '^b', 'c d'],
  );
  const texts = [rule.answer, rule.additional, rule.authority].map((templates) => templates.map(({ text }) => text));
  assert.deepEqual(texts, [['a', 'b {{ .Name }}', 'c'], ['d'], ['e', 'f']]);
});

const badCases = [
  { input: 'template', error: '1: template: takes at least 2 arguments, got 0' },
  { input: 'template IN', error: '1: template: takes at least 2 arguments, got 1' },
  { input: 'template XX A', error: '1: template: invalid query class "XX", expected IN, CH, HS, NONE or ANY' },
  { input: 'template in A', error: '1: template: invalid query class "in", expected IN, CH, HS, NONE or ANY' },
  { input: 'template IN XX', error: '1: template: invalid RR class "XX", expected a type such as A, AAAA or ANY' },
  { input: 'template IN a', error: '1: template: invalid RR class "a", expected a type such as A, AAAA or ANY' },
  { input: 'template IN A {\n answers x\n}', error: '2: template: unknown property "answers"; did you mean "answer"?' },
  { input: 'template IN A {\n match\n}', error: '2: template: match takes at least 1 argument, got 0' },
  {
    input: 'template IN A {\n match a\n match (b\n}',
    error: /^Corefile:3: template: match: REGEX: .*missing closing \)/,
  },
  {
    input: 'template IN A {\n match (.{0,200}){5}\n}',
    error: '2: template: match: REGEX repeats too much of itself: "(.{0,200}){5}"; lower the numbers in its braces',
  },
  { input: 'template IN A {\n match a(?=b)\n}', error: /^Corefile:2: template: match: REGEX: / },
  { input: 'template IN A {\n match (a)\\1\n}', error: /^Corefile:2: template: match: REGEX: / },
  { input: 'template IN A {\n answer\n}', error: '2: template: answer takes at least 1 argument, got 0' },
  { input: 'template IN A {\n additional\n}', error: '2: template: additional takes at least 1 argument, got 0' },
  { input: 'template IN A {\n authority\n}', error: '2: template: authority takes at least 1 argument, got 0' },
  {
    input: 'template IN A {\n answer "{{ .Name }} A 192.0.2.1"\n answer "{{ foo }}"\n}',
    error: '3: template: answer: function "foo" not defined',
  },
  {
    input: 'template IN TXT {\n authority "a\n b {{ .Name"\n}',
    error: '3: template: authority: unclosed action',
  },
  {
    input: 'template IN A {\n additional "{{ if .Name }}"\n}',
    error: /^Corefile:2: template: additional: .*\{\{end\}\} is missing/,
  },
  { input: 'template IN A {\n rcode\n}', error: '2: template: rcode takes 1 argument, got 0' },
  {
    input: 'template IN A {\n rcode NOPE\n}',
    error: '2: template: unknown rcode "NOPE", expected one such as NOERROR or NXDOMAIN',
  },
  {
    input: 'template IN A {\n rcode nxdomain\n}',
    error: '2: template: unknown rcode "nxdomain", expected one such as NOERROR or NXDOMAIN',
  },
  { input: 'template IN A {\n ederror\n}', error: '2: template: ederror takes 1 to 2 arguments, got 0' },
  { input: 'template IN A {\n ederror 65536\n}', error: '2: template: ederror: CODE must be 0..65535, got "65536"' },
  { input: 'template IN A {\n ederror 1 a b\n}', error: '2: template: ederror takes 1 to 2 arguments, got 3' },
  { input: 'template IN A {\n fallthrough {\n x\n }\n}', error: '3: template: fallthrough takes no block, got "x"' },
];
for (const { input, error } of badCases) {
  test(`parse: ${input.replace(/\s+/g, ' ')}: an error`, () => {
    const message = typeof error === 'string' ? `Corefile:${error}` : error;
    assert.throws(() => ruleOf(input), { name: 'ConfigError', message });
  });
}
