import { lastErrno, SystemError } from './errno.ts';
import * as libc from './libc.ts';

const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;
const COUNTER_BYTES = 8;

/** Wakes a thread that waits in the kernel for its sockets: a descriptor (eventfd) that can be read once it was rung. */
export class Doorbell {
  readonly fd: number;
  readonly #counter = new Uint8Array(COUNTER_BYTES);

  /** Makes a new one, or takes the descriptor of one that another thread has made. Throws a SystemError. */
  constructor(fd: number = libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (fd < 0) throw new SystemError('make a doorbell', 'eventfd', lastErrno());
    this.fd = fd;
  }

  ring(): void {
    this.#counter.fill(0);
    this.#counter[0] = 1;
    libc.write(this.fd, this.#counter, COUNTER_BYTES);
  }

  /** It is silent again. */
  answer(): void {
    libc.read(this.fd, this.#counter, COUNTER_BYTES);
  }

  close(): void {
    libc.close(this.fd);
  }
}
