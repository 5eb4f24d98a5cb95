/** Changes what the calling thread may do. Loaded by those alone who have something to change. */
import koffi from 'koffi';
import { type CapabilitySet, capabilityNumbers } from './capabilities.ts';
import { lastErrno, SystemError } from './errno.ts';

const libc = koffi.load(null);
const capset: (header: Uint32Array, data: Uint32Array) => number = libc.func('int capset(void *header, void *data)');
const prctl: (option: number, second: number, third: number, fourth: number, fifth: number) => number = libc.func(
  'int prctl(int option, unsigned long second, unsigned long third, unsigned long fourth, unsigned long fifth)',
);
const execv: (path: string, argv: (string | null)[]) => number = libc.func(
  'int execv(const char *path, const char **argv)',
);
const fcntl: (fd: number, command: number, argument: number) => number = libc.func(
  'int fcntl(int fd, int command, int argument)',
);

const F_SETFD = 2;
const STANDARD_STREAMS = [0, 1, 2];
const LINUX_CAPABILITY_VERSION_3 = 0x20080522;
const LOW_WORD = 0xffff_ffffn;
const PR_CAPBSET_DROP = 24;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;

export type ThreadSets = {
  readonly effective: CapabilitySet;
  readonly permitted: CapabilitySet;
  readonly inheritable: CapabilitySet;
};

/** What leaves the permitted or inheritable set leaves the ambient one as well. Threads that have been started keep theirs. */
export function setCapabilities({ effective, permitted, inheritable }: ThreadSets): void {
  const header = Uint32Array.of(LINUX_CAPABILITY_VERSION_3, 0);
  // Two structures of three words: for the capabilities 0 to 31, and for those above.
  const data = new Uint32Array(6);
  for (const [word, set] of [effective, permitted, inheritable].entries()) {
    data[word] = Number(set & LOW_WORD);
    data[3 + word] = Number(set >> 32n);
  }
  if (capset(header, data) !== 0) throw new SystemError('set capabilities', 'capset', lastErrno());
}

/** No program that is executed from now on can have them. Needs CAP_SETPCAP. */
export function dropFromBounding(set: CapabilitySet): void {
  for (const number of capabilityNumbers(set)) {
    control('drop capabilities of programs', PR_CAPBSET_DROP, number);
  }
}

/** What programs keep that the user executes, root or not; part of the permitted and the inheritable set. */
export function setAmbient(set: CapabilitySet): void {
  control('clear ambient capabilities', PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
  for (const number of capabilityNumbers(set)) {
    control('raise ambient capabilities', PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number);
  }
}

function control(intent: string, option: number, second: number, third = 0): void {
  if (prctl(option, second, third, 0, 0) !== 0) throw new SystemError(intent, 'prctl', lastErrno());
}

/**
 * Executes a program in place of this one: same process, environment and standard streams, none of its threads. Returns
 * only by throwing. (`process.execve` prints a warning.)
 */
export function replaceProcess(path: string, argv: readonly string[]): never {
  // Node has them closed on execution, as all others.
  for (const fd of STANDARD_STREAMS) fcntl(fd, F_SETFD, 0);
  execv(path, [...argv, null]);
  throw new SystemError(`execute ${path}`, 'execv', lastErrno());
}
