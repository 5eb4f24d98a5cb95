/**
 * The libc functions that nodens calls itself. They are looked up in the running process, which has its libc loaded
 * already, so the same lines serve glibc and musl. Nothing outside src/sys imports this file.
 *
 * Pointers into memory that lives as long as its owner are passed as numbers (`Address`; user space ends below 2^48):
 * measured 338 ns for a recvmmsg call that way against 392 ns with a Uint8Array or a BigInt.
 */
import koffi from 'koffi';

/** The address of off-heap memory. The ArrayBuffer behind it must be kept alive by its owner. */
export type Address = number;

const libc = koffi.load(null);

export const socket: (family: number, type: number, protocol: number) => number = libc.func(
  'int socket(int family, int type, int protocol)',
);
export const exit: (status: number) => void = libc.func('void _exit(int status)');
export const close: (fd: number) => number = libc.func('int close(int fd)');
export const bind: (fd: number, name: Uint8Array, nameBytes: number) => number = libc.func(
  'int bind(int fd, const void *name, uint32_t nameBytes)',
);
export const connect: (fd: number, name: Uint8Array, nameBytes: number) => number = libc.func(
  'int connect(int fd, const void *name, uint32_t nameBytes)',
);
export const listen: (fd: number, backlog: number) => number = libc.func('int listen(int fd, int backlog)');
export const getsockname: (fd: number, name: Uint8Array, nameBytes: Uint32Array) => number = libc.func(
  'int getsockname(int fd, void *name, void *nameBytes)',
);
export const setsockopt: (fd: number, level: number, option: number, value: Int32Array, valueBytes: number) => number =
  libc.func('int setsockopt(int fd, int level, int option, const void *value, uint32_t valueBytes)');
export const send: (fd: number, bytes: Uint8Array, byteCount: number, flags: number) => number = libc.func(
  'int64_t send(int fd, const void *bytes, size_t byteCount, int flags)',
);
export const recv: (fd: number, bytes: Uint8Array, byteCount: number, flags: number) => number = libc.func(
  'int64_t recv(int fd, void *bytes, size_t byteCount, int flags)',
);
export const recvmmsg: (fd: number, headers: Address, count: number, flags: number, timeout: Address) => number =
  libc.func('recvmmsg', 'int', ['int', 'size_t', 'uint', 'int', 'size_t']);
export const sendmmsg: (fd: number, headers: Address, count: number, flags: number) => number = libc.func(
  'sendmmsg',
  'int',
  ['int', 'size_t', 'uint', 'int'],
);
export const epollCreate: (flags: number) => number = libc.func('epoll_create1', 'int', ['int']);
export const epollControl: (epollFd: number, operation: number, fd: number, event: Address) => number = libc.func(
  'epoll_ctl',
  'int',
  ['int', 'int', 'int', 'size_t'],
);
export const epollWait: (epollFd: number, events: Address, capacity: number, timeoutMs: number) => number = libc.func(
  'epoll_wait',
  'int',
  ['int', 'size_t', 'int', 'int'],
);

export const eventfd: (initial: number, flags: number) => number = libc.func('eventfd', 'int', ['uint', 'int']);
export const read: (fd: number, bytes: Uint8Array, byteCount: number) => number = libc.func(
  'int64_t read(int fd, void *bytes, size_t byteCount)',
);
export const write: (fd: number, bytes: Uint8Array, byteCount: number) => number = libc.func(
  'int64_t write(int fd, const void *bytes, size_t byteCount)',
);
export const getsockopt: (
  fd: number,
  level: number,
  option: number,
  value: Uint32Array,
  valueBytes: Uint32Array,
) => number = libc.func('int getsockopt(int fd, int level, int option, void *value, void *valueBytes)');

export const poll: (entries: Address, count: number, timeoutMs: number) => number = libc.func('poll', 'int', [
  'size_t',
  'size_t',
  'int',
]);

export const signalMask: (how: number, set: Uint8Array, old: null) => number = libc.func(
  'int sigprocmask(int how, const void *set, void *old)',
);

/** Gives free memory of the C library's heap back to the kernel; undefined where the library does that by itself (musl). */
export const mallocTrim: ((padBytes: number) => number) | undefined = optional('int malloc_trim(size_t padBytes)');

function optional(declaration: string) {
  try {
    return libc.func(declaration);
  } catch {
    return undefined;
  }
}

/** Where the memory of `buffer` lies. A whole ArrayBuffer is never moved by the garbage collector. */
export function addressOf(buffer: ArrayBuffer): Address {
  return Number(koffi.address(buffer));
}

const ifNameToIndex: (name: string) => number = libc.func('uint32_t if_nametoindex(const char *name)');
const ifIndexToName: (index: number, name: Uint8Array) => unknown = libc.func(
  'void *if_indextoname(uint32_t index, void *name)',
);
const IF_NAMESIZE = 16;

/** 0 if there is no such interface. */
export function interfaceIndex(name: string): number {
  return ifNameToIndex(name);
}

export function interfaceName(index: number): string | undefined {
  const name = Buffer.alloc(IF_NAMESIZE);
  if (ifIndexToName(index, name) === null) return undefined;
  return name.toString('latin1', 0, name.indexOf(0));
}
