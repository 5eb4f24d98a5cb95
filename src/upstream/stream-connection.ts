import type net from 'node:net';
import { hostPort } from '../sys/socket.ts';
import { readU16 } from '../wire/bytes.ts';
import { ID_OFFSET } from '../wire/header.ts';
import { parseMessage } from '../wire/view.ts';
import type { Channel, OpenChannel } from './channel.ts';
import { type Exchange, type Holder, type OnStray, PendingTable } from './exchange.ts';
import { fitOf, isReadable } from './reply.ts';
import type { Timed, TimerWheel } from './timer-wheel.ts';

export type StreamConnectionOptions = {
  readonly openChannel: OpenChannel;
  readonly wheel: TimerWheel;
  readonly nowMs: () => number;
  readonly readTimeoutMs: number;
  /** A connection that nobody has used for so long is closed. */
  readonly idleMs: number;
  /** From then on it takes no queries. */
  readonly retireAtMs: number;
  readonly onStray: OnStray;
  /** Its first query was answered. */
  readonly onProven: () => void;
  /** Nothing is in flight on it any more. */
  readonly onIdle: () => void;
  /** It is not open any more; `error` is set when the peer broke it off before it had answered anything. */
  readonly onClosed: (connection: StreamConnection, error: Error | undefined) => void;
  /** It closed under a query that another connection may well answer. */
  readonly onMoved: (exchange: Exchange) => void;
};

/** More in flight than this, and the next query takes another connection. */
const MAX_IN_FLIGHT = 4096;
/** A connection on which nothing has come back for so long while something is awaited is held up by a slow answer. */
const STALL_MS = 100;
/** A query that breaks each connection that it comes to shall not do so for long. */
const MAX_MOVES = 8;
/** Messages that answer nothing: late answers come now and then, so many in all are no DNS server's. */
const MAX_STRAYS = 1024;

/**
 * One established connection to an upstream, over TCP, TLS or HTTPS, with many queries in flight, told apart by their
 * ids and answered in any order (RFC 7766 §6.2.1.1).
 */
export class StreamConnection implements Holder, Timed {
  readonly #channel: Channel;
  readonly #options: StreamConnectionOptions;
  readonly #pending = new PendingTable();
  readonly #localText: string;
  readonly #remoteText: string;
  #replyCount = 0;
  #strayCount = 0;
  #lastUsedMs: number;
  /** When an answer last came, or was first awaited. */
  #lastProgressMs: number;
  #retired = false;
  #closed = false;
  dueAtMs = 0;
  wheelSlot = -1;
  wheelPrevious: Timed | undefined;
  wheelNext: Timed | undefined;

