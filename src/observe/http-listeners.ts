import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { hostPort, isWildcard, openTcp } from '../sys/socket.ts';

const BACKLOG = 128;
const MAX_CONNECTIONS = 256;
const MAX_HEADER_BYTES = 8 * 1024;
/** For a request to arrive, for its response to be taken, and for what is under way when the server closes. */
const TIMEOUT_MS = 5000;
const TIMEOUT_CHECK_MS = 1000;

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** By path, without query string. */
export type HttpRoutes = ReadonlyMap<string, HttpHandler>;

/**
 * The HTTP servers of the process, one per address, whoever wants it. A new load acquires before the old one releases,
 * so that an address is never without its server. Of several handlers of a path the oldest answers: a load that is still
 * starting does not speak for the process.
 */
export class HttpListeners {
  readonly #listeners = new Map<string, HttpListener>();

  /**
   * Serves the routes at `HOST:PORT` (`:PORT` is every address) until the function it resolves to is called. Rejects
   * with one line: `listen tcp 127.0.0.1:8080: address already in use (EADDRINUSE): stop …`.
   */
  async acquire(address: string, routes: HttpRoutes): Promise<() => Promise<void>> {
    const { host, port } = await resolveAddress(address);
    const key = hostPort(host, port);
    const listener = this.#listeners.get(key) ?? new HttpListener(host, port);
    this.#listeners.set(key, listener);
    const owner = { routes };
    listener.owners.add(owner);
    try {
      await listener.opened;
    } catch (cause) {
      this.#listeners.delete(key);
      throw new Error(`listen tcp ${address}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
    return async () => {
      if (!listener.owners.delete(owner) || listener.owners.size > 0) return;
      this.#listeners.delete(key);
      await listener.close();
    };
  }
}

class HttpListener {
  /** Oldest first. */
  readonly owners = new Set<{ readonly routes: HttpRoutes }>();
  readonly opened: Promise<unknown>;
  readonly #server: Server;
  #requestCount = 0;
  #closing = false;

  constructor(host: string, port: number) {
    // The socket may share its port and bind to an address that comes later: a probe of the kubelet goes to the same
    // node-local address that DNS does, and two instances overlap during an upgrade.
    const fd = openTcp({ address: host, port, backlog: BACKLOG, mayComeLater: true });
    const limits = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: TIMEOUT_MS,
      requestTimeout: TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    };
    // Importing the module would load what belongs to fetch as well: 7 MB.
    const { createServer } = process.getBuiltinModule('node:http');
    this.#server = createServer(limits, (request, response) => this.#answer(request, response));
    this.#server.timeout = TIMEOUT_MS;
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('connection', (socket) => socket.unref());
    this.#server.listen({ fd });
    this.#server.unref();
    this.opened = once(this.#server, 'listening');
  }

  /** Stops listening at once, and ends when what is under way is answered. */
  async close(): Promise<void> {
    this.#closing = true;
    const closed = once(this.#server, 'close');
    const timer = setTimeout(() => this.#server.closeAllConnections(), TIMEOUT_MS);
    this.#server.close();
    this.#closeIfIdle();
    await closed;
    clearTimeout(timer);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.#requestCount++;
    // No keep-alive: probes and scrapes are seconds apart, and closing need not wait for them.
    response.setHeader('Connection', 'close');
    response.once('close', () => {
      this.#requestCount--;
      this.#closeIfIdle();
    });
    const path = request.url?.split('?', 1)[0] ?? '';
    for (const { routes } of this.owners) {
      const handler = routes.get(path);
      if (handler !== undefined) {
        handler(request, response);
        return;
      }
    }
    respond(response, 404, 'not found\n');
  }

  #closeIfIdle(): void {
    if (this.#closing && this.#requestCount === 0) this.#server.closeAllConnections();
  }
}

/** Answers with plain text. */
export function respond(response: ServerResponse, status: number, text: string): void {
  sendText(response, status, 'text/plain; charset=utf-8', text);
}

/** Answers with text of another kind. */
export function sendText(response: ServerResponse, status: number, contentType: string, text: string): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(text) }).end(text);
}

async function resolveAddress(address: string): Promise<{ host: string; port: number }> {
  const match = /^(?:\[(.*)\]|([^:]*)):(\d+)$/.exec(address);
  if (match === null) throw new Error(`listen tcp ${address}: expected HOST:PORT`);
  return { host: await resolveHost(match[1] ?? match[2], address), port: Number(match[3]) };
}

async function resolveHost(host: string, address: string): Promise<string> {
  if (isWildcard(host)) return '';
  // Must not depend on a resolver: it may be this very process.
  if (host === 'localhost') return '127.0.0.1';
  try {
    return (await lookup(host, { order: 'ipv4first' })).address;
  } catch (cause) {
    throw new Error(`listen tcp ${address}: no address for host "${host}"`, { cause });
  }
}
