/** Command-line flags as Go's package flag reads them (corefile.md section 12): `-x v`, `--x=v`, booleans `-x`. */
import { durationMs } from '../corefile/duration.ts';
import { booleanOf } from '../corefile/values.ts';

type KindValues = {
  string: string;
  bool: boolean;
  int: number;
  /** Milliseconds, of a Go duration. */
  duration: number;
  /** Seconds, of a plain number, `60ns` or a Go duration. */
  seconds: number;
  /** `64MiB` or a plain number. */
  bytes: number | 'auto';
};
type Kind = keyof KindValues;

export type FlagSpec = {
  [K in Kind]: {
    readonly name: string;
    readonly aliases?: readonly string[];
    readonly kind: K;
    readonly default: KindValues[K];
    /** For the usage text. */
    readonly help: string;
    /** Limits of numbers, inclusive. */
    readonly min?: number;
    readonly max?: number;
  };
}[Kind];

export type FlagValues<Specs extends readonly FlagSpec[]> = {
  -readonly [Spec in Specs[number] as Spec['name']]: KindValues[Spec['kind']];
};

export type ParsedFlags<Specs extends readonly FlagSpec[]> = {
  /** One for each flag, by name; of several on the command line the last. */
  readonly values: FlagValues<Specs>;
  /** Names of the flags that were on the command line. */
  readonly given: ReadonlySet<string>;
  /** What stands behind the flags. */
  readonly rest: readonly string[];
  /** `-h` or `-help` was met; nothing behind it was read. */
  readonly help: boolean;
};

/** An unknown flag or a bad value. The message is one line, worded as Go's. */
export class FlagError extends Error {
  override readonly name: string = 'FlagError';
}

const BYTE_UNITS = new Map([
  ['', 1],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
]);

/** A value from its text; undefined if it is none. */
const readers: { readonly [K in Exclude<Kind, 'bool'>]: (text: string) => KindValues[K] | undefined } = {
  string: (text) => text,
  int: integerOf,
  duration: durationMs,
  seconds: (text) => {
    // node-cache takes nanoseconds for seconds, so that its users write 60ns where they mean a minute.
    const valueMs = durationMs(text.replace(/^(\d+)(ns)?$/, '$1s'));
    return valueMs === undefined ? undefined : valueMs / 1000;
  },
  bytes: (text) => {
    if (text === 'auto') return text;
    const [, digits, unit] = /^(\d+)([A-Za-z]*)$/.exec(text) ?? [];
    const unitBytes = BYTE_UNITS.get(unit);
    const value = unitBytes === undefined ? Number.NaN : Number(digits) * unitBytes;
    return Number.isSafeInteger(value) ? value : undefined;
  },
};

/** Reads flags up to the first other argument or `--`. Throws FlagError. */
export function parseFlags<const Specs extends readonly FlagSpec[]>(
  argv: readonly string[],
  specs: Specs,
): ParsedFlags<Specs> {
  const values = new Map<string, unknown>(specs.map((spec) => [spec.name, spec.default]));
  const given = new Set<string>();
  let help = false;
  let position = 0;
  while (position < argv.length && !help) {
    const argument = argv[position];
    if (argument === '-' || !argument.startsWith('-')) break;
    position++;
    if (argument === '--') break;
    const [, name, inline] = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument) ?? [];
    if (name === undefined) throw new FlagError(`bad flag syntax: ${argument}`);
    const spec = specs.find((candidate) => candidate.name === name || candidate.aliases?.includes(name));
    if (spec === undefined) {
      if (name !== 'h' && name !== 'help') throw new FlagError(`flag provided but not defined: -${name}`);
      help = true;
    } else {
      // A boolean never takes the next argument as its value.
      const text = inline ?? (spec.kind === 'bool' ? 'true' : argv[position++]);
      if (text === undefined) throw new FlagError(`flag needs an argument: -${name}`);
      values.set(spec.name, readValue(spec, name, text));
      given.add(spec.name);
    }
  }
  const byName = Object.fromEntries(values) as FlagValues<Specs>; // Each spec has put its own kind of value there.
  return { values: byName, given, rest: argv.slice(position), help };
}

function readValue(spec: FlagSpec, name: string, text: string): string | boolean | number {
  if (spec.kind === 'bool') {
    const value = booleanOf(text);
    if (value === undefined) throw new FlagError(`invalid boolean value "${text}" for -${name}: parse error`);
    return value;
  }
  const value = readers[spec.kind](text);
  if (value === undefined) throw new FlagError(`invalid value "${text}" for flag -${name}: parse error`);
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = spec;
  if (typeof value === 'number' && (value < min || value > max)) {
    const range = max === Number.POSITIVE_INFINITY ? `${min} or more` : `${min}..${max}`;
    throw new FlagError(`invalid value "${text}" for flag -${name}: value out of range, expected ${range}`);
  }
  return value;
}

/** Decimal, `0x`, `0o`, `0b`, and octal with a leading zero, as Go's strconv.ParseInt with base 0. */
function integerOf(text: string): number | undefined {
  const [, sign, digits] = /^([+-]?)(0[xX][\da-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9]\d*)$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const magnitude = Number(digits.replace(/^0(?=[0-7])/, '0o'));
  if (!Number.isSafeInteger(magnitude)) return undefined;
  return sign === '-' && magnitude !== 0 ? -magnitude : magnitude;
}

/** The flags with their help and defaults, as Go's PrintDefaults shows them. */
export function usage(program: string, specs: readonly FlagSpec[]): string {
  const lines = specs.flatMap((spec) => {
    const names = [spec.name, ...(spec.aliases ?? [])].map((name) => `-${name}`).join(', ');
    const value = spec.kind === 'bool' ? '' : ` ${spec.kind}`;
    return [`  ${names}${value}`, `    \t${spec.help}${defaultText(spec)}`];
  });
  return `Usage of ${program}:\n${lines.join('\n')}\n`;
}

/** Nothing for the defaults that go without saying: empty, false and 0. */
function defaultText(spec: FlagSpec): string {
  if (spec.default === '' || spec.default === false || spec.default === 0) return '';
  if (spec.kind === 'string') return ` (default "${spec.default}")`;
  const unit = { bool: '', int: '', bytes: '', duration: 'ms', seconds: 's' }[spec.kind];
  return ` (default ${spec.default}${unit})`;
}
