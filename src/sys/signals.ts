import { constants } from 'node:os';
import { lastErrno, SystemError } from './errno.ts';
import { signalMask } from './libc.ts';

const SIG_UNBLOCK = 1;
const SIGSET_BYTES = 128; // sigset_t of glibc and musl; bit n - 1 stands for signal n.

/**
 * Lets a signal reach this thread again. Node started with --disable-sigusr1 leaves SIGUSR1 blocked in its main thread,
 * so that a handler of ours would never run; one that came meanwhile is pending, and delivered now.
 */
export function unblockSignal(signal: NodeJS.Signals): void {
  const bit = constants.signals[signal] - 1;
  const set = new Uint8Array(SIGSET_BYTES);
  set[bit >>> 3] = 1 << (bit & 7);
  if (signalMask(SIG_UNBLOCK, set, null) !== 0) throw new SystemError(`unblock ${signal}`, 'sigprocmask', lastErrno());
}
