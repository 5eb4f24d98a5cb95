import type { MaybePromise } from './contract.ts';

/** What is made of a value: at once if it is there, so that an answer which the cache has waits for no promise. */
export function after<Value, Made>(
  value: MaybePromise<Value>,
  make: (value: Value) => MaybePromise<Made>,
): MaybePromise<Made> {
  return value instanceof Promise ? value.then(make) : make(value);
}
