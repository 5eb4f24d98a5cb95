import type net from 'node:net';
import type { OpenChannel } from './channel.ts';
import { DialTiming } from './dial-timing.ts';
import type { Dialer } from './dialer.ts';
import type { Exchange, Holder, OnStray } from './exchange.ts';
import { shortened } from './random.ts';
import { StreamConnection } from './stream-connection.ts';
import type { TimerWheel } from './timer-wheel.ts';

/**
 * One connection carries everything, many queries at a time. Further ones are opened only beside connections that a
 * slow answer holds up: servers that answer strictly in order, CoreDNS among them, would let one slow name delay all
 * others.
 */
const MAX_CONNECTIONS = 8;
/** An attempt spends no longer on waiting for a connection; the dial itself may go on for the next one. */
const MAX_WAIT_MS = 2000;
/** Long enough to be worth its dial, short enough that upstreams that come up get their share. */
const MAX_AGE_MS = 300_000;
const MAX_AGE_SPREAD = 0.25;

export type StreamPoolOptions = {
  readonly openChannel: OpenChannel;
  readonly wheel: TimerWheel;
  readonly nowMs: () => number;
  readonly readTimeoutMs: number;
  readonly idleMs: number;
  /** Connections take no queries once they are older; 0 is the pool's own limit. */
  readonly maxAgeMs: number;
  /** Connections kept without work; 0 is no limit but the pool's own. */
  readonly maxIdle: number;
  readonly onStray: OnStray;
  /** Whether there was a connection for a query. */
  readonly onTake: (reused: boolean) => void;
};

/** The connections to one upstream over TCP, TLS or HTTPS. */
export class StreamPool implements Holder {
  readonly #dialer: Pick<Dialer, 'dial'>;
  readonly #remoteText: string;
  readonly #options: StreamPoolOptions;
  readonly #timing = new DialTiming();
  readonly #connections = new Set<StreamConnection>();
  /** Queries that wait for the one dial that is under way. */
  readonly #waiting = new Set<Exchange>();
  #cancelDial: (() => void) | undefined;
  #lastError: Error | undefined;
  #retired = false;

  constructor(dialer: Pick<Dialer, 'dial'>, remoteText: string, options: StreamPoolOptions) {
    this.#dialer = dialer;
    this.#remoteText = remoteText;
    this.#options = options;
  }

  /** Connections open, the one being dialled among them. */
  get size(): number {
    return this.#connections.size + (this.#cancelDial === undefined ? 0 : 1);
  }

