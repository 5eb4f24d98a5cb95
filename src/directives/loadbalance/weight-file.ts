import { readFile } from 'node:fs/promises';
import { durationText } from '../../corefile/duration.ts';
import { messageOf } from '../../corefile/errors.ts';
import type { Logger } from '../../observe/logger.ts';
import { WatchedFile } from '../../upstream/watched-file.ts';
import { parseWeights, type Weights } from './weights.ts';

export type WeightFileOptions = {
  readonly path: string;
  /** Time between two looks at the file; 0: it is read once. */
  readonly reloadMs: number;
};

/** The weights of a file, followed as it changes. */
export class WeightFile {
  readonly #options: WeightFileOptions;
  readonly #log: Logger;
  #weights: Weights = new Map();
  #watched: WatchedFile | undefined;

  constructor(options: WeightFileOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
  }

  /** Those that were read last; none before `open`. */
  get weights(): Weights {
    return this.#weights;
  }

  /** Rejects if the file is wrong, or if it cannot be read and will not be tried again. */
  async open(): Promise<void> {
    const { path, reloadMs } = this.#options;
    const content = await readFile(path, 'utf8').catch((error: Error) => error);
    if (content instanceof Error) {
      if (reloadMs === 0) throw content;
      this.#log.warning(`Failed to open weight file: ${content.message}. Will try again in ${durationText(reloadMs)}`);
    } else {
      this.#take(content);
    }
    if (reloadMs === 0) return;
    this.#watched = new WatchedFile({ path, content, intervalMs: reloadMs, onChange: (next) => this.#onChange(next) });
    this.#watched.start();
  }

  close(): void {
    this.#watched?.stop();
  }

  /** Files are written by others: a bad one leaves the weights as they are. */
  #onChange(content: string | Error): void {
    try {
      if (content instanceof Error) throw content;
      this.#take(content);
    } catch (error) {
      this.#log.error(`keeping the weights of ${this.#options.path}: ${messageOf(error)}`);
    }
  }

  #take(text: string): void {
    const { path } = this.#options;
    this.#weights = parseWeights(text, path);
    this.#log.info(`Successfully reloaded weight file ${path}`);
  }
}
