import net from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { close, localPort, openTcp, SELF_MARK, setMark } from '../sys/socket.ts';
import type { Receive } from './client.ts';
import { type ConnectionOwner, TcpConnection, type TcpTimeouts } from './tcp-connection.ts';

const UNLIMITED = Number.POSITIVE_INFINITY;

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
  /** Gets each query; it may answer at once or later. It must not throw. */
  readonly receive: Receive;
  /** A connection was closed because there were too many, or could not be accepted. */
  readonly onRejected?: () => void;
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
    const { maxQueries = UNLIMITED, receive, onRejected } = options;
    this.#fd = openTcp({ address, port, backlog, mayComeLater });
    this.address = address;
    this.port = localPort(this.#fd);
    this.#backlog = backlog;
    this.#owner = { timeouts, maxQueries, receive, onClosed: (connection) => this.#connections.delete(connection) };
    // A client that has sent its last query closes its half, and still gets its answers.
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#connections.add(new TcpConnection(socket, this.#owner)),
    );
    this.#server.maxConnections = maxConnections;
    this.#server.on('drop', () => onRejected?.());
    // An accept that failed, for want of memory or of a descriptor, costs that connection and not the process.
    this.#server.on('error', () => onRejected?.());
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
   * Accepts no more, ends each connection once it has its answers, and after `graceMs` all that are left. Resolves when
   * none is left.
   */
  close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#closing ??= this.#drainAndClose(graceMs);
    return this.#closing;
  }

  async #drainAndClose(graceMs: number): Promise<void> {
    if (!this.#isStarted) {
      close(this.#fd);
      return;
    }
    // The kernel resets what it has not handed over when a socket closes. The next turns take in what has arrived:
    // first the rest of this one, then connections, then their queries.
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.end();
    const grace = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, graceMs);
    await closed;
    clearTimeout(grace);
  }
}
