import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import dnsPacket from 'dns-packet';
import { EAGAIN } from '../sys/errno.ts';
import { close, connectTcp, receive, send } from '../sys/socket.ts';
import { until, WITHOUT_IPV6 } from '../sys/testing.ts';
import type { Client, Receive } from './client.ts';
import { MessageAssembler } from './tcp-framing.ts';
import { TcpListener, type TcpListenerOptions } from './tcp-listener.ts';

const QNAME = 'www.example.org';
const LONG_MS = 60_000;

/** A query with its length before it. */
function queryOf(id: number): Buffer {
  return dnsPacket.streamEncode({ type: 'query', id, questions: [{ type: 'A', name: QNAME }] });
}

function idOf(message: Uint8Array): number {
  return Buffer.from(message).readUInt16BE();
}

function answerTo(message: Uint8Array): Buffer {
  const { id = 0, questions = [] } = dnsPacket.decode(Buffer.from(message));
  const answers = [{ type: 'A' as const, name: QNAME, ttl: 30, data: '192.0.2.1' }];
  return dnsPacket.encode({ type: 'response', id, questions, answers });
}

const answer: Receive = (message, client) => client.send(answerTo(message));

function listen(t: TestContext, receive: Receive, options: Partial<TcpListenerOptions> = {}): TcpListener {
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
class Asker {
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

/** Sends before the event loop goes on, once the kernel has connected the socket. */
function sendBlocking(fd: number, bytes: Uint8Array): void {
  const endsAtMs = performance.now() + LONG_MS;
  let sent = -EAGAIN;
  while (sent === -EAGAIN && performance.now() < endsAtMs) sent = send(fd, bytes);
  assert.equal(sent, bytes.length);
}

const addressCases = [
  { listenAt: '127.0.0.1', askAt: '127.0.0.1', family: 4, address: '127.0.0.1' },
  { listenAt: '::1', askAt: '::1', family: 6, address: '::1' },
  { listenAt: '', askAt: '127.0.0.2', family: 4, address: '127.0.0.1' },
  { listenAt: '', askAt: '::1', family: 6, address: '::1' },
];
for (const { listenAt, askAt, family, address } of addressCases) {
  const skip = askAt.includes(':') && WITHOUT_IPV6;
  test(`tcp: ${askAt} asked on "${listenAt}" answers, and knows its client`, { skip }, async (t) => {
    const clients: Client[] = [];
    const keep: Receive = (message, client) => {
      clients.push(client);
      answer(message, client);
    };
    const listener = listen(t, keep, { address: listenAt });
    const asker = new Asker(t, listener.port, askAt);
    asker.socket.write(queryOf(7));
    assert.deepEqual(await asker.answers(1), [7]);
    const [client] = clients;
    assert.ok(client);
    assert.equal(client.protocol, 'tcp');
    assert.equal(client.family, family);
    assert.equal(client.address, address);
    assert.equal(client.port, asker.socket.localPort);
    assert.equal(client.localAddress, askAt);
    assert.equal(client.localPort, listener.port);
  });
}

test('tcp: a query in single bytes, several in one segment, and empty ones between', async (t) => {
  const listener = listen(t, answer);
  const asker = new Asker(t, listener.port);
  for (const byte of queryOf(1)) {
    asker.socket.write(Uint8Array.of(byte));
    await nextTurn();
  }
  asker.socket.write(Buffer.concat([queryOf(2), Uint8Array.of(0, 0), Uint8Array.of(0, 3, 1, 2, 3), queryOf(3)]));
  assert.deepEqual(await asker.answers(3), [1, 2, 3]);
});

test('tcp: pipelined queries are answered as they come, not as they were asked', async (t) => {
  const waiting: (() => void)[] = [];
  const listener = listen(t, (message, client) => {
    if (idOf(message) === 3) answer(message, client);
    else waiting.unshift(() => answer(message, client));
  });
  const asker = new Asker(t, listener.port);
  asker.socket.write(Buffer.concat([queryOf(1), queryOf(2), queryOf(3)]));
  await asker.answers(1);
  for (const send of waiting) send();
  assert.deepEqual(await asker.answers(3), [3, 2, 1]);
});

test('tcp: a client that closes its half gets the answers it waits for, then the end', async (t) => {
  const waiting: (() => void)[] = [];
  const listener = listen(t, (message, client) => waiting.push(() => answer(message, client)));
  const asker = new Asker(t, listener.port);
  asker.socket.end(Buffer.concat([queryOf(1), queryOf(2)]));
  await until(() => waiting.length >= 2);
  await nextTurn();
  for (const send of waiting) send();
  await asker.closed;
  assert.deepEqual(asker.ids, [1, 2]);
  assert.ok(asker.hasEnded);
});

test('tcp: a half-closed connection is closed when its query is dropped', async (t) => {
  const listener = listen(t, (_, client) => client.drop());
  const asker = new Asker(t, listener.port);
  asker.socket.end(queryOf(1));
  await asker.closed;
  assert.deepEqual(asker.ids, []);
});

test('tcp: each query has one answer at most', async (t) => {
  const listener = listen(t, (message, client) => {
    if (idOf(message) === 1) client.drop();
    answer(message, client);
    answer(message, client);
  });
  const asker = new Asker(t, listener.port);
  asker.socket.end(Buffer.concat([queryOf(1), queryOf(2)]));
  await asker.closed;
  assert.deepEqual(asker.ids, [2]);
});

test('tcp: a client that has gone is not answered, and harms nobody', async (t) => {
  const waiting: (() => void)[] = [];
  const listener = listen(t, (message, client) => waiting.push(() => answer(message, client)));
  const gone = new Asker(t, listener.port);
  gone.socket.write(queryOf(1));
  await until(() => waiting.length >= 1);
  gone.socket.resetAndDestroy();
  await gone.closed;
  const asker = new Asker(t, listener.port);
  asker.socket.write(queryOf(2));
  await until(() => waiting.length >= 2);
  for (const send of waiting) send();
  assert.deepEqual(await asker.answers(1), [2]);
});

test('tcp: at the limit a new connection is closed at once, and counted', async (t) => {
  let rejected = 0;
  const listener = listen(t, answer, { maxConnections: 1, onRejected: () => rejected++ });
  const first = new Asker(t, listener.port);
  first.socket.write(queryOf(1));
  await first.answers(1);
  const second = new Asker(t, listener.port);
  await second.closed;
  assert.equal(rejected, 1);
  first.socket.end();
  await first.closed;
  const third = new Asker(t, listener.port);
  third.socket.write(queryOf(3));
  assert.deepEqual(await third.answers(1), [3]);
});

test('tcp: 128 queries of a connection are in flight, the others wait for their turn', async (t) => {
  const waiting: (() => void)[] = [];
  const listener = listen(t, (message, client) => waiting.push(() => answer(message, client)));
  const asker = new Asker(t, listener.port);
  asker.socket.write(Buffer.concat(Array.from({ length: 300 }, (_, id) => queryOf(id))));
  await until(() => waiting.length >= 128);
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  assert.equal(waiting.length, 128);
  for (let served = 0; served < 300; served++) {
    await until(() => waiting.length > 0);
    waiting.shift()?.();
    assert.ok(waiting.length <= 128);
  }
  await asker.answers(300);
});

test('tcp: a client that does not read its answers is not read either', async (t) => {
  let received = 0;
  const large = new Uint8Array(60_000);
  const listener = listen(t, (_, client) => {
    received++;
    client.send(large);
  });
  const socket = net.connect(listener.port, '127.0.0.1').pause();
  t.after(() => socket.destroy());
  socket.write(Buffer.concat(Array.from({ length: 2000 }, (_, id) => queryOf(id))));
  for (let last = -1; received === 0 || received !== last; ) {
    last = received;
    for (let turn = 0; turn < 20; turn++) await nextTurn();
  }
  assert.ok(received < 1000, `${received} answers of 60 kB are kept for it`);
  let bytes = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
  });
  socket.resume();
  await until(() => bytes >= 2000 * (large.length + 2));
});

