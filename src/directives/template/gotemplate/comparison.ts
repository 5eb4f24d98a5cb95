/** The functions `eq`, `ne`, `lt`, `le`, `gt` and `ge`. */
import { PLAIN } from './printf/spec.ts';
import { formatValue } from './printf/values.ts';
import { CallError, integerOf, typeOf, type Value } from './values.ts';

type Kind = 'bool' | 'integer' | 'float64' | 'string' | undefined;

/** Integers with and without sign can be compared; otherwise both must be of one kind. */
function kindOf(value: Value): Kind {
  if (integerOf(value) !== undefined) return 'integer';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'number':
      return 'float64';
    case 'string':
      return 'string';
    default:
      return undefined;
  }
}

/** Whether the first equals one of the others. */
export function equalsAny(first: Value, others: readonly Value[]): boolean {
  if (others.length === 0) throw new CallError('missing argument for comparison');
  return others.some((other) => equal(first, other));
}

export function equal(a: Value, b: Value): boolean {
  if (a === undefined || b === undefined) return a === b;
  const kind = kindOf(a);
  if (kind !== kindOf(b)) throw new CallError('incompatible types for comparison');
  if (kind === 'integer') return integerOf(a) === integerOf(b);
  if (kind !== undefined) return a === b;
  if (typeof a !== 'object' || typeof b !== 'object') throw new CallError('incompatible types for comparison');
  if (a.kind !== b.kind) {
    throw new CallError(`non-comparable types ${shown(a)}: ${typeOf(a)}, ${typeOf(b)}: ${shown(b)}`);
  }
  if (a.kind !== 'struct') throw new CallError(`non-comparable type ${shown(a)}: ${typeOf(a)}`);
  return a === b;
}

function shown(value: Value): string {
  return formatValue('v', value, PLAIN);
}

export function less(a: Value, b: Value): boolean {
  const kind = kindOf(a);
  const otherKind = kindOf(b);
  if (kind === undefined || otherKind === undefined) throw new CallError('invalid type for comparison');
  if (kind !== otherKind) throw new CallError('incompatible types for comparison');
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
  if (typeof a === 'number' && typeof b === 'number') return a < b;
  const [left, right] = [integerOf(a), integerOf(b)];
  if (left === undefined || right === undefined) throw new CallError('invalid type for comparison');
  return left < right;
}

export function lessOrEqual(a: Value, b: Value): boolean {
  return less(a, b) || equal(a, b);
}
