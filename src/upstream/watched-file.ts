import { readFile } from 'node:fs/promises';

const DEFAULT_INTERVAL_MS = 2000;

export type WatchedFileOptions = {
  readonly path: string;
  /** What the file holds when watching begins, or why it could not be read. */
  readonly content: string | Error;
  readonly intervalMs?: number;
  /** The file holds something else, or cannot be read; called once for each such change. */
  readonly onChange: (content: string | Error) => void;
};

/**
 * Reads a small file again every two seconds. That sees every way of changing one (written in place, renamed over,
 * reached through links that are swapped, on any file system), which no notification does.
 */
export class WatchedFile {
  readonly #options: WatchedFileOptions;
  #last: string;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: WatchedFileOptions) {
    this.#options = options;
    this.#last = String(options.content);
  }

  start(): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#look(), this.#options.intervalMs ?? DEFAULT_INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    const content = await readFile(this.#options.path, 'utf8').catch((error: Error) => error);
    if (this.#isStopped) return;
    const seen = String(content);
    if (seen !== this.#last) {
      this.#last = seen;
      this.#options.onChange(content);
    }
    this.start();
  }
}
