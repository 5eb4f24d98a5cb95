import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import dnsPacket from 'dns-packet';
import { EAGAIN } from '../sys/errno.ts';
import { close, connectTcp, receive, send } from '../sys/socket.ts';
import { until } from '../sys/testing.ts';
import type { Client } from './client.ts';
import { TcpListener } from './tcp-listener.ts';
import { Asker, answer, idOf, LONG_MS, listen, queryOf } from './testing/tcp.ts';

/** Sends before the event loop goes on, once the kernel has connected the socket. */
function sendBlocking(fd: number, bytes: Uint8Array): void {
  const endsAtMs = performance.now() + LONG_MS;
  let sent = -EAGAIN;
  while (sent === -EAGAIN && performance.now() < endsAtMs) sent = send(fd, bytes);
  assert.equal(sent, bytes.length);
}

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
