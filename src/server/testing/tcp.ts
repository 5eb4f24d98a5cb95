/** What tests of the TCP listener share: clients that count what they get, and a listener for them. */
import { once } from 'node:events';
import net from 'node:net';
import type { TestContext } from 'node:test';
import dnsPacket from 'dns-packet';
import { until } from '../../sys/testing.ts';
import type { Receive } from '../client.ts';
import { MessageAssembler } from '../tcp-framing.ts';
import { TcpListener, type TcpListenerOptions } from '../tcp-listener.ts';

const QNAME = 'www.example.org';
export const LONG_MS = 60_000;

/** A query with its length before it. */
export function queryOf(id: number): Buffer {
  return dnsPacket.streamEncode({ type: 'query', id, questions: [{ type: 'A', name: QNAME }] });
}

export function idOf(message: Uint8Array): number {
  return Buffer.from(message).readUInt16BE();
}

export function answerTo(message: Uint8Array): Buffer {
  const { id = 0, questions = [] } = dnsPacket.decode(Buffer.from(message));
  const answers = [{ type: 'A' as const, name: QNAME, ttl: 30, data: '192.0.2.1' }];
  return dnsPacket.encode({ type: 'response', id, questions, answers });
}

export const answer: Receive = (message, client) => client.send(answerTo(message));

export function listen(t: TestContext, receive: Receive, options: Partial<TcpListenerOptions> = {}): TcpListener {
  const listener = new TcpListener({
    address: '127.0.0.1',
    port: 0,
    backlog: 16,
    maxConnections: 16,
    timeouts: { readMs: LONG_MS, idleMs: LONG_MS },
    receive,
    ...options,
  });
  listener.start();
  t.after(() => listener.close({ graceMs: 0 }));
  return listener;
}

/** A connection that collects the ids of its answers, each read back by dns-packet. */
export class Asker {
  readonly socket: net.Socket;
  readonly ids: number[] = [];
  readonly closed: Promise<unknown>;
  /** Whether the connection ended with a FIN, that is, without a reset. */
  hasEnded = false;

  constructor(t: TestContext, port: number, address = '127.0.0.1') {
    const assembler = new MessageAssembler();
    this.socket = net.connect({ port, host: address, allowHalfOpen: true, noDelay: true });
    this.closed = once(this.socket, 'close');
    this.closed.catch(() => {});
    this.socket.on('end', () => {
      this.hasEnded = true;
      this.socket.end();
    });
    this.socket.on('data', (chunk: Buffer<ArrayBuffer>) => {
      assembler.push(chunk);
      for (let message = assembler.next(); message !== undefined; message = assembler.next()) {
        this.ids.push(dnsPacket.decode(Buffer.from(message)).id ?? -1);
      }
    });
    t.after(() => this.socket.destroy());
  }

  async answers(count: number): Promise<number[]> {
    await until(() => this.ids.length >= count);
    return this.ids;
  }
}
