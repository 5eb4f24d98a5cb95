import net from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { close, localPort, openTcp, SELF_MARK, setMark, waitingConnections } from '../sys/socket.ts';
import type { Receive } from './client.ts';
import { type ConnectionOwner, TcpConnection, type TcpTimeouts } from './tcp-connection.ts';

const UNLIMITED = Number.POSITIVE_INFINITY;
const READ_ON_MS = 500;
const LINGER_MS = 500;

export type TcpListenerOptions = {
  /** An IP address, or `''` for all of the host's. */
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The address need not be there yet. */
  readonly mayComeLater?: boolean;
  /** Connections that the kernel keeps until they are accepted. */
  readonly backlog: number;
  /** Above it a new connection is closed at once. */
  readonly maxConnections: number;
  readonly timeouts: TcpTimeouts;
  /** After so many queries a connection ends; without it never. */
  readonly maxQueries?: number | undefined;
  /** How long a client may take to end its half after we have ended ours. */
  readonly lingerMs?: number;
  /** Gets each query; it may answer at once or later. It must not throw. */
  readonly receive: Receive;
  /** A connection was closed because there were too many, or could not be accepted; then nothing is known of its client. */
  readonly onRejected?: (clientPort: number | undefined) => void;
};

type CloseOptions = {
  readonly graceMs: number;
  /** So long connections may still ask that are never idle, or that have not asked anything. */
  readonly readOnMs?: number;
};

/** One listening TCP socket and its connections. It outlives reloads of the configuration. */
export class TcpListener {
  readonly address: string;
  readonly port: number;
  readonly #fd: number;
  readonly #backlog: number;
  readonly #server: net.Server;
  readonly #connections = new Set<TcpConnection>();
  readonly #owner: ConnectionOwner;
  #isStarted = false;
  #closing: Promise<void> | undefined;

  /** Opens the socket; throws a SystemError. Connections wait in its queue until `start`. */
  constructor(options: TcpListenerOptions) {
    const { address, port, backlog, mayComeLater = false, maxConnections, timeouts } = options;
    const { maxQueries = UNLIMITED, lingerMs = LINGER_MS, receive, onRejected } = options;
    // Where another instance has the traffic, its rules bring the first connection as soon as the socket listens.
    this.#fd = openTcp({ address, port, backlog, mayComeLater, mark: mayComeLater ? SELF_MARK : 0 });
    this.address = address;
    this.port = localPort(this.#fd);
    this.#backlog = backlog;
    const onClosed = (connection: TcpConnection) => this.#connections.delete(connection);
    this.#owner = { timeouts, maxQueries, lingerMs, receive, onClosed };
    // A client that has sent its last query closes its half, and still gets its answers.
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#connections.add(new TcpConnection(socket, this.#owner)),
    );
    this.#server.maxConnections = maxConnections;
    this.#server.on('drop', (client) => onRejected?.(client?.remotePort));
    // An accept that failed, for want of memory or of a descriptor, costs that connection and not the process.
    this.#server.on('error', () => onRejected?.(undefined));
  }

  start(): void {
    if (this.#isStarted || this.#closing !== undefined) return;
    this.#isStarted = true;
    this.#server.listen({ fd: this.#fd, backlog: this.#backlog });
  }

  /** Connections from now on are known to the rules of the node as ours, or not. */
  mark(isOurs: boolean): void {
    if (this.#closing === undefined) setMark(this.#fd, isOurs ? SELF_MARK : 0);
  }

  /** They hold from each connection's next message on. */
  setTimeouts(timeouts: TcpTimeouts): void {
    this.#owner.timeouts = timeouts;
  }

  /** It holds for connections that are open, too. */
  setMaxQueries(count = UNLIMITED): void {
    this.#owner.maxQueries = count;
  }

  /** Queries from now on go to `receive`. */
  setReceive(receive: Receive): void {
    this.#owner.receive = receive;
  }

  /**
   * Accepts what the kernel has connected already and then no more, ends each connection once it has its answers, and after
   * `graceMs` all that are left. Resolves when none is left.
   */
  close({ graceMs, readOnMs = Math.min(READ_ON_MS, graceMs) }: CloseOptions): Promise<void> {
    this.#closing ??= this.#drainAndClose(graceMs, readOnMs);
    return this.#closing;
  }

  async #drainAndClose(graceMs: number, readOnMs: number): Promise<void> {
    if (!this.#isStarted) {
      close(this.#fd);
      return;
    }
    await this.#acceptWaiting(performance.now() + readOnMs);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const forEach = (act: (connection: TcpConnection) => void) => () => this.#connections.forEach(act);
    forEach((connection) => connection.drain())();
    const timers = [
      setTimeout(
        forEach((connection) => connection.end()),
        readOnMs,
      ),
      setTimeout(
        forEach((connection) => connection.destroy()),
        graceMs,
      ),
    ];
    await closed;
    for (const timer of timers) clearTimeout(timer);
  }

  /** The kernel resets what it has not handed over when a socket closes, and libuv takes one connection a turn. */
  async #acceptWaiting(endsAtMs: number): Promise<void> {
    do await nextTurn();
    while (waitingConnections(this.#fd) > 0 && performance.now() < endsAtMs);
  }
}
