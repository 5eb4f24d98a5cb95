/** A collector of dnstap as Frame Streams has it, for tests: it can be told to refuse, to stop reading and to break off. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { CONTENT_TYPE, controlFrame } from './frames.ts';

const START = 2;
const STOP = 3;
const READY = 4;
const WORD = 4;

export type CollectorBehaviour = {
  /** What it says to READY; ACCEPT by default. */
  readonly greeting?: Buffer;
  /** It reads nothing behind START. */
  readonly stuck?: boolean;
  readonly tls?: TlsOptions;
};

export class TestCollector {
  readonly port: number;
  /** Payloads of all connections. */
  readonly payloads: Buffer[] = [];
  /** Types of the control frames that have come. */
  readonly controls: number[] = [];
  connectionCount = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async start(behaviour: CollectorBehaviour = {}, port = 0): Promise<TestCollector> {
    const server = behaviour.tls === undefined ? createServer() : createTlsServer(behaviour.tls);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new TestCollector(server, behaviour);
  }

  constructor(server: Server, behaviour: CollectorBehaviour) {
    const address = server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
    this.#server = server;
    const event = behaviour.tls === undefined ? 'connection' : 'secureConnection';
    server.on(event, (socket: Socket) => this.#accept(socket, behaviour));
  }

  breakOff(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.breakOff();
    await once(this.#server, 'close');
  }

  #accept(socket: Socket, { greeting = controlFrame('accept', CONTENT_TYPE), stuck = false }: CollectorBehaviour) {
    this.connectionCount++;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    let pending = Buffer.alloc(0);
    socket.on('data', (piece: Buffer) => {
      pending = Buffer.concat([pending, piece]);
      for (let end = frameEnd(pending); end <= pending.length; end = frameEnd(pending)) {
        const control = this.#take(pending.subarray(0, end));
        pending = pending.subarray(end);
        if (control === READY) socket.write(greeting);
        else if (control === START && stuck) socket.pause();
        else if (control === STOP) socket.end(controlFrame('finish'));
      }
    });
  }

  /** The type of a control frame. */
  #take(frame: Buffer): number | undefined {
    if (frame.readUInt32BE(0) > 0) {
      this.payloads.push(frame.subarray(WORD));
      return undefined;
    }
    const type = frame.readUInt32BE(2 * WORD);
    this.controls.push(type);
    return type;
  }
}

function frameEnd(bytes: Buffer): number {
  if (bytes.length < 2 * WORD) return Number.POSITIVE_INFINITY;
  const length = bytes.readUInt32BE(0);
  return length > 0 ? WORD + length : 2 * WORD + bytes.readUInt32BE(WORD);
}
