/**
 * An upstream that does as a test tells it, query by query, over UDP and TCP (or TLS) on one port, and that counts
 * everything. What it can do stands in behaviours.ts.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server as TcpServer, type Socket as TcpSocket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { decode } from 'dns-packet';
import { numbers16 } from '../support/message.ts';
import { freePort } from '../support/ports.ts';
import { reply } from './behaviours.ts';

export type UpstreamQuery = {
  readonly bytes: Buffer;
  readonly protocol: 'udp' | 'tcp';
  readonly id: number;
  /** The 16 bits behind the id. */
  readonly flags: number;
  /** As received, without final dot; the root is `.`. */
  readonly qname: string;
  readonly qtype: string;
  readonly dnssecOk: boolean;
  readonly udpPayloadBytes: number | undefined;
  readonly sourceAddress: string;
  /** The port it came from, and for TCP the number of its connection, from 1 on. */
  readonly sourcePort: number;
  readonly connection: number;
};

/** One query, and the ways to answer it. */
export type Exchange = {
  readonly query: UpstreamQuery;
  /** Sends a message back; over TCP in its frame. */
  send(message: Buffer): void;
  /** Sends it from another port (UDP only). */
  sendFromElsewhere(message: Buffer): Promise<void>;
  /** Sends bytes without a frame, then closes the connection (TCP only). */
  breakOff(bytes: Buffer): void;
};

export type Behaviour = (exchange: Exchange) => void | Promise<void>;

export type ScriptedUpstreamOptions = {
  readonly address?: string;
  readonly port?: number;
  /** Serve TLS instead of TCP, with this key and certificate (PEM), perhaps for clients of that authority alone. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca?: string; readonly requestCert?: boolean };
};

export class ScriptedUpstream {
  readonly address: string;
  readonly port: number;
  readonly received: UpstreamQuery[] = [];
  /** How many TCP connections have been accepted so far. */
  connectionCount = 0;
  readonly #udp: UdpSocket;
  readonly #tcp: TcpServer;
  readonly #connections = new Set<TcpSocket>();
  readonly #behaviours = new Map<string, Behaviour>();
  #otherwise: Behaviour = reply({ rcode: 'NXDOMAIN', authorities: ['. 60 SOA a.example.org b.example.org 1 60'] });

  static async start({ address = '127.0.0.1', port, tls }: ScriptedUpstreamOptions = {}): Promise<ScriptedUpstream> {
    const udp = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 });
    const tcp = tls ? createTlsServer(tls) : createServer({ noDelay: true });
    const upstream = new ScriptedUpstream(address, port ?? (await freePort(address)), udp, tcp);
    tcp.on(tls ? 'secureConnection' : 'connection', (socket: TcpSocket) => upstream.#accept(socket));
    udp.on('message', (message, from) => upstream.#receiveDatagram(message, from));
    udp.bind(upstream.port, address);
    await once(udp, 'listening');
    tcp.listen({ port: upstream.port, host: address });
    await once(tcp, 'listening');
    udp.unref();
    tcp.unref();
    return upstream;
  }

  constructor(address: string, port: number, udp: UdpSocket, tcp: TcpServer) {
    this.address = address;
    this.port = port;
    this.#udp = udp;
    this.#tcp = tcp;
  }

  /** What a Corefile's `forward` takes. */
  get endpoint(): string {
    return `${this.address.includes(':') ? `[${this.address}]` : this.address}:${this.port}`;
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  /** Says what happens with queries of that name, of that type or of any. */
  on(qname: string, qtype: string | undefined, behaviour: Behaviour): this {
    this.#behaviours.set(key(qname, qtype), behaviour);
    return this;
  }

  /** Says what happens with all others; NXDOMAIN with an SOA unless told. */
  otherwise(behaviour: Behaviour): this {
    this.#otherwise = behaviour;
    return this;
  }

  /** How many queries of that name and type it has received; a health check asks for `.`, so name what you count. */
  queries(qname?: string, qtype?: string): number {
    const wanted = (query: UpstreamQuery) =>
      (qname === undefined || query.qname.toLowerCase() === qname.toLowerCase()) &&
      (qtype === undefined || query.qtype === qtype);
    return this.received.filter(wanted).length;
  }

  /** Breaks all TCP connections; new ones are accepted. */
  closeConnections(): void {
    for (const socket of this.#connections) socket.destroy();
  }

  async stop(): Promise<void> {
    if (!this.#tcp.listening) return;
    this.#udp.ref();
    this.#tcp.ref();
    const closed = Promise.all([once(this.#udp, 'close'), once(this.#tcp, 'close')]);
    this.#udp.close();
    this.#tcp.close();
    this.closeConnections();
    await closed;
  }

  #receiveDatagram(bytes: Buffer, from: RemoteInfo): void {
    const query = readQuery(bytes, 'udp', from, 0);
    if (!query) return;
    this.#handle({
      query,
      send: (message) => this.#udp.send(message, from.port, from.address),
      async sendFromElsewhere(message) {
        const other = createSocket(from.family === 'IPv6' ? 'udp6' : 'udp4');
        other.send(message, from.port, from.address, () => other.close());
        await once(other, 'close');
      },
      breakOff: () => undefined,
    });
  }

  #accept(socket: TcpSocket): void {
    const connection = ++this.connectionCount;
    this.#connections.add(socket);
    socket.unref();
    socket.on('close', () => this.#connections.delete(socket));
    socket.on('error', () => undefined); // The peer may break the connection whenever it likes.
    let pending = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const end = 2 + pending.readUInt16BE(0);
        this.#receiveMessage(socket, Buffer.from(pending.subarray(2, end)), connection);
        pending = pending.subarray(end);
      }
    });
  }

  #receiveMessage(socket: TcpSocket, bytes: Buffer, connection: number): void {
    const query = readQuery(
      bytes,
      'tcp',
      { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
      connection,
    );
    if (!query) return;
    this.#handle({
      query,
      send: (message) => void socket.write(Buffer.concat([numbers16(message.length), message])),
      sendFromElsewhere: () => Promise.resolve(),
      breakOff: (message) => void socket.end(message, () => socket.destroy()),
    });
  }

  #handle(exchange: Exchange): void {
    const { qname, qtype } = exchange.query;
    this.received.push(exchange.query);
    const behaviour = this.#behaviours.get(key(qname, qtype)) ?? this.#behaviours.get(key(qname, undefined));
    void (behaviour ?? this.#otherwise)(exchange);
  }
}

function key(qname: string, qtype: string | undefined): string {
  return `${qname.toLowerCase()} ${qtype ?? '*'}`;
}

function readQuery(
  bytes: Buffer,
  protocol: 'udp' | 'tcp',
  source: { readonly address: string; readonly port: number },
  connection: number,
): UpstreamQuery | undefined {
  const { questions = [], additionals = [] } = decode(bytes);
  if (questions.length !== 1) return undefined;
  const opt = additionals.find((record) => record.type === 'OPT');
  return {
    bytes,
    protocol,
    id: bytes.readUInt16BE(0),
    flags: bytes.readUInt16BE(2),
    qname: questions[0].name,
    qtype: questions[0].type,
    dnssecOk: opt?.flag_do ?? false,
    udpPayloadBytes: opt?.udpPayloadSize,
    sourceAddress: source.address,
    sourcePort: source.port,
    connection,
  };
}
