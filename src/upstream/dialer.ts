import net from 'node:net';
import type tls from 'node:tls';
import util from 'node:util';
import type { Endpoint } from './endpoint.ts';
import { HTTPS_PROTOCOLS } from './https-channel.ts';

/** Gets the connection, established and for TLS verified, or why there is none. */
export type OnDialed = (result: net.Socket | Error) => void;

export type DialerOptions = {
  /** Connect over TLS with this. */
  readonly tlsContext?: tls.SecureContext | undefined;
  /** The name that the certificate must have, unless the endpoint names another. */
  readonly serverName?: string | undefined;
  /** Connect from this address; by default from that which the routing table says. */
  readonly sourceAddress?: string | undefined;
};

/** Connects to one upstream, over TCP or TLS. */
export class Dialer {
  readonly #endpoint: Endpoint;
  readonly #tlsContext: tls.SecureContext | undefined;
  readonly #serverName: string;
  readonly #alpn: { readonly ALPNProtocols?: string[] };
  readonly #target: { readonly host: string; readonly port: number; readonly localAddress?: string };
  /** For resumption: the ticket that the upstream gave last. */
  #tlsSession: Buffer | undefined;

  constructor(endpoint: Endpoint, { tlsContext, serverName, sourceAddress }: DialerOptions = {}) {
    const { address: host, port } = endpoint;
    this.#endpoint = endpoint;
    this.#tlsContext = tlsContext;
    this.#serverName = endpoint.serverName ?? serverName ?? '';
    this.#alpn = endpoint.protocol === 'https' ? { ALPNProtocols: HTTPS_PROTOCOLS } : {};
    this.#target = sourceAddress === undefined ? { host, port } : { host, port, localAddress: sourceAddress };
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
    return net.connect({ ...this.#target, noDelay: true });
  }

  #connectTls(secureContext: tls.SecureContext): net.Socket {
    const session = this.#tlsSession === undefined ? {} : { session: this.#tlsSession };
    // Without a server name the certificate is checked against `host`, the IP address.
    const options = { secureContext, servername: this.#serverName, ...session, ...this.#alpn };
    const socket = process.getBuiltinModule('node:tls').connect({ ...this.#target, ...options });
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
