import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { evaluate } from './evaluate.ts';
import { parseTemplate } from './parser.ts';
import { TemplateExecutionError, TemplateSyntaxError } from './template-error.ts';
import { FUNCTIONS, testData } from './testing.ts';

const run = (text: string) => evaluate(parseTemplate('answer', text, FUNCTIONS), FUNCTIONS, testData());

// Of versions of Go after 1.19, which go.test.ts is for.
const cases = [
  { text: '{{ range 3 }}{{ . }},{{ end }}', want: '0,1,2,' },
  { text: '{{ range $i := 3 }}{{ $i }}{{ . }},{{ end }}', want: '00,11,22,' },
  { text: '{{ range 0 }}x{{ else }}none{{ end }}', want: 'none' },
  { text: '{{ $x := "" }}{{ range $x = .Match }}{{ $x }},{{ end }}{{ $x }}', want: 'ip-10-1,10,1,1' },
  { text: '{{ $i := 0 }}{{ $x := "" }}{{ range $i, $x = .Match }}{{ end }}{{ $i }}{{ $x }}', want: '21' },
  { text: '{{ with .Group.none }}a{{ else with .Group.a }}{{ . }}{{ else }}c{{ end }}', want: '10' },
];
for (const { text, want } of cases) {
  test(`output of ${text}`, () => assert.equal(run(text), want));
}

const define = (body: string) => `{{ define "x" }}${body}{{ end }}{{ template "x" . }}`;
const bounds = [
  { text: '{{ range 1000000000 }}{{ end }}', error: 'takes more than 2000 steps' },
  { text: '{{ range 1000000000 }}{{ range 1000000000 }}{{ end }}{{ end }}', error: 'takes more than 2000 steps' },
  { text: define('{{ template "x" . }}'), error: 'nested more than 100 times' },
  { text: define('{{ template "x" . }}{{ template "x" . }}'), error: 'nested more than 100 times' },
  { text: `{{ range 100 }}${'x'.repeat(6000)}{{ end }}`, error: 'output exceeds 16384 characters' },
  { text: '{{ printf "%1000000d" 5 }}', error: 'takes more than 2000 steps' },
  { text: '{{ printf "%.99999999999d" 5 }}', error: 'takes more than 2000 steps' },
  { text: '{{ printf "%*d" 999999 5 }}', error: 'takes more than 2000 steps' },
  { text: '{{ $x := .Name }}{{ range 64 }}{{ $x = print $x $x }}{{ end }}', error: 'takes more than 2000 steps' },
  {
    text: '{{ $x := .Name }}{{ range 64 }}{{ $x = printf "%s%s" $x $x }}{{ end }}',
    error: 'takes more than 2000 steps',
  },
  { text: '{{ $x := .Name }}{{ range 64 }}{{ $x = html $x $x }}{{ end }}', error: 'takes more than 2000 steps' },
];
for (const { text, error } of bounds) {
  test(`bounded: ${text.slice(0, 80)}`, () => {
    assert.throws(
      () => run(text),
      (thrown) => thrown instanceof Error && thrown.message.endsWith(`: ${error}`),
    );
  });
}

test('an error says where in which template, also on a later line', () => {
  assert.throws(() => run('a\n b{{ define "x" }}{{ .Foo }}{{ end }}{{ template "x" .Name }}'), {
    name: 'TemplateExecutionError',
    message: 'template: answer:2:21: executing "x" at <.Foo>: can\'t evaluate field Foo in type string',
  });
});

test('variables of a template that has been called are gone', () => {
  assert.equal(run('{{ $x := 1 }}{{ define "y" }}{{ $x := 2 }}{{ $x }}{{ end }}{{ template "y" }}{{ $x }}'), '21');
});

test('whatever is executed ends in text or in an error of its own', () => {
  const piece = fc.constantFrom(
    ...[
      '.',
      '$',
      '.Name',
      '.Match',
      '.Group',
      '.Group.a',
      '.Question',
      '.Meta',
      'nil',
      'true',
      '-1',
      '3',
      '1.5',
      '"x"',
    ],
    ...[
      'and',
      'or',
      'not',
      'index',
      'slice',
      'len',
      'print',
      'printf',
      'html',
      'js',
      'urlquery',
      'call',
      'eq',
      'lt',
      'ge',
    ],
    ...['parseInt', '|', '(', ')', '"%d %s %v"'],
  );
  const action = fc.array(piece, { minLength: 1, maxLength: 8 }).map((pieces) => pieces.join(' '));
  const around = fc.constantFrom('', 'if ', 'with ', 'range ');
  fc.assert(
    fc.property(action, around, (text, keyword) => {
      try {
        run(keyword === '' ? `{{ ${text} }}` : `{{ ${keyword}${text} }}{{ . }}{{ else }}-{{ end }}`);
      } catch (error) {
        assert.ok(error instanceof TemplateSyntaxError || error instanceof TemplateExecutionError, `${text}: ${error}`);
      }
    }),
    { numRuns: 5000 },
  );
});
