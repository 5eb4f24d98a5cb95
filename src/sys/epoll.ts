import { lastErrno, SystemError } from './errno.ts';
import * as libc from './libc.ts';

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 1;

/** Events that one `wait` gives at most. */
const BATCH_EVENTS = 64;

// struct epoll_event { events u32; data u64 } is packed on x64 alone; data holds the descriptor.
const isPacked = process.arch === 'x64';
const EVENT_WORDS = isPacked ? 3 : 4;
const EVENT_FD = isPacked ? 1 : 2;
const EVENT_BYTES = EVENT_WORDS * Uint32Array.BYTES_PER_ELEMENT;
/** The event behind the batch is the one that `add` hands to the kernel. */
const ADDED_EVENT = BATCH_EVENTS;

/** A set of descriptors, of which the kernel says which have something to read. */
export class EpollSet {
  /** The set's own descriptor, which is readable while one of the set is. */
  readonly fd: number;
  readonly #events: Uint32Array;
  readonly #address: libc.Address;

  /** Throws a SystemError. */
  constructor() {
    const memory = new ArrayBuffer((BATCH_EVENTS + 1) * EVENT_BYTES);
    this.#events = new Uint32Array(memory);
    this.#address = libc.addressOf(memory);
    this.fd = libc.epollCreate(EPOLL_CLOEXEC);
    if (this.fd < 0) throw new SystemError('watch sockets', 'epoll_create1', lastErrno());
  }

  /** Throws a SystemError. */
  add(fd: number): void {
    this.#events[ADDED_EVENT * EVENT_WORDS] = EPOLLIN;
    this.#events[ADDED_EVENT * EVENT_WORDS + EVENT_FD] = fd;
    const event = this.#address + ADDED_EVENT * EVENT_BYTES;
    if (libc.epollControl(this.fd, EPOLL_CTL_ADD, fd, event) < 0) {
      throw new SystemError('watch socket', 'epoll_ctl', lastErrno());
    }
  }

  remove(fd: number): void {
    libc.epollControl(this.fd, EPOLL_CTL_DEL, fd, this.#address);
  }

  /** Waits until something can be read, at most `timeoutMs` (-1: for ever). Returns how many `readable` there are. */
  wait(timeoutMs: number): number {
    return Math.max(0, libc.epollWait(this.fd, this.#address, BATCH_EVENTS, timeoutMs));
  }

  /** Descriptor `index` of those that the last `wait` has found. */
  readable(index: number): number {
    return this.#events[index * EVENT_WORDS + EVENT_FD];
  }

  close(): void {
    libc.close(this.fd);
  }
}
