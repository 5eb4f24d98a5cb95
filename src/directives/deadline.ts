/** What a promise comes to within so many milliseconds; undefined after that. */
export function within<Value>(timeoutMs: number, promise: Promise<Value>): Promise<Value | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, timeoutMs, undefined);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
