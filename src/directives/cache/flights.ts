import type { MaybePromise } from '../contract.ts';

/** What is being asked for right now, so that whoever wants the same thing waits for the same answer. */
export class Flights<Result> {
  readonly #pending = new Map<string, Promise<Result>>();

  get(key: string): Promise<Result> | undefined {
    return this.#pending.get(key);
  }

  /** Asks, and lets others join until the answer, or the failure, is there. Who asks for what is in flight asks alone. */
  start(key: string, ask: () => MaybePromise<Result>): MaybePromise<Result> {
    const result = ask();
    if (!(result instanceof Promise) || this.#pending.has(key)) return result;
    const landed = () => this.#pending.delete(key);
    this.#pending.set(key, result);
    result.then(landed, landed);
    return result;
  }
}
