/** The functions that every Go template has. */
import { equal, equalsAny, less, lessOrEqual } from './comparison.ts';
import { escapeHtml, escapeQuery, escapeScript } from './escaping.ts';
import { index, length, slice } from './indexing.ts';
import { sprintf } from './printf/printf.ts';
import { printText, sprint, sprintln } from './printf/sprint.ts';
import { type Callable, CallError, isTrue, typeOf, type Value, type Work } from './values.ts';

const textOf = (values: readonly Value[], work: Work) =>
  values.length === 1
    ? printText(values[0], work)
    : sprint(
        values.map((value) => value ?? '<no value>'),
        work,
      );

/** Of what the arguments print as. */
function escaping(escaped: (text: string) => string): Callable {
  const call = (values: readonly Value[], work: Work) => {
    const text = textOf(values, work);
    work.spendOn(text.length);
    return escaped(text);
  };
  return { parameters: ['any'], variadic: true, call };
}

const comparing = (compare: (a: Value, b: Value) => boolean): Callable => {
  return { parameters: ['any', 'any'], call: ([a, b]) => compare(a, b) };
};

const oneOrMore = { parameters: ['any', 'any'], variadic: true } as const;
const anyNumber = { parameters: ['any'], variadic: true } as const;

export const BUILTINS: ReadonlyMap<string, Callable> = new Map<string, Callable>([
  // The evaluation of arguments stops where the result is clear, so it is not done here.
  ['and', { ...oneOrMore, call: (values) => values.at(-1) }],
  ['or', { ...oneOrMore, call: (values) => values.at(-1) }],
  ['not', { parameters: ['any'], call: ([value]) => !isTrue(value) }],
  ['call', { ...oneOrMore, call: refuseCall }],
  ['html', escaping(escapeHtml)],
  ['js', escaping(escapeScript)],
  ['urlquery', escaping(escapeQuery)],
  ['index', { ...oneOrMore, call: ([item, ...indexes], work) => index(item, indexes, work) }],
  ['slice', { ...oneOrMore, call: ([item, ...indexes], work) => slice(item, indexes, work) }],
  ['len', { parameters: ['any'], call: ([item], work) => length(item, work) }],
  ['print', { ...anyNumber, call: (values, work) => sprint(values, work) }],
  ['println', { ...anyNumber, call: (values, work) => sprintln(values, work) }],
  [
    'printf',
    {
      parameters: ['string', 'any'],
      variadic: true,
      call: ([format, ...args], work) => sprintf(String(format), args, work),
    },
  ],
  ['eq', { ...oneOrMore, call: ([first, ...others]) => equalsAny(first, others) }],
  ['ne', comparing((a, b) => !equal(a, b))],
  ['lt', comparing(less)],
  ['le', comparing(lessOrEqual)],
  ['gt', comparing((a, b) => !lessOrEqual(a, b))],
  ['ge', comparing((a, b) => !less(a, b))],
]);

/** No value is a function here. */
function refuseCall([callee]: readonly Value[]): never {
  throw new CallError(callee === undefined ? 'call of nil' : `non-function of type ${typeOf(callee)}`);
}
