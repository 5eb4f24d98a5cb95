import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTemplate } from './parser.ts';
import { printNodes } from './print.ts';
import { TemplateSyntaxError } from './template-error.ts';
import { FUNCTIONS } from './testing.ts';

const parse = (text: string) => parseTemplate('answer', text, FUNCTIONS);

const faults = [
  { text: '{{ end }}', error: 'unexpected {{end}}' },
  { text: 'a\n\n{{ foo }}', error: 'function "foo" not defined', line: 3 },
  { text: '{{ $x }}', error: 'undefined variable "$x"' },
  { text: '{{ if }}{{ end }}', error: 'missing value for if' },
  { text: '{{ if 1 }}\na', error: 'unexpected end of the template: {{end}} is missing', line: 2 },
  { text: '{{ 1 | 2 }}', error: 'non executable command in pipeline stage 2' },
  { text: '{{ | print }}', error: 'unexpected "|" in command' },
  { text: '{{ print | }}', error: undefined },
  { text: '{{ () }}', error: 'missing value for parenthesized pipeline' },
  { text: '{{ 1.X }}', error: 'bad number syntax: "1.X"' },
  { text: '{{ "a".X }}', error: 'unexpected . after term ""a""' },
  { text: '{{ range $a, $b, $c := .Match }}{{ end }}', error: 'too many declarations in range' },
  { text: '{{ $a, $b := 1 }}', error: 'too many declarations in command' },
  { text: '{{ break }}', error: '{{break}} outside {{range}}' },
  { text: '{{ range .Match }}{{ else if 1 }}{{ end }}', error: 'unexpected "if" in {{else}} of {{range}}' },
  { text: '{{ with 1 }}{{ else if 1 }}{{ end }}', error: 'unexpected "if" in {{else}} of {{with}}' },
  { text: '{{ if 1 }}{{ else }}{{ else }}{{ end }}', error: 'expected {{end}}; found {{else}}' },
  { text: '{{ define "a" }}x{{ end }}{{ define "a" }}y{{ end }}', error: 'multiple definition of template "a"' },
  { text: '{{ define a }}{{ end }}', error: 'unexpected "a" in define clause' },
  { text: '{{ if 1 }}{{ define "a" }}{{ end }}{{ end }}', error: 'unexpected "define" in command' },
  { text: '{{ "\\q" }}', error: '"\\q" has an escape that Go does not know' },
  { text: '{{ 9999999999999999999999 }}', error: 'bad number: "9999999999999999999999"' },
  { text: "{{ 'ab' }}", error: "malformed character constant: 'ab'" },
  { text: `{{ ${'('.repeat(60)}1${')'.repeat(60)} }}`, error: 'nested more than 50 times' },
  { text: '{{ if 1 }}'.repeat(60), error: 'nested more than 50 times' },
  { text: `{{ if 1 }}${'{{ else if 1 }}'.repeat(100)}{{ end }}`, error: 'nested more than 50 times' },
];
for (const { text, error, line = 1 } of faults) {
  test(`syntax: ${text.slice(0, 80)}`, () => {
    if (error === undefined) assert.doesNotThrow(() => parse(text));
    else assert.throws(() => parse(text), { message: `answer: ${error}`, line });
  });
}

// Of versions of Go after 1.19, which go.test.ts is for.
const printed = [
  { text: '{{ with .A }}a{{ else with .B }}b{{ end }}', want: '{{with .A}}a{{else}}{{with .B}}b{{end}}{{end}}' },
  { text: '{{ range $i := 3 }}{{ $i = 4 }}{{ end }}', want: '{{range $i := 3}}{{$i = 4}}{{end}}' },
  { text: '{{ block "b" . }}x{{ end }}', want: '{{template "b" .}}' },
];
for (const { text, want } of printed) {
  test(`printed again: ${text}`, () => {
    assert.equal(printNodes(parse(text).body), want);
    assert.equal(printNodes(parse(want).body), want);
  });
}

test('any bytes make a template or a TemplateSyntaxError', () => {
  const pieces = [
    '{{',
    '}}',
    ' ',
    '.',
    '$',
    'x',
    'if',
    'end',
    'else',
    'range',
    '"',
    '`',
    "'",
    '(',
    ')',
    '|',
    ':=',
    ',',
  ];
  let seed = 1;
  for (let round = 0; round < 3000; round++) {
    let text = '';
    for (let i = 0; i < 12; i++) {
      seed = (seed * 48271) % 0x7fffffff;
      text += pieces[seed % pieces.length];
    }
    try {
      parse(text);
    } catch (error) {
      assert.ok(error instanceof TemplateSyntaxError, `${text}: ${error}`);
    }
  }
});
