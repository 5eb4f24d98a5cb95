/**
 * Values of Go as templates have them: undefined is nil, a bigint is an int, a number a float64. Strings are text, but
 * lengths and indexes count bytes of UTF-8.
 */
export type Value = undefined | string | boolean | bigint | number | Unsigned | List | Dictionary | Struct;

export type Unsigned = { readonly kind: 'unsigned'; readonly value: bigint; readonly bits: 8 | 16 | 64 };
/** A `[]string`, or a slice of something else. */
export type List = { readonly kind: 'list'; readonly items: readonly Value[]; readonly elementType: string };
/** A `map[string]string`. */
export type Dictionary = { readonly kind: 'map'; readonly entries: ReadonlyMap<string, string> };
export type Struct = {
  readonly kind: 'struct';
  readonly type: string;
  /** By name; may be getters. */
  readonly fields: Readonly<Record<string, Value>>;
  readonly methods?: Readonly<Record<string, Callable>>;
  /** What `{{ . }}` prints. */
  readonly text: string;
};

/** The types that parameters can have; `any` takes all values. */
export type ParameterType = 'any' | 'string' | 'int';

/** A function or a method. A fault with the arguments is thrown as a CallError. */
export type Callable = {
  readonly parameters: readonly ParameterType[];
  /** The last parameter may be given any number of times. */
  readonly variadic?: boolean;
  readonly call: (args: readonly Value[], work: Work) => Value;
};

/** What an execution may still do: whoever makes or reads long text says so before. Throws when it is too much. */
export type Work = { spendOn(characters: number): void };

export class CallError extends Error {
  override readonly name = 'CallError';
}

export function unsigned(value: bigint | number, bits: 8 | 16 | 64): Unsigned {
  return { kind: 'unsigned', value: BigInt(value), bits };
}

export function strings(items: readonly string[]): List {
  return { kind: 'list', items, elementType: 'string' };
}

/** The type as Go writes it. */
export function typeOf(value: Value): string {
  switch (typeof value) {
    case 'undefined':
      return '<nil>';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'float64';
    case 'string':
      return 'string';
    default:
      return typeOfObject(value);
  }
}

function typeOfObject(value: Unsigned | List | Dictionary | Struct): string {
  switch (value.kind) {
    case 'unsigned':
      return `uint${value.bits}`;
    case 'list':
      return `[]${value.elementType}`;
    case 'map':
      return 'map[string]string';
    case 'struct':
      return value.type;
  }
}

/** Whether the value is not the zero of its type. */
export function isTrue(value: Value): boolean {
  if (typeof value !== 'object') return Boolean(value) || Number.isNaN(value);
  switch (value.kind) {
    case 'unsigned':
      return value.value !== 0n;
    case 'list':
      return value.items.length > 0;
    case 'map':
      return value.entries.size > 0;
    case 'struct':
      return true;
  }
}

/** The value of a signed or unsigned integer. */
export function integerOf(value: Value): bigint | undefined {
  if (typeof value === 'bigint') return value;
  return typeof value === 'object' && value.kind === 'unsigned' ? value.value : undefined;
}

/** In the order in which Go goes through a map. */
export function sortedEntries({ entries }: Dictionary): [string, string][] {
  return [...entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
