import type net from 'node:net';
import type { Readable } from 'node:stream';
import { copyBytes } from '../wire/bytes.ts';
import { HEADER_BYTES, MAX_MESSAGE_BYTES, setId } from '../wire/header.ts';
import type { Channel, ChannelEvents, OpenChannel } from './channel.ts';

export type HttpsMethod = 'GET' | 'POST';

/** Where RFC 8484 has it in its examples, and everybody else. */
const PATH = '/dns-query';
const MEDIA_TYPE = 'application/dns-message';
/** What is offered in the TLS handshake, the better one first. */
export const HTTPS_PROTOCOLS = ['h2', 'http/1.1'];

/** One HTTP request: what to send, and whom to tell. */
type Request = {
  readonly method: HttpsMethod;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  readonly onResponse: (status: number, body: Readable) => void;
  readonly onError: (error: Error) => void;
};

/** A connection that takes requests, be it of HTTP/2 or HTTP/1.1. */
type Sender = { send(request: Request): void; close(): void };

/** Opens DNS over HTTPS (RFC 8484); `authority` is the name that the server is addressed by. */
export function httpsChannel(authority: string, method: HttpsMethod): OpenChannel {
  return (socket, events) => {
    const isHttp2 = 'alpnProtocol' in socket && socket.alpnProtocol === 'h2';
    const sender = isHttp2 ? http2Sender(socket, authority, events) : http1Sender(socket, authority, events);
    return new HttpsChannel(sender, method, events);
  };
}

/** Each message is the body of a request or a response of its own. */
class HttpsChannel implements Channel {
  readonly #sender: Sender;
  readonly #method: HttpsMethod;
  readonly #events: ChannelEvents;

  constructor(sender: Sender, method: HttpsMethod, events: ChannelEvents) {
    this.#sender = sender;
    this.#method = method;
    this.#events = events;
  }

  send(message: Uint8Array, id: number): void {
    const body = copyBytes(message, 0, message.length);
    setId(body, id);
    const common = {
      onResponse: (status: number, response: Readable) => this.#read(id, status, response),
      onError: (error: Error) => this.#events.onFailed(id, error.message),
    };
    if (this.#method === 'GET') {
      const path = `${PATH}?dns=${Buffer.from(body).toString('base64url')}`;
      this.#sender.send({ ...common, method: 'GET', path, headers: { accept: MEDIA_TYPE }, body: undefined });
      return;
    }
    const headers = { accept: MEDIA_TYPE, 'content-type': MEDIA_TYPE, 'content-length': String(body.length) };
    this.#sender.send({ ...common, method: 'POST', path: PATH, headers, body });
  }

  close(): void {
    this.#sender.close();
  }

  #read(id: number, status: number, response: Readable): void {
    const chunks: Uint8Array[] = [];
    let byteCount = 0;
    response.on('data', (chunk: Uint8Array) => {
      byteCount += chunk.length;
      if (byteCount <= MAX_MESSAGE_BYTES) chunks.push(chunk);
    });
    response.on('end', () => {
      const isMessage = status >= 200 && status < 300 && byteCount >= HEADER_BYTES && byteCount <= MAX_MESSAGE_BYTES;
      if (isMessage) this.#events.onMessage(Buffer.concat(chunks));
      else this.#events.onFailed(id, `HTTP status ${status} with ${byteCount} bytes`);
    });
  }
}

function http2Sender(socket: net.Socket, authority: string, events: ChannelEvents): Sender {
  // Loaded when first needed: it costs each start 40 ms and 2.7 MB.
  const http2 = process.getBuiltinModule('node:http2');
  const session = http2.connect(`https://${authority}`, { createConnection: () => socket });
  session.on('goaway', events.onEnding);
  session.on('error', (error) => events.onClosed(error.message, -1));
  session.on('close', () => events.onClosed('EOF', -1));
  return {
    send({ method, path, headers, body, onResponse, onError }) {
      const stream = session.request({ ':method': method, ':path': path, ...headers });
      stream.on('response', (received) => onResponse(received[':status'] ?? 0, stream));
      stream.on('error', onError);
      stream.end(body);
    },
    close: () => session.destroy(),
  };
}

/** One request at a time; the others wait for their turn, or for another connection. */
function http1Sender(socket: net.Socket, authority: string, events: ChannelEvents): Sender {
  const http = process.getBuiltinModule('node:http'); // Importing it would load what belongs to fetch: 7 MB.
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  agent.createConnection = () => socket;
  socket.on('close', () => events.onClosed('EOF', -1));
  socket.on('error', (error) => events.onClosed(error.message, -1));
  return {
    send({ method, path, headers, body, onResponse, onError }) {
      const request = http.request({ agent, method, path, headers: { ...headers, host: authority } });
      request.on('response', (response) => {
        if (response.headers.connection === 'close') events.onEnding();
        onResponse(response.statusCode ?? 0, response);
        response.on('error', onError);
      });
      request.on('error', onError);
      request.end(body);
    },
    close: () => {
      agent.destroy();
      socket.destroy();
    },
  };
}