const timeoutCases = [
  { name: 'nothing within the first time-out', sent: [], timeouts: { readMs: 5, idleMs: LONG_MS }, answers: 0 },
  {
    name: 'half a message within the first',
    sent: [queryOf(1).subarray(0, 9)],
    timeouts: { readMs: 5, idleMs: LONG_MS },
    answers: 0,
  },
  {
    name: 'no second message within the idle time-out',
    sent: [queryOf(1)],
    timeouts: { readMs: LONG_MS, idleMs: 5 },
    answers: 1,
  },
  { name: 'half a second one', sent: [queryOf(1), Buffer.of(0)], timeouts: { readMs: LONG_MS, idleMs: 5 }, answers: 1 },
  {
    name: 'a short message, then none',
    sent: [Buffer.of(0, 1, 1)],
    timeouts: { readMs: LONG_MS, idleMs: 5 },
    answers: 0,
  },
];
for (const { name, sent, timeouts, answers } of timeoutCases) {
  test(`tcp: closed after ${name}`, async (t) => {
    const asker = new Asker(t, listen(t, answer, { timeouts }).port);
    for (const bytes of sent) asker.socket.write(bytes);
    await asker.closed;
    assert.equal(asker.ids.length, answers);
  });
}

test('tcp: a connection is not idle while a query is in flight, and is once it has its answer', async (t) => {
  const { promise, resolve } = Promise.withResolvers<() => void>();
  const listener = listen(t, (message, client) => resolve(() => answer(message, client)), {
    timeouts: { readMs: LONG_MS, idleMs: 5 },
  });
  const asker = new Asker(t, listener.port);
  asker.socket.write(queryOf(1));
  setTimeout(await promise, 20);
  await asker.closed;
  assert.deepEqual(asker.ids, [1]);
  assert.ok(asker.hasEnded);
});

