import { integerOf, typeOf, type Value, type Work } from '../values.ts';
import { PLAIN, type Spec } from './spec.ts';
import { formatValue } from './values.ts';

/** Greater widths and precisions that are arguments are refused, as in Go; what stands in the format is paid for. */
const MAX_NUMBER = 1_000_000;
/** A float64 can have hundreds of digits: it costs as much as so much text. */
const FLOAT_CHARACTERS = 512;

type State = {
  readonly format: string;
  position: number;
  readonly args: readonly Value[];
  nextArg: number;
  /** There was an index such as `[2]`. */
  isReordered: boolean;
  /** The indexes of this verb make sense. */
  isGoodIndex: boolean;
  /** What came just now was an index. */
  isAfterIndex: boolean;
  text: string;
};

/** Go's `fmt.Sprintf`. It has no errors: what is wrong stands in the text, such as `%!d(string=x)`. */
export function sprintf(format: string, args: readonly Value[], work: Work): string {
  const state: State = {
    format,
    position: 0,
    args,
    nextArg: 0,
    isReordered: false,
    isGoodIndex: true,
    isAfterIndex: false,
    text: '',
  };
  work.spendOn(format.length);
  while (state.position < format.length) {
    const percent = format.indexOf('%', state.position);
    state.text += format.slice(state.position, percent === -1 ? format.length : percent);
    if (percent === -1) break;
    state.position = percent + 1;
    const before = state.text.length;
    formatVerb(state, work);
    work.spendOn(state.text.length - before);
  }
  if (!state.isReordered && state.nextArg < args.length) state.text += extra(args.slice(state.nextArg));
  return state.text;
}

function extra(args: readonly Value[]): string {
  const shown = args.map((arg) => (arg === undefined ? '<nil>' : `${typeOf(arg)}=${formatValue('v', arg, PLAIN)}`));
  return `%!(EXTRA ${shown.join(', ')})`;
}

function formatVerb(state: State, work: Work): void {
  const { format } = state;
  state.isGoodIndex = true;
  state.isAfterIndex = false;
  const flags = parseFlags(state);
  parseIndex(state);
  const width = parseWidth(state);
  const precision = parsePrecision(state);
  if (!state.isAfterIndex) parseIndex(state);
  const code = format.codePointAt(state.position);
  if (code === undefined) {
    state.text += '%!(NOVERB)';
    return;
  }
  const verb = String.fromCodePoint(code);
  state.position += verb.length;
  work.spendOn(1 + Math.abs(width ?? 0) + (precision ?? 0));
  state.text += shown(state, work, verb, {
    ...flags,
    minus: flags.minus || (width ?? 0) < 0,
    width: width === undefined ? undefined : Math.abs(width),
    precision,
  });
}

function shown(state: State, work: Work, verb: string, spec: Spec): string {
  if (verb === '%') return '%';
  if (!state.isGoodIndex) return `%!${verb}(BADINDEX)`;
  if (state.nextArg >= state.args.length) return `%!${verb}(MISSING)`;
  const value = state.args[state.nextArg++];
  if (typeof value === 'number') work.spendOn(FLOAT_CHARACTERS);
  if (verb !== 'v') return formatValue(verb, value, spec);
  return formatValue(verb, value, { ...spec, goSyntax: spec.sharp, sharp: false, plus: false });
}

const FLAGS: Readonly<Record<string, 'minus' | 'plus' | 'sharp' | 'space' | 'zero'>> = {
  '-': 'minus',
  '+': 'plus',
  '#': 'sharp',
  ' ': 'space',
  '0': 'zero',
};

function parseFlags(state: State): Spec {
  const flags = { ...PLAIN };
  for (;;) {
    const flag = FLAGS[state.format[state.position]];
    if (flag === undefined) return flags;
    flags[flag] = true;
    state.position++;
  }
}

/** `[N]`: the argument to go on with. */
function parseIndex(state: State): void {
  const { format, position, args } = state;
  state.isAfterIndex = false;
  if (format[position] !== '[') return;
  state.isReordered = true;
  const end = format.indexOf(']', position);
  const number = Number(/^\d{1,7}$/.exec(format.slice(position + 1, end))?.[0] ?? Number.NaN);
  state.position = end === -1 ? position + 1 : end + 1;
  state.isAfterIndex = end !== -1 && !Number.isNaN(number);
  if (end !== -1 && number >= 1 && number <= args.length) state.nextArg = number - 1;
  else state.isGoodIndex = false;
}

/** Negative for what is to stand on the left. */
function parseWidth(state: State): number | undefined {
  if (state.format[state.position] === '*') {
    const width = parseStar(state);
    if (width === undefined) state.text += '%!(BADWIDTH)';
    return width;
  }
  const width = parseDigits(state);
  if (width !== undefined && state.isAfterIndex) state.isGoodIndex = false;
  return width;
}

function parsePrecision(state: State): number | undefined {
  if (state.format[state.position] !== '.') return undefined;
  state.position++;
  if (state.isAfterIndex) state.isGoodIndex = false;
  parseIndex(state);
  if (state.format[state.position] !== '*') return parseDigits(state) ?? 0;
  const precision = parseStar(state);
  if (precision !== undefined && precision >= 0) return precision;
  state.text += '%!(BADPREC)';
  return undefined;
}

/** `*`: the next argument says it. */
function parseStar(state: State): number | undefined {
  state.position++;
  state.isAfterIndex = false;
  if (state.nextArg >= state.args.length) return undefined;
  const value = integerOf(state.args[state.nextArg++]);
  return value === undefined || value > MAX_NUMBER || value < -MAX_NUMBER ? undefined : Number(value);
}

function parseDigits(state: State): number | undefined {
  const { format, position } = state;
  let end = position;
  while (format[end] >= '0' && format[end] <= '9') end++;
  if (end === position) return undefined;
  state.position = end;
  return Number(format.slice(position, end));
}
