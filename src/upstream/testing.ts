/** What tests of upstreams need: servers on loopback that do as they are told, and somebody who asks. */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import type { TestContext } from 'node:test';
import tls from 'node:tls';
import dnsPacket from 'dns-packet';
import { Metrics } from '../observe/metrics.ts';
import { fakeLog } from '../observe/testing.ts';
import { Poller } from '../sys/poller.ts';
import * as sockets from '../sys/socket.ts';
import { MAX_MESSAGE_BYTES } from '../wire/header.ts';
import { ROOT_NAME } from '../wire/name.ts';
import { type MessageView, parseMessage } from '../wire/view.ts';
import { type Endpoint, endpointOf } from './endpoint.ts';
import type { Asker } from './exchange.ts';
import { TimerWheel } from './timer-wheel.ts';
import { Upstream, type UpstreamOptions, type UpstreamServices } from './upstream.ts';

const HOST = '127.0.0.1';

export type TestServices = UpstreamServices & { readonly poller: Poller };

/** The real ones, given back when the test ends. */
export function testServices(t: TestContext): TestServices {
  const nowMs = () => performance.now();
  const poller = new Poller((error) => assert.fail(String(error)));
  t.after(() => poller.close());
  const { log } = fakeLog();
  return { system: sockets, poller, wheel: new TimerWheel(nowMs), nowMs, metrics: new Metrics(), log };
}

/** An upstream on loopback with short time-outs. When the test ends, nothing of it may be left. */
export function testUpstream(
  t: TestContext,
  port: number,
  options: Partial<UpstreamOptions> & { readonly endpoint?: Endpoint } = {},
  services = testServices(t),
): Upstream {
  const upstream = new Upstream(
    options.endpoint ?? endpointOf('dns', HOST, port),
    {
      proxyName: 'forward',
      readTimeoutMs: 10_000,
      idleMs: 10_000,
      maxAgeMs: 0,
      maxIdle: 0,
      health: { maxFails: 2, intervalMs: 20, domain: ROOT_NAME, recursionDesired: true },
      probeOverTcp: false,
      ...options,
    },
    services,
  );
  t.after(() => {
    upstream.retire();
    assert.equal(upstream.openCount, 0, 'sockets left open');
    assert.equal(services.wheel.count, 0, 'timers left behind');
  });
  return upstream;
}

export type QueryOptions = {
  readonly name?: string;
  readonly type?: dnsPacket.RecordType;
  readonly udpPayloadBytes?: number;
  readonly protocol?: 'udp' | 'tcp';
  readonly deadlineMs?: number;
};

/** A query as a client would send it, with id 4660. */
export function queryOf({ name = 'www.example.org', type = 'A', udpPayloadBytes }: QueryOptions = {}): MessageView {
  const additionals: dnsPacket.Packet['additionals'] = [];
  if (udpPayloadBytes !== undefined) {
    additionals.push({
      type: 'OPT',
      name: '.',
      udpPayloadSize: udpPayloadBytes,
      extendedRcode: 0,
      ednsVersion: 0,
      flags: 0,
      flag_do: false,
      options: [],
    });
  }
  const flags = dnsPacket.RECURSION_DESIRED;
  return parseMessage(
    dnsPacket.encode({ type: 'query', id: 4660, flags, questions: [{ name, type, class: 'IN' }], additionals }),
  );
}

/** What an upstream answered, or why it did not. */
export function ask(upstream: Upstream, options: QueryOptions = {}): Promise<MessageView | Error> {
  return new Promise((resolve) => askWith(upstream, { onReply: resolve, onFailure: resolve }, options));
}

export function askWith(upstream: Upstream, asker: Asker, options: QueryOptions = {}): void {
  const { protocol = 'udp', udpPayloadBytes = 512, deadlineMs = 20_000 } = options;
  const nowMs = performance.now();
  const receiveLimitBytes = protocol === 'udp' ? udpPayloadBytes : MAX_MESSAGE_BYTES;
  const request = queryOf(options);
  upstream.exchange({ request, asker, receiveLimitBytes, deadlineMs: nowMs + deadlineMs, protocol }, nowMs);
}

/** The addresses that a reply holds, read by somebody else's decoder; or the text of the error. */
export function answersOf(result: MessageView | Error): string[] | string {
  if (result instanceof Error) return result.message;
  const { answers = [] } = dnsPacket.decode(Buffer.from(result.bytes));
  return answers.map((answer) => ('data' in answer ? String(answer.data) : ''));
}

