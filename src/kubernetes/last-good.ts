import { messageOf } from '../corefile/errors.ts';

export type LastGood<T> = {
  readonly value: T;
  /** Why it is not what there is now. */
  readonly fault?: string;
};

/** Reads again at each call; what cannot be read leaves what could be read last. */
export function lastGood<T>(initial: T, read: () => Promise<T>): () => Promise<LastGood<T>> {
  let value = initial;
  return async () => {
    try {
      value = await read();
      return { value };
    } catch (error) {
      return { value, fault: messageOf(error) };
    }
  };
}
