import { readFile, stat } from 'node:fs/promises';
import { systemReason } from '../../corefile/errors.ts';
import type { Logger } from '../../observe/logger.ts';
import type { Gauge } from '../../observe/metrics.ts';
import { HostsTable, readTable, type TableOptions } from './table.ts';

const NS_PER_S = 1e9;

export type HostsFileOptions = TableOptions & {
  readonly path: string;
  /** Nobody has asked for just this file: it need not be there. */
  readonly isDefault: boolean;
  /** Time between two looks at the file; 0: it is read once. */
  readonly reloadMs: number;
};

export type HostsFileGauges = {
  readonly entries: Gauge;
  /** When the file was changed, in seconds since 1970. */
  readonly changedAt: Gauge;
};

type Version = { readonly stamp: string; readonly changedAtS: number };

/** The table of a file, followed as it changes. What cannot be read leaves the table as it is. */
export class HostsFile {
  readonly #options: HostsFileOptions;
  readonly #log: Logger;
  readonly #gauges: HostsFileGauges;
  /** Entries that are not of the file but are counted with it. */
  readonly #inlineCount: number;
  #table: HostsTable;
  #stamp = '';
  #fault = '';
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: HostsFileOptions, inlineCount: number, log: Logger, gauges: HostsFileGauges) {
    this.#options = options;
    this.#inlineCount = inlineCount;
    this.#log = log;
    this.#gauges = gauges;
    this.#table = new HostsTable(options);
  }

  /** What was read last; nothing before `open`. */
  get table(): HostsTable {
    return this.#table;
  }

  /** A file that is not there may come later; rejects if it may not be read. */
  async open(): Promise<void> {
    const { path, isDefault } = this.#options;
    try {
      await this.#read();
    } catch (error) {
      this.#fault = codeOf(error);
      if (this.#fault === 'ENOENT') {
        if (!isDefault) this.#log.warning(`File does not exist: ${path}`);
      } else if (this.#fault === 'EISDIR') {
        this.#log.warning(`Hosts file "${path}" is a directory`);
      } else {
        throw new Error(`unable to access hosts file '${path}': ${systemReason(error)}`, { cause: error });
      }
    }
    this.#wait();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    const { reloadMs } = this.#options;
    if (reloadMs === 0 || this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#look(), reloadMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    try {
      await this.#read();
      this.#fault = '';
    } catch (error) {
      const fault = codeOf(error);
      if (fault !== this.#fault && !this.#isClosed) {
        this.#log.warning(`keeping the entries of ${this.#options.path}: ${systemReason(error)}`);
      }
      this.#fault = fault;
      this.#stamp = '';
    }
    this.#wait();
  }

  /** Takes what the file has, unless it has not changed. */
  async #read(): Promise<void> {
    const { path } = this.#options;
    const { stamp, changedAtS } = await versionOf(path);
    if (stamp === this.#stamp) return;
    const table = await readTable(await readFile(path, 'utf8'), this.#options);
    if (this.#isClosed) return;
    this.#table = table;
    this.#stamp = stamp;
    const entries = table.count + this.#inlineCount;
    this.#gauges.entries.set(entries);
    this.#gauges.changedAt.set(changedAtS);
    this.#log.debug(`Parsed hosts file into ${entries} entries`);
  }
}

/** Also changes when another file of the same size and time takes the place, as in a ConfigMap's folder. */
async function versionOf(path: string): Promise<Version> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return { stamp: [dev, ino, size, mtimeNs, ctimeNs].join(), changedAtS: Number(mtimeNs) / NS_PER_S };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
