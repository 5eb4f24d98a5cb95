import net from 'node:net';
import type tls from 'node:tls';
import { messageOf } from '../../corefile/errors.ts';
import type { Logger } from '../../observe/logger.ts';
import type { Counter } from '../../observe/metrics.ts';
import { Backlog } from './backlog.ts';
import { CONTENT_TYPE, type ControlFrame, controlFrame, controlReader, dataFrames } from './frames.ts';

/** To connect, and for each answer of the collector's. */
const PATIENCE_MS = 4000;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 10_000;
/** For the last messages, while a configuration or the process ends. */
const STOP_MS = 1000;
const REPORT_MS = 10_000;
const WRITE_BYTES = 64 * 1024;

/** Where a collector listens. */
export type CollectorAddress =
  | { readonly path: string }
  | { readonly host: string; readonly port: number; readonly tls?: tls.ConnectionOptions };

export type CollectorOptions = {
  readonly address: CollectorAddress;
  /** As the Corefile has it, for the log. */
  readonly name: string;
  readonly maxCount: number;
  readonly maxBytes: number;
  /** So much may be on its way within this process, beside what the kernel holds. */
  readonly writeBufferBytes: number;
  readonly log: Logger;
  readonly dropped: Counter;
};

/** The connection to one collector: it comes back when it is lost, and nobody ever waits for it. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #backlog: Backlog;
  #socket: net.Socket | undefined;
  /** It has accepted what we send. */
  #isOpen = false;
  #isStopping = false;
  #hasSaidStop = false;
  #isScheduled = false;
  #pauseMs = FIRST_PAUSE_MS;
  /** That it cannot be reached has been said. */
  #isReported = false;
  #droppedCount = 0;
  #timer: NodeJS.Timeout | undefined;
  #reportTimer: NodeJS.Timeout | undefined;
  #onFinished: (() => void) | undefined;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#backlog = new Backlog(options.maxCount, options.maxBytes);
  }

  start(): void {
    this.#connect();
  }

  /** Takes the payload, and drops it where too many wait already. */
  put(payload: Uint8Array): void {
    if (!this.#backlog.put(payload)) this.#drop();
    else if (this.#isOpen && !this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(() => this.#flush());
    }
  }

  /** Sends what waits, as far as the collector takes it in time, and says that this was all. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#reportTimer);
    const socket = this.#socket;
    if (socket === undefined) return;
    if (this.#isOpen) {
      const finished = new Promise<void>((resolve) => {
        this.#onFinished = resolve;
        this.#timer = setTimeout(resolve, STOP_MS);
      });
      this.#flush();
      await finished;
      clearTimeout(this.#timer);
    }
    socket.destroy();
  }

  #connect(): void {
    const socket = open(this.#options);
    const read = controlReader();
    this.#socket = socket;
    let reason = 'it has closed the connection';
    socket.unref();
    this.#timer = setTimeout(
      () => socket.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)),
      PATIENCE_MS,
    ).unref();
    socket.write(controlFrame('ready', CONTENT_TYPE));
    socket.on('data', (piece: Buffer) => {
      try {
        for (const frame of read(piece)) this.#receive(frame);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on('drain', () => this.#flush());
    socket.on('error', (error) => {
      reason = messageOf(error);
    });
    socket.once('close', () => this.#closed(reason));
  }

  #receive({ type, contentTypes }: ControlFrame): void {
    if (type === 'finish' && this.#hasSaidStop) {
      this.#onFinished?.();
      return;
    }
    if (type !== 'accept' || this.#isOpen) throw new Error(`it sends ${type.toUpperCase()} out of turn`);
    if (!contentTypes.includes(CONTENT_TYPE)) throw new Error(`it does not accept ${CONTENT_TYPE}`);
    clearTimeout(this.#timer);
    this.#socket?.write(controlFrame('start', CONTENT_TYPE));
    this.#isOpen = true;
    this.#pauseMs = FIRST_PAUSE_MS;
    if (this.#isReported) this.#options.log.info(`Connected to dnstap endpoint ${this.#options.name}`);
    this.#isReported = false;
    this.#flush();
  }

  #flush(): void {
    this.#isScheduled = false;
    const socket = this.#socket;
    if (!this.#isOpen || socket === undefined) return;
    while (this.#backlog.count > 0) {
      // The socket says `drain` when it has taken all.
      if (socket.writableLength >= this.#options.writeBufferBytes) return;
      socket.write(dataFrames(this.#backlog.take(WRITE_BYTES)));
    }
    if (!this.#isStopping || this.#hasSaidStop) return;
    this.#hasSaidStop = true;
    socket.write(controlFrame('stop'));
  }

  #closed(reason: string): void {
    const { log, name } = this.#options;
    clearTimeout(this.#timer);
    this.#socket = undefined;
    this.#onFinished?.();
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    if (this.#isStopping) return;
    if (wasOpen) log.warning(`Connection to dnstap endpoint ${name} lost: ${reason}`);
    else if (!this.#isReported) log.error(`No connection to dnstap endpoint ${name}: ${reason}`);
    this.#isReported = true;
    this.#timer = setTimeout(() => this.#connect(), this.#pauseMs).unref();
    this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS);
  }

  /** Counts it; the log gets one line for many. */
  #drop(): void {
    this.#options.dropped.inc();
    this.#droppedCount++;
    this.#reportTimer ??= setTimeout(() => {
      this.#options.log.warning(`Dropped dnstap messages: ${this.#droppedCount}`);
      this.#droppedCount = 0;
      this.#reportTimer = undefined;
    }, REPORT_MS).unref();
  }
}

function open({ address }: CollectorOptions): net.Socket {
  if ('path' in address) return net.connect({ path: address.path });
  const { host, port } = address;
  if (address.tls === undefined) return net.connect({ host, port });
  return process.getBuiltinModule('node:tls').connect({ ...address.tls, host, port });
}
