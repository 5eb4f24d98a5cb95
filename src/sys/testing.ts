/** What tests over real loopback sockets share. */
import os from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';

const loopback = os.networkInterfaces().lo ?? [];

/** For `test(name, { skip: WITHOUT_IPV6 }, …)`: why a test over ::1 cannot run here, or false. */
export const WITHOUT_IPV6: string | false = loopback.some(({ address }) => address === '::1') ? false : 'no ::1 here';

const UNTIL_MS = 30_000;

/** Resolves in the turn of the event loop in which `condition` has come true; rejects if it never does. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = AbortSignal.timeout(UNTIL_MS);
  while (!condition()) {
    deadline.throwIfAborted();
    await nextTurn();
  }
}
