import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lex } from './lexer.ts';

/** Kinds and texts, spaces left out. */
const words = (text: string) =>
  lex(text)
    .filter(({ kind }) => kind !== 'space')
    .map(({ kind, text: word }) => `${kind} ${word}`.trim());

const cases = [
  { text: 'a', want: ['text a', 'end of text'] },
  { text: '', want: ['end of text'] },
  { text: 'a{{.B}}c', want: ['text a', 'open {{', 'field .B', 'close }}', 'text c', 'end of text'] },
  { text: 'a {{- . -}} c', want: ['text a', 'open {{', 'dot .', 'close  -}}', 'text c', 'end of text'] },
  { text: '{{-3}}', want: ['open {{', 'number -3', 'close }}', 'end of text'] },
  { text: 'a {{- /* x */ -}} b', want: ['text a', 'text b', 'end of text'] },
  {
    text: '{{$a, $b := "x" | f `y` (\'z\')}}',
    want: [
      'open {{',
      'variable $a',
      'other ,',
      'variable $b',
      'declare :=',
      'string "x"',
      'pipe |',
      'identifier f',
      'rawString `y`',
      'leftParen (',
      "char 'z'",
      'rightParen )',
      'close }}',
      'end of text',
    ],
  },
  {
    text: '{{if $.a.b}}{{nil true = 0x1F 1.5e3}}',
    want: [
      'open {{',
      'keyword if',
      'variable $',
      'field .a',
      'field .b',
      'close }}',
      'open {{',
      'nil nil',
      'bool true',
      'assign =',
      'number 0x1F',
      'number 1.5e3',
      'close }}',
      'end of text',
    ],
  },
] as const;
for (const { text, want } of cases) {
  test(`words of ${text}`, () => assert.deepEqual(words(text), want));
}

const faults = [
  { text: '{{ .A', error: 'unclosed action' },
  { text: '{{ (.A }}', error: 'unclosed left paren' },
  { text: '{{ .A) }}', error: 'unexpected right paren' },
  { text: '{{/* x', error: 'unclosed comment' },
  { text: '{{/* x */ y}}', error: 'comment ends before closing delimiter' },
  { text: '{{ "x }}', error: 'unterminated quoted string' },
  { text: '{{ "x\n" }}', error: 'unterminated quoted string' },
  { text: '{{ `x }}', error: 'unterminated raw quoted string' },
  { text: "{{ 'x }}", error: 'unterminated character constant' },
  { text: '{{ .A@ }}', error: "bad character U+0040 '@'" },
  { text: '{{ : }}', error: 'expected :=' },
  { text: '{{ 1x }}', error: 'bad number syntax: "1x"' },
  { text: '{{ \u2028 }}', error: "unrecognized character in action: U+2028 '\u2028'" },
];
for (const { text, error } of faults) {
  test(`a fault: ${text}`, () => assert.deepEqual(words(text).at(-1), `error ${error}`));
}

test('every word knows where it stands', () => {
  const text = 'x {{- if .Name }}\n{{ end }}';
  for (const token of lex(text)) assert.equal(text.slice(token.offset, token.offset + token.text.length), token.text);
});
