/** Tells the main thread which sockets have something to read. */
export type OnReadable = () => void;

export class Poller {
  /** `onError` gets what a handler throws; the poller goes on. */
  constructor(onError: (error: unknown) => void) {
    void onError;
  }

  /** Calls `onReadable` while there is something to read, once per turn of the event loop. */
  add(fd: number, onReadable: OnReadable): void {
    void fd;
    void onReadable;
  }

  /** To be called before the descriptor is closed. */
  remove(fd: number): void {
    void fd;
  }

  close(): void {}
}
