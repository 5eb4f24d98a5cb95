/** What the kernel refused, as an error for people and as codes for programs. */
import os from 'node:os';
import util from 'node:util';
import koffi from 'koffi';

export const EINTR = os.constants.errno.EINTR;
export const EBADF = os.constants.errno.EBADF;
export const EAGAIN = os.constants.errno.EAGAIN;
export const ENOBUFS = os.constants.errno.ENOBUFS;
export const ECONNREFUSED = os.constants.errno.ECONNREFUSED;
export const EAFNOSUPPORT = os.constants.errno.EAFNOSUPPORT;
export const EADDRINUSE = os.constants.errno.EADDRINUSE;
export const EADDRNOTAVAIL = os.constants.errno.EADDRNOTAVAIL;
export const EINVAL = os.constants.errno.EINVAL;
export const EEXIST = os.constants.errno.EEXIST;
export const ENOENT = os.constants.errno.ENOENT;
export const EACCES = os.constants.errno.EACCES;
export const EINPROGRESS = os.constants.errno.EINPROGRESS;
export const EPERM = os.constants.errno.EPERM;
export const ENODEV = os.constants.errno.ENODEV;
export const EOPNOTSUPP = os.constants.errno.EOPNOTSUPP;

/** A system call that failed. The message is one line: `listen udp 127.0.0.1:53: address already in use (EADDRINUSE)`. */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  /** The errno's name: `EADDRINUSE`. */
  readonly code: string;
  /** The positive number. */
  readonly errno: number;
  readonly syscall: string;

  /** `intent` says what was tried, `hint` what to do about it. */
  constructor(intent: string, syscall: string, errno: number, hint?: string) {
    const code = errnoName(errno);
    super(`${intent}: ${errnoText(errno)} (${code})${hint === undefined ? '' : `: ${hint}`}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

/** errno of this thread's last failed call; read it before anything else is called. */
export function lastErrno(): number {
  return koffi.errno();
}

export function errnoName(errno: number): string {
  return util.getSystemErrorName(-errno);
}

function errnoText(errno: number): string {
  return util.getSystemErrorMessage(-errno);
}
