const MAX_PENDING_BYTES = 4 * 1024 * 1024;
const RETRY_MS = 20;
/** How long a slow reader may take for the last lines of the process. */
const MAX_FLUSH_MS = 1000;
const NOTHING = new Uint8Array();

/** Writes what can be taken at once and returns how many bytes that was; throws as `fs.writeSync` does. */
export type WriteBytes = (bytes: Uint8Array) => number;

/** Lines on their way out: one write per turn of the event loop, which never waits for a reader. */
export class LineWriter {
  readonly #write: WriteBytes;
  readonly #maxPendingBytes: number;
  #lines: string[] = [];
  #lineBytes = 0;
  /** What the last write left over. */
  #rest: Uint8Array = NOTHING;
  #droppedCount = 0;
  #scheduled = false;

  constructor(write: WriteBytes, maxPendingBytes = MAX_PENDING_BYTES) {
    this.#write = write;
    this.#maxPendingBytes = maxPendingBytes;
  }

  /** Adds a line, given without its end. When too much is pending it is dropped, and counted. */
  add(line: string): void {
    if (this.#lineBytes + this.#rest.length >= this.#maxPendingBytes) {
      this.#droppedCount++;
      return;
    }
    this.#lines.push(line);
    this.#lineBytes += line.length + 1;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  /** Writes everything before it returns, unless the reader is stuck. */
  flushSync(): void {
    const giveUpAtMs = performance.now() + MAX_FLUSH_MS;
    while (!this.#drain() && performance.now() < giveUpAtMs) sleepSync(RETRY_MS);
  }

  #turn(): void {
    this.#scheduled = !this.#drain();
    if (this.#scheduled) setTimeout(() => this.#turn(), RETRY_MS).unref();
  }

  /** False if the reader takes no more for now. */
  #drain(): boolean {
    for (;;) {
      if (this.#rest.length === 0) this.#rest = this.#takeLines();
      if (this.#rest.length === 0) return true;
      try {
        this.#rest = this.#rest.subarray(this.#write(this.#rest));
      } catch (error) {
        if (isErrno(error, 'EAGAIN')) return false;
        this.#rest = NOTHING; // Nobody reads, or the disk is full. Later lines may find it better.
      }
    }
  }

  #takeLines(): Uint8Array {
    if (this.#droppedCount > 0) {
      this.#lines.push(`[WARNING] ${this.#droppedCount} log lines dropped: standard output is not read fast enough`);
      this.#droppedCount = 0;
    }
    if (this.#lines.length === 0) return NOTHING;
    this.#lines.push('');
    const bytes = Buffer.from(this.#lines.join('\n'));
    this.#lines = [];
    this.#lineBytes = 0;
    return bytes;
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function sleepSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, ms);
}
