/**
 * Gives back the memory that starting has taken and nobody needs any more: what modules were compiled from, and pages that
 * are half empty. Once, at the end of a start: it takes some 30 ms (measured: 3.8 MB of the main thread, 2.4 MB of each
 * responder). It does nothing where Node was started without --expose-gc.
 */
export function trimHeap(): void {
  const collect: ((options: object) => void) | undefined = Reflect.get(globalThis, 'gc');
  collect?.({ type: 'major', flavor: 'last-resort' });
}
