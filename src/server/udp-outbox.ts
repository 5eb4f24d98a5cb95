import { ReplyBatch } from '../sys/datagrams.ts';

/**
 * The replies on their way out of one UDP socket. What is answered while a batch of queries is read leaves with one
 * sendmmsg at its end. Later answers leave together at the end of the turn that they came in: a tick runs when the
 * promises of the turn have settled, so the answers of all upstream sockets that were read in it share a call. (Counted
 * with answers behind 0 to 7 promises: one sendmmsg per turn, eight with queueMicrotask; setImmediate waits a turn more.)
 */
export class Outbox {
  readonly #fd: number;
  readonly #onDropped: ((count: number) => void) | undefined;
  readonly #replies = new ReplyBatch();
  readonly #flushInTick = () => this.flush();
  /** Queries taken and not answered yet. */
  #expected = 0;
  /** Somebody will flush: the reader of a batch, or a tick. */
  #isHeld = false;
  #isClosed = false;
  #onSettled: (() => void) | undefined;

  constructor(fd: number, onDropped: ((count: number) => void) | undefined) {
    this.#fd = fd;
    this.#onDropped = onDropped;
  }

  /** A query has been taken; `add` or `forget` follows for it. */
  expect(): void {
    this.#expected++;
  }

  /** No answer will come for one of the expected. */
  forget(): void {
    if (--this.#expected === 0) this.#onSettled?.();
  }

  /** Takes a copy of the reply for one of the expected. */
  add(message: Uint8Array, paths: Uint32Array, word: number): void {
    if (this.#isClosed) return;
    if (!this.#replies.hasRoom(message.length)) this.#send();
    this.#replies.add(message, paths, word);
    if (!this.#isHeld) {
      this.#isHeld = true;
      process.nextTick(this.#flushInTick);
    }
    this.forget();
  }

  /** Replies are kept until `flush`, which the caller promises. */
  hold(): void {
    this.#isHeld = true;
  }

  flush(): void {
    this.#isHeld = false;
    this.#send();
  }

  /** Resolves when each query has been answered, or after `graceMs`. */
  async settled(graceMs: number): Promise<void> {
    if (this.#expected === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#onSettled = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#onSettled = undefined;
  }

  /** Sends what is here. What comes later is thrown away. */
  close(): void {
    this.#send();
    this.#isClosed = true;
  }

  #send(): void {
    const count = this.#replies.count;
    if (count === 0 || this.#isClosed) return;
    const dropped = count - this.#replies.send(this.#fd);
    if (dropped > 0) this.#onDropped?.(dropped);
  }
}