const maxQueriesCases = [
  { name: 'at once', receive: answer },
  { name: 'later', receive: (message: Uint8Array, client: Client) => void setTimeout(answer, 5, message, client) },
];
for (const { name, receive } of maxQueriesCases) {
  test(`tcp: closed after so many queries, answered ${name}; the others are not read`, async (t) => {
    const asker = new Asker(t, listen(t, receive, { maxQueries: 2 }).port);
    asker.socket.write(Buffer.concat([1, 2, 3].map(queryOf)));
    await asker.closed;
    assert.deepEqual(asker.ids, [1, 2]);
  });
}

test('tcp: a new number of queries holds for open connections', async (t) => {
  const listener = listen(t, answer);
  const asker = new Asker(t, listener.port);
  asker.socket.write(queryOf(1));
  await asker.answers(1);
  listener.setMaxQueries(2);
  asker.socket.write(queryOf(2));
  await asker.closed;
  assert.deepEqual(asker.ids, [1, 2]);
});

test('tcp: new time-outs and a new receiver hold for open connections', async (t) => {
  const listener = listen(t, () => assert.fail('the old one was asked'));
  const asker = new Asker(t, listener.port);
  await once(asker.socket, 'connect');
  listener.setReceive(answer);
  listener.setTimeouts({ readMs: LONG_MS, idleMs: 5 });
  asker.socket.write(queryOf(1));
  await asker.closed;
  assert.deepEqual(asker.ids, [1]);
});

test('tcp: closing ends idle connections at once and the others after their answers, without a reset', async (t) => {
  const waiting: (() => void)[] = [];
  const listener = listen(t, (message, client) => {
    if (idOf(message) === 1) answer(message, client);
    else waiting.push(() => answer(message, client));
  });
  const idle = new Asker(t, listener.port);
  idle.socket.write(queryOf(1));
  await idle.answers(1);
  const busy = new Asker(t, listener.port);
  busy.socket.write(queryOf(2));
  await until(() => waiting.length > 0);
  const closing = listener.close({ graceMs: LONG_MS });
  await idle.closed;
  assert.ok(idle.hasEnded);
  assert.ok(!busy.hasEnded);
  for (const send of waiting) send();
  await closing;
  await busy.closed;
  assert.deepEqual(busy.ids, [2]);
  assert.ok(busy.hasEnded);
});

test('tcp: a query that has arrived when closing begins is answered', async (t) => {
  const listener = listen(t, answer);
  const asker = new Asker(t, listener.port);
  await once(asker.socket, 'connect');
  asker.socket.write(queryOf(1));
  await listener.close({ graceMs: LONG_MS });
  await asker.closed;
  assert.deepEqual(asker.ids, [1]);
});

test('tcp: connections that the kernel has made when closing begins are accepted, and their queries answered', async (t) => {
  const listener = listen(t, answer, { backlog: 64, maxConnections: 64 });
  const fds = Array.from({ length: 50 }, () => connectTcp('127.0.0.1', listener.port));
  for (const fd of fds) sendBlocking(fd, queryOf(7));
  const sockets = fds.map((fd) => new net.Socket({ fd }));
  t.after(() => sockets.forEach((socket) => void socket.destroy()));
  const ends = sockets.map(async (socket) => Buffer.concat(await socket.toArray()));
  await listener.close({ graceMs: LONG_MS });
  const answers = await Promise.all(ends);
  assert.deepEqual(new Set(answers.map((bytes) => dnsPacket.streamDecode(bytes).id)), new Set([7]));
});