  exchange(exchange: Exchange, nowMs: number): void {
    const connection = this.#leastBusy(nowMs);
    const useIt = connection !== undefined && !(connection.isStalled(nowMs) && this.#mayAddConnection(nowMs));
    this.#options.onTake(useIt);
    if (useIt) connection.ask(exchange, nowMs);
    else this.#waitForConnection(exchange, nowMs);
  }

  /** Closes each connection once its last query is answered, also those that are opened from now on. */
  retire(): void {
    this.#retired = true;
    for (const connection of this.#connections) connection.retire();
    if (this.#waiting.size === 0) this.#giveUpDial();
  }

  /** It waited too long for a connection. */
  onTimeout(exchange: Exchange): void {
    this.#stopWaiting(exchange);
    if (this.#retired && this.#waiting.size === 0) this.#giveUpDial();
    exchange.asker.onFailure(this.#error('i/o timeout'));
  }

  #leastBusy(nowMs: number): StreamConnection | undefined {
    let best: StreamConnection | undefined;
    for (const connection of this.#connections) {
      if (connection.isOver(nowMs)) connection.retire();
      else if (!connection.isFull && connection.inFlight < (best?.inFlight ?? Number.POSITIVE_INFINITY))
        best = connection;
    }
    return best;
  }

  #mayAddConnection(nowMs: number): boolean {
    if (this.#connections.size >= MAX_CONNECTIONS) return false;
    return this.#cancelDial !== undefined || this.#timing.mayDial(nowMs);
  }

  #waitForConnection(exchange: Exchange, nowMs: number): void {
    if (this.#cancelDial === undefined && !this.#mayAddConnection(nowMs)) {
      const error = this.#timing.mayDial(nowMs) ? undefined : this.#lastError;
      exchange.asker.onFailure(error ?? this.#error('too many queries in flight'));
      return;
    }
    exchange.holder = this;
    this.#waiting.add(exchange);
    this.#options.wheel.add(exchange, Math.min(nowMs + MAX_WAIT_MS, exchange.deadlineMs));
    if (this.#cancelDial === undefined) this.#dial(nowMs, exchange.deadlineMs);
  }

  #stopWaiting(exchange: Exchange): void {
    this.#waiting.delete(exchange);
    this.#options.wheel.remove(exchange);
    exchange.holder = undefined;
  }

  #dial(startedAtMs: number, deadlineMs: number): void {
    const timeoutMs = Math.min(this.#timing.timeoutMs, Math.max(1, deadlineMs - startedAtMs));
    this.#cancelDial = this.#dialer.dial(timeoutMs, (result) => {
      this.#cancelDial = undefined;
      const nowMs = this.#options.nowMs();
      if (result instanceof Error) this.#onDialFailed(result, nowMs - startedAtMs, nowMs);
      else this.#onDialed(result, nowMs - startedAtMs, nowMs);
    });
  }

  #onDialed(socket: net.Socket, tookMs: number, nowMs: number): void {
    this.#timing.onConnected(tookMs);
    const { openChannel, wheel, readTimeoutMs, idleMs, maxAgeMs, onStray } = this.#options;
    const connection = new StreamConnection(socket, this.#remoteText, {
      openChannel,
      wheel,
      nowMs: this.#options.nowMs,
      readTimeoutMs,
      idleMs,
      retireAtMs: nowMs + shortened(maxAgeMs === 0 ? MAX_AGE_MS : maxAgeMs, MAX_AGE_SPREAD),
      onStray,
      onIdle: () => this.#onIdle(connection),
      onProven: () => this.#timing.onAnswered(),
      onClosed: (closed, error) => this.#onClosed(closed, error),
      onMoved: (exchange) => this.exchange(exchange, this.#options.nowMs()),
    });
    this.#connections.add(connection);
    for (const exchange of this.#waiting) {
      if (connection.isFull) break;
      this.#stopWaiting(exchange);
      connection.ask(exchange, nowMs);
    }
    if (this.#retired) connection.retire();
  }

  /** One that breaks off without an answer is as good as none: the next dial waits like after one that was refused. */
  #onClosed(connection: StreamConnection, error: Error | undefined): void {
    this.#connections.delete(connection);
    if (error === undefined) return;
    this.#lastError = error;
    this.#timing.backOff(this.#options.nowMs());
  }

  #onDialFailed(error: Error, tookMs: number, nowMs: number): void {
    this.#timing.onFailed(tookMs, nowMs);
    this.#lastError = error;
    // First all of them leave the set: whoever hears of it may ask again at once.
    const failed = [...this.#waiting];
    for (const exchange of failed) this.#stopWaiting(exchange);
    for (const exchange of failed) exchange.asker.onFailure(error);
  }

  /** Keeps no more idle connections than the operator wants. */
  #onIdle(connection: StreamConnection): void {
    const { maxIdle } = this.#options;
    if (maxIdle === 0) return;
    let idleCount = 0;
    for (const { inFlight } of this.#connections) if (inFlight === 0) idleCount++;
    if (idleCount > maxIdle) connection.retire();
  }

  #error(text: string): Error {
    return new Error(`dial tcp ${this.#remoteText}: ${text}`);
  }

  #giveUpDial(): void {
    this.#cancelDial?.();
    this.#cancelDial = undefined;
  }
}
