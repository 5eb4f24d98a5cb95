/** A DNS client that sends any bytes and shows exactly what comes back, over UDP and TCP. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket as TcpSocket } from 'node:net';
import { buildQuery, numbers16, type QueryParts, type Response, readResponse } from './message.ts';

export type Server = { readonly address: string; readonly port: number };

const TIMEOUT_MS = 20_000; // Above every deadline of a server; only failing tests wait this long.

/** Sends one query over UDP and gives the first response; rejects when none comes. */
export async function askUdp(server: Server, query: QueryParts | Buffer, timeoutMs = TIMEOUT_MS): Promise<Response> {
  const client = await UdpClient.open(server);
  try {
    client.send(query);
    return readResponse(await client.receive(timeoutMs));
  } finally {
    client.close();
  }
}

/** Sends one query over a TCP connection of its own. */
export async function askTcp(server: Server, query: QueryParts | Buffer, timeoutMs = TIMEOUT_MS): Promise<Response> {
  const client = await TcpClient.open(server);
  try {
    client.send(query);
    return readResponse(await client.receive(timeoutMs));
  } finally {
    client.close();
  }
}

/** The bytes of a query given either way. */
function toBytes(query: QueryParts | Buffer): Buffer {
  return Buffer.isBuffer(query) ? query : buildQuery(query);
}

/** What has arrived and nobody has asked for yet, and who waits for what has not arrived. */
class Inbox {
  readonly #messages: Buffer[] = [];
  readonly #waiting: ((message: Buffer) => void)[] = [];

  put(message: Buffer): void {
    const waiter = this.#waiting.shift();
    if (waiter) waiter(message);
    else this.#messages.push(message);
  }

  take(timeoutMs: number): Promise<Buffer> {
    const message = this.#messages.shift();
    if (message) return Promise.resolve(message);
    return new Promise((resolve, reject) => {
      const waiter = (arrived: Buffer) => {
        clearTimeout(timer);
        resolve(arrived);
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(new Error(`no response within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.push(waiter);
    });
  }
}

/** A connected UDP socket. */
export class UdpClient {
  readonly #socket: UdpSocket;
  readonly #inbox = new Inbox();

  static async open({ address, port }: Server): Promise<UdpClient> {
    const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 });
    socket.connect(port, address);
    await once(socket, 'connect');
    return new UdpClient(socket);
  }

  constructor(socket: UdpSocket) {
    this.#socket = socket;
    socket.unref(); // Whoever waits for an answer has a timer; a test that failed has not closed its client.
    socket.on('message', (message) => this.#inbox.put(message));
    socket.on('error', () => undefined); // ECONNREFUSED while a server is down: the wait for an answer says it.
  }

  send(query: QueryParts | Buffer): void {
    this.#socket.send(toBytes(query));
  }

  receive(timeoutMs = TIMEOUT_MS): Promise<Buffer> {
    return this.#inbox.take(timeoutMs);
  }

  async ask(query: QueryParts | Buffer): Promise<Response> {
    this.send(query);
    return readResponse(await this.receive());
  }

  close(): void {
    this.#socket.close();
  }
}

/** A TCP connection with DNS framing (RFC 1035 §4.2.2). */
export class TcpClient {
  readonly #socket: TcpSocket;
  readonly #inbox = new Inbox();
  #pending = Buffer.alloc(0);
  readonly #closed: Promise<void>;

  static async open({ address, port }: Server): Promise<TcpClient> {
    const socket = connect({ port, host: address, noDelay: true });
    await once(socket, 'connect');
    return new TcpClient(socket);
  }

  constructor(socket: TcpSocket) {
    this.#socket = socket;
    this.#closed = new Promise((resolve) => {
      socket.once('end', resolve);
      socket.once('close', resolve);
    });
    socket.unref();
    socket.on('error', () => undefined); // A reset shows as `closed`.
    socket.on('data', (chunk: Buffer) => this.#unframe(chunk));
  }

  /** Sends each query in its frame, all in one segment: pipelined. */
  send(...queries: (QueryParts | Buffer)[]): void {
    const frames = queries.map(toBytes).flatMap((bytes) => [numbers16(bytes.length), bytes]);
    this.sendRaw(Buffer.concat(frames));
  }

  /** Sends bytes without a frame around them. */
  sendRaw(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Says that no more will be sent, and goes on listening. */
  halfClose(): void {
    this.#socket.end();
  }

  receive(timeoutMs = TIMEOUT_MS): Promise<Buffer> {
    return this.#inbox.take(timeoutMs);
  }

  async ask(query: QueryParts | Buffer): Promise<Response> {
    this.send(query);
    return readResponse(await this.receive());
  }

  /** Waits until the server has ended or broken the connection. */
  async untilClosed(): Promise<void> {
    this.#socket.ref();
    await this.#closed;
  }

  close(): void {
    this.#socket.destroy();
  }

  #unframe(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 2) {
      const end = 2 + this.#pending.readUInt16BE(0);
      if (this.#pending.length < end) return;
      this.#inbox.put(this.#pending.subarray(2, end));
      this.#pending = this.#pending.subarray(end);
    }
  }
}
