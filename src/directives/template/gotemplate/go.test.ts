/** Templates and what Go 1.19 makes of them (testdata/oracle.go): the output, or the error. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { evaluate } from './evaluate.ts';
import { parseTemplate } from './parser.ts';
import { printNodes } from './print.ts';
import { TemplateExecutionError, TemplateSyntaxError } from './template-error.ts';
import { FUNCTIONS, testData } from './testing.ts';

type Case = {
  readonly template: string;
  readonly output?: string;
  /** Of the execution. */
  readonly error?: string;
  /** The error that makes it no template. */
  readonly syntax?: string;
  /** The template again, from what it was parsed to. */
  readonly printed?: string;
};

const cases: Case[] = readFileSync(join(import.meta.dirname, 'testdata/go.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));

test('there are cases', () => assert.ok(cases.length > 500));

for (const { template, output = '', error, syntax, printed } of cases) {
  test(`as in Go: ${template}`, () => {
    const parse = () => parseTemplate('answer', template, FUNCTIONS);
    if (syntax !== undefined) {
      assert.throws(parse, TemplateSyntaxError);
      return;
    }
    const parsed = parse();
    // Go 1.19 prints every assignment as a declaration.
    if (!/\$x = /.test(template)) assert.equal(printNodes(parsed.body), printed ?? '');
    const run = () => evaluate(parsed, FUNCTIONS, testData());
    if (error === undefined) assert.equal(run(), output);
    else
      assert.throws(
        run,
        (thrown) => thrown instanceof TemplateExecutionError && assert.equal(thrown.message, error) === undefined,
      );
  });
}
