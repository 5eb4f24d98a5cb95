import type net from 'node:net';
import { isIPv4 } from 'node:net';
import { HEADER_BYTES } from '../wire/header.ts';
import type { Client, Receive } from './client.ts';
import { frame, MessageAssembler } from './tcp-framing.ts';

/** Queries of one connection that are answered at a time; the next ones wait in the kernel. */
const MAX_INFLIGHT = 128;
/** Unsent answers at which a connection is not read on, for its client does not read them. */
const MAX_UNSENT_BYTES = 1024 * 1024;
/** No query takes that long: a connection that waits for an answer as long has lost it. */
const MAX_ANSWER_MS = 30_000;

/** How an IPv4 client of a dual-stack socket is shown. */
const V4_MAPPED = '::ffff:';

/** Time for a connection's first message, and for each later one, counted from when it could begin. */
export type TcpTimeouts = { readonly readMs: number; readonly idleMs: number };

/** What the connections of a listener share; a reload may exchange it. */
export type ConnectionOwner = {
  timeouts: TcpTimeouts;
  /** After so many queries a connection ends. */
  maxQueries: number;
  receive: Receive;
  /** How long a client may take to end its half after we have ended ours. */
  readonly lingerMs: number;
  readonly onClosed: (connection: TcpConnection) => void;
};

/**
 * One client's connection: queries pipelined, answers as they come (RFC 7766 §6.2.1.1). It is not closed as idle while a
 * query is in flight.
 */
export class TcpConnection {
  readonly family: 4 | 6;
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly #socket: net.Socket;
  readonly #owner: ConnectionOwner;
  readonly #assembler = new MessageAssembler();
  readonly #endTurn = () => this.#onTurnEnd();
  #queryCount = 0;
  #inflight = 0;
  /** Messages have come that must wait until there is room for them. */
  #isBlocked = false;
  /** It ends at its first idle moment, and reads on until then. */
  #isDraining = false;
  /** No more is read: the client has ended its half or asked all it may, or the listener closes. */
  #isEnding = false;
  /** Our half is ended; what still comes is thrown away. */
  #isFinished = false;
  #hasTurnEnd = false;
  #timer: NodeJS.Timeout;
  #timerMs: number;

