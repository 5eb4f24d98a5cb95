import { exit } from './libc.ts';

/**
 * Ends the process as the kernel does, with all its threads, whatever they are at. The usual end has each thread end
 * itself, and one that is still loading native code then aborts the process: 1 of 200 starts that failed at once, 2 of
 * 400 when they waited a second for it.
 */
export function exitAtOnce(code: number): never {
  exit(code);
  throw new Error('the process goes on after _exit');
}
