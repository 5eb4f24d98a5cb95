import net from 'node:net';
import tls from 'node:tls';
import util from 'node:util';
import type { Endpoint } from './endpoint.ts';

/** Gets the connection, established and for TLS verified, or why there is none. */
export type OnDialed = (result: net.Socket | Error) => void;

/** Connects to one upstream, over TCP or, with a context, over TLS with it. */
export class Dialer {
  readonly #endpoint: Endpoint;
  readonly #tlsContext: tls.SecureContext | undefined;
  readonly #serverName: string;
  /** For resumption: the ticket that the upstream gave last. */
  #tlsSession: Buffer | undefined;

  /** `serverName` is the one that the certificate must have, unless the endpoint names another. */
  constructor(endpoint: Endpoint, tlsContext?: tls.SecureContext, serverName = '') {
    this.#endpoint = endpoint;
    this.#tlsContext = tlsContext;
    this.#serverName = endpoint.serverName ?? serverName;
  }

  /** Calls back once, later, unless the function that it returns is called before: that gives the dial up. */
  dial(timeoutMs: number, onDialed: OnDialed): () => void {
    const socket = this.#tlsContext === undefined ? this.#connectTcp() : this.#connectTls(this.#tlsContext);
    let isOver = false;
    const finish = (result: net.Socket | Error) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      if (result !== socket) socket.destroy();
      onDialed(result);
    };
    const timer = setTimeout(() => finish(this.#error('i/o timeout')), timeoutMs);
    socket.once(this.#tlsContext === undefined ? 'connect' : 'secureConnect', () => finish(socket));
    socket.once('close', () => finish(this.#error('EOF')));
    socket.on('error', (error: NodeJS.ErrnoException) => finish(this.#error(reasonOf(error), error)));
    return () => {
      isOver = true;
      clearTimeout(timer);
      socket.destroy();
    };
  }

  #connectTcp(): net.Socket {
    const { address, port } = this.#endpoint;
    return net.connect({ host: address, port, noDelay: true });
  }

  #connectTls(secureContext: tls.SecureContext): net.Socket {
    const { address, port } = this.#endpoint;
    const session = this.#tlsSession === undefined ? {} : { session: this.#tlsSession };
    // Without a server name the certificate is checked against `host`, the IP address.
    const socket = tls.connect({ host: address, port, secureContext, servername: this.#serverName, ...session });
    socket.setNoDelay(true);
    socket.on('session', (ticket) => {
      this.#tlsSession = ticket;
    });
    return socket;
  }

  #error(text: string, cause?: Error): Error {
    return new Error(`dial tcp ${this.#endpoint.text}: ${text}`, { cause });
  }
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.syscall !== undefined && error.errno !== undefined) {
    return `${error.syscall}: ${util.getSystemErrorMessage(error.errno)}`;
  }
  return `tls: ${error.message}`;
}