  constructor(socket: net.Socket, owner: ConnectionOwner) {
    const address = socket.remoteAddress ?? '';
    this.family = isIPv4(address) || address.startsWith(V4_MAPPED) ? 4 : 6;
    this.address = withoutMapping(address);
    this.port = socket.remotePort ?? 0;
    this.localAddress = withoutMapping(socket.localAddress ?? '');
    this.localPort = socket.localPort ?? 0;
    this.#socket = socket;
    this.#owner = owner;
    this.#timerMs = owner.timeouts.readMs;
    this.#timer = setTimeout(() => this.#onTimeout(), this.#timerMs);
    socket.on('data', (chunk: Buffer<ArrayBuffer>) => {
      if (this.#isFinished) return;
      this.#assembler.push(chunk);
      this.#serve();
    });
    socket.on('drain', () => this.#onDrain());
    socket.on('end', () => this.end());
    socket.on('error', ignore);
    socket.on('close', () => {
      clearTimeout(this.#timer);
      owner.onClosed(this);
    });
  }

  /** Ends the connection as soon as nothing is under way on it; one that has asked nothing yet is about to. */
  drain(): void {
    this.#isDraining = true;
    this.#awaitTurnEnd();
  }

  /** Reads no more, and ends the connection when its answers have been sent. */
  end(): void {
    if (this.#isFinished) return;
    this.#isEnding = true;
    this.#socket.pause();
    this.#awaitTurnEnd();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** One query has its answer; none if it was dropped. Only for the connection's clients. */
  settle(message: Uint8Array | undefined): void {
    this.#inflight--;
    if (this.#isFinished || this.#socket.destroyed) return;
    this.#awaitTurnEnd();
    if (message !== undefined) this.#socket.write(frame(message));
    if (this.#inflight === 0) this.#startTimer(this.#owner.timeouts.idleMs);
  }

  #serve(): void {
    while (!this.#isFull()) {
      const message = this.#assembler.next();
      if (message === undefined) return;
      this.#startTimer(this.#owner.timeouts.idleMs);
      if (message.length < HEADER_BYTES) continue;
      this.#queryCount++;
      this.#inflight++;
      this.#owner.receive(message, new TcpClient(this));
      if (this.#queryCount >= this.#owner.maxQueries) {
        this.end();
        return;
      }
    }
    this.#isBlocked = true;
    this.#socket.pause();
  }

  #isFull(): boolean {
    return this.#inflight >= MAX_INFLIGHT || this.#socket.writableLength > MAX_UNSENT_BYTES;
  }

  /** What is written from now on leaves in one piece, once the promises of this turn of the event loop have settled. */
  #awaitTurnEnd(): void {
    if (this.#hasTurnEnd) return;
    this.#hasTurnEnd = true;
    this.#socket.cork();
    process.nextTick(this.#endTurn);
  }

  #onTurnEnd(): void {
    this.#hasTurnEnd = false;
    this.#socket.uncork();
    if (this.#socket.destroyed) return;
    if (this.#isBlocked && !this.#isFull()) {
      this.#isBlocked = false;
      this.#serve();
      if (!this.#isBlocked && !this.#isEnding) this.#socket.resume();
    }
    if (this.#isBlocked || this.#inflight > 0) return;
    if (this.#isEnding) this.#finish();
    else if (this.#isDraining) this.#endIfIdle();
  }

  /** Two immediates are one whole turn: what has arrived by now is read in it. */
  #endIfIdle(): void {
    const queryCount = this.#queryCount;
    if (queryCount === 0 || this.#assembler.hasBegun) return;
    const look = () => {
      if (this.#queryCount === queryCount && !this.#assembler.hasBegun) this.end();
    };
    setImmediate(() => setImmediate(look));
  }

  /**
   * Ends our half, and takes what still comes until the client ends its own: closed with something unread, the kernel would
   * reset the connection, and a query that met our end on its way would look like a fault.
   */
  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#socket.end(() => {
      clearTimeout(this.#timer);
      if (!this.#socket.destroyed) this.#timer = setTimeout(() => this.destroy(), this.#owner.lingerMs);
    });
    this.#socket.resume();
  }

  /** The client has read what waited for it. */
  #onDrain(): void {
    if (this.#isFinished) return;
    this.#startTimer(this.#owner.timeouts.idleMs);
    this.#awaitTurnEnd();
  }

  #startTimer(durationMs: number): void {
    if (durationMs === this.#timerMs) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer);
    this.#timerMs = durationMs;
    this.#timer = setTimeout(() => this.#onTimeout(), durationMs);
  }

  #onTimeout(): void {
    if (this.#inflight > 0 && this.#timerMs < MAX_ANSWER_MS) this.#startTimer(MAX_ANSWER_MS);
    // A client that does not read its answers is not waited for.
    else if (this.#socket.writableLength > 0) this.#socket.destroy();
    else this.#finish();
  }
}

/** One query on a connection. */
class TcpClient implements Client {
  readonly #connection: TcpConnection;
  #isSettled = false;

  constructor(connection: TcpConnection) {
    this.#connection = connection;
  }

  get protocol(): 'tcp' {
    return 'tcp';
  }

  get family(): 4 | 6 {
    return this.#connection.family;
  }

  get address(): string {
    return this.#connection.address;
  }

  get port(): number {
    return this.#connection.port;
  }

  get localAddress(): string {
    return this.#connection.localAddress;
  }

  get localPort(): number {
    return this.#connection.localPort;
  }

  send(message: Uint8Array): void {
    this.#settle(message);
  }

  drop(): void {
    this.#settle(undefined);
  }

  #settle(message: Uint8Array | undefined): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#connection.settle(message);
  }
}

function withoutMapping(address: string): string {
  return address.startsWith(V4_MAPPED) ? address.slice(V4_MAPPED.length) : address;
}

/** What goes wrong on a connection ends it; `close` follows. */
function ignore(): void {}
