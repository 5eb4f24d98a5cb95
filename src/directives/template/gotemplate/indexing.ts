/** The functions `index`, `slice` and `len`. */
import { CallError, integerOf, typeOf, unsigned, type Value, type Work } from './values.ts';

/** `index x 1 "a"` is Go's `x[1]["a"]`. */
export function index(item: Value, indexes: readonly Value[], work: Work): Value {
  if (item === undefined) throw new CallError('index of untyped nil');
  return indexes.reduce<Value>((value, key) => element(value, key, work), item);
}

function element(item: Value, key: Value, work: Work): Value {
  if (typeof item === 'string') {
    work.spendOn(item.length);
    const bytes = Buffer.from(item);
    return unsigned(bytes[elementIndex(key, bytes.length, 'string')], 8);
  }
  if (typeof item === 'object' && item.kind === 'list') {
    return item.items[elementIndex(key, item.items.length, 'slice')];
  }
  if (typeof item === 'object' && item.kind === 'map') {
    if (key === undefined) throw new CallError('value is nil; should be of type string');
    if (typeof key !== 'string') throw new CallError(`value has type ${typeOf(key)}; should be string`);
    return item.entries.get(key) ?? '';
  }
  throw new CallError(`can't index item of type ${pointedTo(item)}`);
}

function elementIndex(key: Value, length: number, what: string): number {
  const at = indexUpTo(key, length);
  if (at === length) throw new CallError(`reflect: ${what} index out of range`);
  return at;
}

function indexUpTo(key: Value, max: number): number {
  if (key === undefined) throw new CallError('cannot index slice/array with nil');
  const at = integerOf(key);
  if (at === undefined) throw new CallError(`cannot index slice/array with type ${typeOf(key)}`);
  if (at < 0n || at > max) throw new CallError(`index out of range: ${at}`);
  return Number(at);
}

/** `slice x 1 2` is Go's `x[1:2]`. */
export function slice(item: Value, indexes: readonly Value[], work: Work): Value {
  if (item === undefined) throw new CallError('slice of untyped nil');
  if (indexes.length > 3) throw new CallError(`too many slice indexes: ${indexes.length}`);
  if (typeof item === 'string') {
    if (indexes.length === 3) throw new CallError('cannot 3-index slice a string');
    work.spendOn(item.length);
    const bytes = Buffer.from(item);
    return bytes.subarray(...bounds(indexes, bytes.length)).toString();
  }
  if (typeof item === 'object' && item.kind === 'list') {
    return { ...item, items: item.items.slice(...bounds(indexes, item.items.length)) };
  }
  throw new CallError(`can't slice item of type ${typeOf(item)}`);
}

function bounds(indexes: readonly Value[], length: number): [number, number] {
  const [start = 0, end = length, capacity = end] = indexes.map((key) => indexUpTo(key, length));
  if (start > end) throw new CallError(`invalid slice index: ${start} > ${end}`);
  if (end > capacity) throw new CallError(`invalid slice index: ${end} > ${capacity}`);
  return [start, end];
}

export function length(item: Value, work: Work): bigint {
  if (typeof item === 'string') {
    work.spendOn(item.length);
    return BigInt(Buffer.byteLength(item));
  }
  if (typeof item === 'object' && item.kind === 'list') return BigInt(item.items.length);
  if (typeof item === 'object' && item.kind === 'map') return BigInt(item.entries.size);
  throw new CallError(item === undefined ? 'len of nil pointer' : `len of type ${pointedTo(item)}`);
}

/** Structures are behind pointers, which are followed. */
function pointedTo(value: Value): string {
  return typeOf(value).replace(/^\*/, '');
}