/** A reply to `query` with one A record for each address. */
export function replyTo(query: Buffer, addresses: readonly string[] = ['192.0.2.80'], flags = 0): Buffer {
  const { id = 0, questions = [] } = dnsPacket.decode(query);
  return dnsPacket.encode({
    type: 'response',
    id,
    flags: dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE | flags,
    questions,
    answers: addresses.map((data) => ({ type: 'A', name: questions[0].name, ttl: 60, data })),
  });
}

/** Names n0.example.org and on, for queries that are told apart by their answers. */
export function manyNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `n${i}.example.org`);
}

/** The address that stands for the name of a query made by `manyNames`: 192.0.2.0 and on. */
export function addressFor(query: Buffer): string {
  const [question] = dnsPacket.decode(query).questions ?? [];
  return `192.0.2.${Number.parseInt(question.name.slice(1), 10)}`;
}

export type UdpExchange = {
  readonly query: Buffer;
  readonly sourceAddress: string;
  readonly sourcePort: number;
  /** How many queries have come, this one included. */
  readonly count: number;
  send(message: Uint8Array): void;
};

export type UdpServer = { readonly port: number; close(): Promise<void> };

/** A UDP server on loopback, by default on a free port. */
export async function udpServer(
  t: TestContext,
  onQuery: (exchange: UdpExchange) => void,
  port = 0,
): Promise<UdpServer> {
  const socket = dgram.createSocket('udp4');
  let isOpen = true;
  let count = 0;
  socket.on('message', (query, from) => {
    const send = (message: Uint8Array) => {
      if (isOpen) socket.send(message, from.port, from.address, () => {});
    };
    onQuery({ query, sourceAddress: from.address, sourcePort: from.port, count: ++count, send });
  });
  socket.bind(port, HOST);
  await once(socket, 'listening');
  const close = async () => {
    if (!isOpen) return;
    isOpen = false;
    socket.close();
    await once(socket, 'close');
  };
  t.after(close);
  return { port: socket.address().port, close };
}

export type StreamExchange = {
  readonly query: Buffer;
  /** The connection it came on, numbered from 1. */
  readonly connection: number;
  /** How many queries have come, over all connections, this one included. */
  readonly count: number;
  /** Sends a message in its frame. */
  send(message: Uint8Array): void;
  readonly socket: net.Socket;
};

export type StreamServer = {
  readonly port: number;
  /** Connections accepted so far, and those open now. */
  readonly accepted: number;
  readonly open: ReadonlySet<net.Socket>;
  /** Closes the listener and all connections. */
  close(): Promise<void>;
};

export type StreamServerOptions = {
  readonly port?: number;
  /** Makes it a TLS server. */
  readonly tls?: tls.TlsOptions;
  readonly onConnection?: (socket: net.Socket) => void;
};

/** A TCP or TLS server on loopback, by default on a free port. */
export async function streamServer(
  t: TestContext,
  onQuery: (exchange: StreamExchange) => void,
  options: StreamServerOptions = {},
): Promise<StreamServer> {
  const open = new Set<net.Socket>();
  let accepted = 0;
  let count = 0;
  const onSocket = (socket: net.Socket) => {
    const connection = ++accepted;
    let received = Buffer.alloc(0);
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const query = received.subarray(2, 2 + received.readUInt16BE(0));
        received = received.subarray(2 + query.length);
        onQuery({ query, connection, count: ++count, socket, send: (message) => socket.write(frameOf(message)) });
      }
    });
    options.onConnection?.(socket);
  };
  const server = options.tls === undefined ? net.createServer(onSocket) : tls.createServer(options.tls, onSocket);
  server.on('tlsClientError', () => {});
  server.listen(options.port ?? 0, HOST);
  await once(server, 'listening');
  const close = async () => {
    for (const socket of open) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  t.after(close);
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return {
    port: address.port,
    open,
    get accepted() {
      return accepted;
    },
    close,
  };
}

/** The message with its length before it. */
export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(2 + message.length);
  frame.writeUInt16BE(message.length);
  frame.set(message, 2);
  return frame;
}

/** Resolves once `condition` holds; fails the test if that takes too long. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > endMs) assert.fail(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** The samples of one metric: `labels value`, sorted. */
export async function samplesOf(metrics: Metrics, name: string): Promise<string[]> {
  const lines = (await metrics.expose()).split('\n');
  return lines
    .filter((line) => line.startsWith(`${name}{`))
    .map((line) => line.slice(name.length))
    .sort();
}