test('tcp: closing answers all that a connection has sent, also what waited for its turn', async (t) => {
  const waiting: (() => void)[] = [];
  const listener = listen(t, (message, client) => waiting.push(() => answer(message, client)));
  const asker = new Asker(t, listener.port);
  const ids = Array.from({ length: 5000 }, (_, id) => id);
  asker.socket.write(Buffer.concat(ids.map(queryOf)));
  await until(() => waiting.length >= 128);
  const closing = listener.close({ graceMs: LONG_MS, readOnMs: LONG_MS });
  for (let served = 0; served < ids.length; served++) {
    await until(() => waiting.length > 0);
    waiting.shift()?.();
  }
  await closing;
  await asker.closed;
  assert.deepEqual(asker.ids, ids);
  assert.ok(asker.hasEnded);
});

test('tcp: a connection that has asked nothing yet, or a part of a query, may still do so while the listener closes', async (t) => {
  const listener = listen(t, answer);
  const askers = [new Asker(t, listener.port), new Asker(t, listener.port)];
  await Promise.all(askers.map(({ socket }) => once(socket, 'connect')));
  askers[1]?.socket.write(queryOf(1).subarray(0, 5));
  const closing = listener.close({ graceMs: LONG_MS, readOnMs: LONG_MS });
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  askers[0]?.socket.write(queryOf(1));
  askers[1]?.socket.write(queryOf(1).subarray(5));
  await closing;
  for (const asker of askers) {
    await asker.closed;
    assert.deepEqual(asker.ids, [1]);
    assert.ok(asker.hasEnded);
  }
});

test('tcp: a connection that never asks, and one that never stops, end all the same when the listener closes', async (t) => {
  const listener = listen(t, (message, client) => void setTimeout(answer, 1, message, client));
  const [silent, busy] = [new Asker(t, listener.port), new Asker(t, listener.port)];
  let isAsking = true;
  let asked = 0;
  const ask = () => {
    if (!isAsking) return;
    busy.socket.write(queryOf(asked++));
    setImmediate(ask);
  };
  busy.socket.on('end', () => {
    isAsking = false;
  });
  ask();
  await Promise.all([busy.answers(1), once(silent.socket, 'connect')]);
  await listener.close({ graceMs: LONG_MS, readOnMs: 20 });
  await Promise.all([silent.closed, busy.closed]);
  assert.ok(silent.hasEnded && busy.hasEnded);
  // Each that was read has its answer, in whatever order.
  assert.deepEqual(
    busy.ids.toSorted((a, b) => a - b),
    busy.ids.map((_, id) => id),
  );
});

test('tcp: a query that meets our end on its way does not reset the connection', async (t) => {
  const listener = listen(t, answer, { maxQueries: 1, lingerMs: LONG_MS });
  const fd = connectTcp('127.0.0.1', listener.port);
  t.after(() => close(fd));
  sendBlocking(fd, queryOf(1));
  const buffer = Buffer.alloc(512);
  let received = -EAGAIN;
  // The answer, and then the end.
  for (const isExpected of [() => received > 0, () => received === 0]) {
    await until(() => {
      received = receive(fd, buffer);
      return received !== -EAGAIN;
    });
    assert.ok(isExpected(), `${received}`);
  }
  for (let i = 0; i < 20; i++) {
    assert.equal(send(fd, queryOf(2)), queryOf(2).length);
    await nextTurn();
  }
});

test('tcp: a client that does not end its half is not waited for', async (t) => {
  const listener = listen(t, answer, { lingerMs: 1 });
  const socket = net.connect({ port: listener.port, host: '127.0.0.1', allowHalfOpen: true }).resume();
  t.after(() => socket.destroy());
  socket.write(queryOf(1));
  await once(socket, 'data');
  await listener.close({ graceMs: LONG_MS });
});

test('tcp: after the grace all connections are gone, and late answers go nowhere', async (t) => {
  const clients: Client[] = [];
  const listener = listen(t, (_, client) => clients.push(client));
  const asker = new Asker(t, listener.port);
  asker.socket.write(queryOf(1));
  await until(() => clients.length > 0);
  await listener.close({ graceMs: 1 });
  clients[0]?.send(queryOf(1));
  await asker.closed;
  assert.deepEqual(asker.ids, []);
});

test('tcp: a listener that never started is just closed', async () => {
  const options = { address: '127.0.0.1', port: 0, backlog: 1, maxConnections: 1, receive: answer };
  const listener = new TcpListener({ ...options, timeouts: { readMs: 1, idleMs: 1 } });
  await listener.close({ graceMs: LONG_MS });
  listener.start();
});