  constructor(socket: net.Socket, remoteText: string, options: StreamConnectionOptions) {
    const nowMs = options.nowMs();
    this.#options = options;
    this.#localText = hostPort(socket.localAddress ?? '', socket.localPort ?? 0);
    this.#remoteText = remoteText;
    this.#lastUsedMs = nowMs;
    this.#lastProgressMs = nowMs;
    options.wheel.add(this, nowMs + options.idleMs);
    this.#channel = options.openChannel(socket, {
      onMessage: (message) => this.#onMessage(message),
      onFailed: (id, text) => this.#onFailed(id, text),
      onEnding: () => this.retire(),
      onClosed: (text, culpritId) => this.#onBroken(text, culpritId),
    });
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  get isFull(): boolean {
    return this.#pending.size >= MAX_IN_FLIGHT;
  }

  /** Whether it shall take no further queries. */
  isOver(nowMs: number): boolean {
    return this.#retired || nowMs >= this.#options.retireAtMs;
  }

  /** Whether a further query would probably have to wait for a slow one: some servers answer in order. */
  isStalled(nowMs: number): boolean {
    return this.#pending.size > 0 && nowMs - this.#lastProgressMs > STALL_MS;
  }

  ask(exchange: Exchange, nowMs: number): void {
    const { bytes } = exchange.request;
    if (this.#pending.size === 0) this.#lastProgressMs = nowMs;
    this.#lastUsedMs = nowMs;
    this.#pending.add(exchange);
    exchange.holder = this;
    exchange.sentAtMs = nowMs;
    exchange.repliesBefore = this.#replyCount;
    this.#options.wheel.add(exchange, Math.min(nowMs + this.#options.readTimeoutMs, exchange.deadlineMs));
    this.#channel.send(bytes, exchange.id);
  }

  /** Takes no more queries and closes once those in flight have been answered. */
  retire(): void {
    this.#retired = true;
    if (this.#pending.size === 0) this.#close('retired');
  }

  /** Closes it at once; what is in flight fails. */
  abort(): void {
    this.#close('use of closed network connection');
  }

  onTimeout(exchange: Exchange): void {
    const isDead = this.#lastProgressMs <= exchange.sentAtMs;
    this.#fail(exchange, 'i/o timeout');
    // Not a sign of life since that query: the others in flight wait in vain, too.
    if (isDead) this.#abandon('i/o timeout');
  }

  /** Nobody may have used it for a while. */
  onDue(nowMs: number): void {
    const idleUntilMs = this.#lastUsedMs + this.#options.idleMs;
    if (this.#pending.size === 0 && nowMs >= idleUntilMs) this.retire();
    else this.#options.wheel.add(this, Math.max(idleUntilMs, nowMs + 1));
  }

  /** Returns false when the connection takes no more messages. */
  #onMessage(message: Uint8Array): boolean {
    const exchange = this.#pending.find(readU16(message, ID_OFFSET));
    if (exchange === undefined || fitOf(exchange, message, message.length) !== 'whole') {
      this.#options.onStray(message, exchange);
      if (++this.#strayCount >= MAX_STRAYS) this.#onBroken('answers to questions that were not asked');
      return !this.#closed;
    }
    const reply = parseMessage(message);
    if (!exchange.headerSuffices && !isReadable(reply)) {
      // Who frames rubbish may also have lost count of the frames.
      this.#retired = true;
      this.#fail(exchange, 'malformed reply');
    } else {
      if (this.#replyCount++ === 0) this.#options.onProven();
      this.#lastProgressMs = this.#options.nowMs();
      this.#settle(exchange);
      exchange.asker.onReply(reply);
    }
    return !this.#closed;
  }

  #onFailed(id: number, text: string): void {
    const exchange = this.#pending.find(id);
    if (exchange !== undefined) this.#fail(exchange, text);
  }

  /** The peer has closed it or sends rubbish; `culpritId` is that of the message that it was at. */
  #onBroken(text: string, culpritId = -1): void {
    if (this.#closed) return;
    if (this.#replyCount > 0) this.#abandon(text, culpritId);
    else this.#close(text, this.#error(text));
  }

  /**
   * Closes a connection that is of no use any more. That is no failure of the queries on it: a peer may close when it
   * likes, and what broke it was most likely another query. Each moves to a new connection once, and several times
   * where others were answered meanwhile.
   */
  #abandon(text: string, culpritId = -1): void {
    const unanswered = this.#pending.takeAll();
    this.#close(text);
    for (const exchange of unanswered) {
      const maxMoves = this.#replyCount > exchange.repliesBefore ? MAX_MOVES : 1;
      const mayMove = exchange.id !== culpritId && exchange.moveCount++ < maxMoves;
      this.#options.wheel.remove(exchange);
      exchange.holder = undefined;
      if (mayMove) this.#options.onMoved(exchange);
      else exchange.asker.onFailure(this.#error(text));
    }
  }

  #fail(exchange: Exchange, text: string): void {
    const error = this.#error(text);
    this.#settle(exchange);
    exchange.asker.onFailure(error);
  }

  #settle(exchange: Exchange): void {
    this.#pending.delete(exchange);
    this.#options.wheel.remove(exchange);
    exchange.holder = undefined;
    if (this.#pending.size > 0) return;
    if (this.#retired) this.#close('retired');
    else this.#options.onIdle();
  }

  #error(text: string): Error {
    return new Error(`read tcp ${this.#localText}->${this.#remoteText}: ${text}`);
  }

  #close(text: string, error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#retired = true;
    this.#options.wheel.remove(this);
    this.#channel.close();
    this.#options.onClosed(this, error);
    for (const exchange of this.#pending.takeAll()) this.#fail(exchange, text);
  }
}
