import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { until, WITHOUT_IPV6 } from '../sys/testing.ts';
import type { Client, Receive } from './client.ts';
import { Asker, answer, idOf, LONG_MS, listen, queryOf } from './testing/tcp.ts';

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
