import { once } from 'node:events';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { Doorbell } from '../../sys/doorbell.ts';
import { clockOriginMs } from './clock-origin.ts';
import { CONTROL_WORDS, PING, PLANS_SENT, PLANS_TAKEN, PONG, STOP, UNSENT } from './controls.ts';
import type { Plan } from './plan.ts';
import { RING_WORDS, RingReader } from './ring.ts';
import type { ThreadData } from './thread.ts';

const WORD_BYTES = 4;
/** Queries that are taken from the ring in one turn of the event loop, between two looks at the upstreams' sockets. */
const DRAIN_RECORDS = 64;
/** How long a thread may take to take over a plan, or to end: it looks at its words between two batches. */
const PATIENCE_MS = 1000;
/** From a start to the next one, should a thread die again and again. */
const MIN_LIFE_MS = 1000;
/** Hits need two objects that live for a batch; the smallest young generation is plenty. */
const YOUNG_GENERATION_MB = 1;
/** The thread's program, beside this file, whether that is the source or what was built of it. */
const SCRIPT = new URL(import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js', import.meta.url);

export type HandleOptions = {
  readonly cache: SharedArrayBuffer;
  readonly nowMs: () => number;
  /** Takes what `reader` has taken from the ring. */
  readonly onRecord: (reader: RingReader) => void;
  /** The thread has ended without being told to; another one is started. */
  readonly onDeath: (reason: string) => void;
  /** For tests. */
  readonly script?: URL;
};

/** One responder, as the resolver sees it: its thread, started again when it dies, and the memory they share. */
export class ResponderHandle {
  readonly #options: HandleOptions;
  readonly #bell = new Doorbell();
  readonly #controls = new SharedArrayBuffer(CONTROL_WORDS * WORD_BYTES);
  readonly #words = new Int32Array(this.#controls);
  readonly #ring = new SharedArrayBuffer(RING_WORDS * WORD_BYTES);
  readonly #reader = new RingReader(this.#words, this.#ring);
  #plan: Plan;
  #port: MessagePort | undefined;
  #worker: Worker | undefined;
  #startedAtMs = Number.NEGATIVE_INFINITY;
  /** When the ping that waits for its answer was sent. */
  #pingedAtMs = 0;
  #isStopping = false;

  constructor(plan: Plan, options: HandleOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#pingedAtMs = options.nowMs();
    this.#start();
    void this.#readRing();
  }

  /** Queries that the ring had no room for, and replies that the kernel did not take: both modulo 2^32. */
  get dropped(): number {
    return this.#reader.dropped;
  }

  get unsent(): number {
    return Atomics.load(this.#words, UNSENT);
  }

  /** From now on it serves by this plan. Resolves once it does, false if it has not after a second. */
  async send(plan: Plan): Promise<boolean> {
    this.#plan = plan;
    this.#port?.postMessage(plan);
    const sent = Atomics.add(this.#words, PLANS_SENT, 1) + 1;
    this.#bell.ring();
    // A wait for a word of memory does not keep the process alive, and while it stops perhaps nothing else does.
    const alive = setTimeout(() => undefined, PATIENCE_MS);
    const isTaken = await this.#untilTaken(sent);
    clearTimeout(alive);
    return isTaken;
  }

  /** Asks for a sign of life; returns for how long, in milliseconds, one has been waited for. */
  ping(): number {
    const nowMs = this.#options.nowMs();
    if (Atomics.load(this.#words, PONG) !== Atomics.load(this.#words, PING)) return nowMs - this.#pingedAtMs;
    this.#pingedAtMs = nowMs;
    Atomics.add(this.#words, PING, 1);
    this.#bell.ring();
    return 0;
  }

  /** Takes up to so many queries from the ring; false if it is empty. */
  drain(limit: number): boolean {
    for (let i = 0; i < limit; i++) {
      if (!this.#reader.take()) return false;
      this.#options.onRecord(this.#reader);
    }
    return !this.#reader.isEmpty;
  }

  /** Tells the thread to end, and waits for nothing: for the end of the process, which waits for its threads. */
  halt(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    Atomics.store(this.#words, STOP, 1);
    this.#bell.ring();
  }

  /** Ends the thread, which closes none of its sockets. */
  async stop(): Promise<void> {
    this.halt();
    this.#reader.wake();
    const worker = this.#worker;
    if (worker !== undefined) {
      const ended = once(worker, 'exit').then(() => true);
      // A thread that hangs in a system call could take its time to be ended; the end of the process does not wait.
      if (!(await Promise.race([ended, sleep(PATIENCE_MS, false)]))) void worker.terminate();
    }
    this.#port?.close();
    this.#bell.close();
  }

  #start(): void {
    const { cache, nowMs, script = SCRIPT } = this.#options;
    const { port1, port2 } = new MessageChannel();
    const task = { cache, controls: this.#controls, ring: this.#ring, bellFd: this.#bell.fd, plan: this.#plan };
    const workerData: ThreadData = { task, port: port2, originMs: clockOriginMs(nowMs) };
    const worker = new Worker(script, {
      workerData,
      transferList: [port2],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    worker.unref();
    port1.unref();
    this.#port?.close();
    this.#port = port1;
    this.#worker = worker;
    this.#startedAtMs = nowMs();
    let reason = 'it ended by itself';
    worker.on('error', (error) => {
      reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    worker.on('exit', () => this.#onExit(reason));
  }

  #onExit(reason: string): void {
    this.#worker = undefined;
    if (this.#isStopping) return;
    this.#options.onDeath(reason);
    const waitMs = this.#startedAtMs + MIN_LIFE_MS - this.#options.nowMs();
    if (waitMs <= 0) this.#start();
    else setTimeout(() => this.#isStopping || this.#start(), waitMs);
  }

  async #untilTaken(sent: number): Promise<boolean> {
    const deadlineMs = this.#options.nowMs() + PATIENCE_MS;
    for (;;) {
      const taken = Atomics.load(this.#words, PLANS_TAKEN);
      if (taken - sent >= 0) return true;
      const leftMs = deadlineMs - this.#options.nowMs();
      if (leftMs <= 0) return false;
      const waiting = Atomics.waitAsync(this.#words, PLANS_TAKEN, taken, leftMs);
      if (waiting.async) await waiting.value;
    }
  }

  async #readRing(): Promise<void> {
    while (!this.#isStopping) {
      if (this.drain(DRAIN_RECORDS)) await nextTurn();
      else await this.#reader.wait();
    }
  }
}
