import { writeSync } from 'node:fs';
import { LineWriter } from './line-writer.ts';

const STDOUT = 1;

/** What all loggers of a process share. */
type Shared = { readonly lines: LineWriter; debugHolds: number };

/** Lines as operators of CoreDNS know them: `[INFO] text`, `[INFO] plugin/cache: text`. */
export class Logger {
  readonly #shared: Shared;
  readonly #prefix: string;

  constructor(lines: LineWriter | Shared, prefix = '') {
    this.#shared = lines instanceof LineWriter ? { lines, debugHolds: 0 } : lines;
    this.#prefix = prefix;
  }

  /** The logger of a directive. */
  plugin(name: string): Logger {
    return new Logger(this.#shared, `plugin/${name}: `);
  }

  /** Whether DEBUG lines are printed: to be asked before one that is costly to put together. */
  get isDebug(): boolean {
    return this.#shared.debugHolds > 0;
  }

  debug(text: string): void {
    if (this.isDebug) this.#add('DEBUG', text);
  }

  info(text: string): void {
    this.#add('INFO', text);
  }

  warning(text: string): void {
    this.#add('WARNING', text);
  }

  error(text: string): void {
    this.#add('ERROR', text);
  }

  /** To be followed by the end of the process: the line is out when this returns. */
  fatal(text: string): void {
    this.#add('FATAL', text);
    this.flushSync();
  }

  /** A line without level. */
  line(text: string): void {
    this.#shared.lines.add(text);
  }

  /** Prints DEBUG lines from now on. Returns what ends it; they are printed as long as anybody wants them. */
  holdDebug(): () => void {
    let held = true;
    this.#shared.debugHolds++;
    return () => {
      if (held) this.#shared.debugHolds--;
      held = false;
    };
  }

  /** Before the process ends. */
  flushSync(): void {
    this.#shared.lines.flushSync();
  }

  #add(level: string, text: string): void {
    this.#shared.lines.add(`[${level}] ${this.#prefix}${text}`);
  }
}

/** For whom the lines are of no use. */
export function silentLogger(): Logger {
  return new Logger(new LineWriter((bytes) => bytes.length));
}

/** The logger to standard output. */
export function stdoutLogger(): Logger {
  // Opening the stream makes a pipe non-blocking, so that a reader who is stuck does not stop the event loop.
  void process.stdout.writable;
  const logger = new Logger(new LineWriter((bytes) => writeSync(STDOUT, bytes)));
  process.once('exit', () => logger.flushSync());
  return logger;
}
