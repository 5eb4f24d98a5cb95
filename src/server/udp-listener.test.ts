import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as after, setImmediate as nextTurn } from 'node:timers/promises';
import dnsPacket from 'dns-packet';
import { Poller } from '../sys/poller.ts';
import { close, connectUdp, receive, send } from '../sys/socket.ts';
import { until, WITHOUT_IPV6 } from '../sys/testing.ts';
import type { Client, Receive } from './client.ts';
import { UdpListener } from './udp-listener.ts';

const QNAME = 'www.example.org';

function queryOf(id: number): Buffer {
  return dnsPacket.encode({ type: 'query', id, questions: [{ type: 'A', name: QNAME }] });
}

function answerTo(message: Uint8Array): Buffer {
  const { id, questions } = dnsPacket.decode(Buffer.from(message));
  const answers = [{ type: 'A' as const, name: QNAME, ttl: 30, data: '192.0.2.1' }];
  return dnsPacket.encode({ type: 'response', id: id ?? 0, questions: questions ?? [], answers });
}

/** Answers at once. */
const answer: Receive = (message, client) => client.send(answerTo(message));

function listen(t: TestContext, onQuery: Receive, address = '127.0.0.1', port = 0): UdpListener {
  const errors: unknown[] = [];
  const poller = new Poller((error) => errors.push(error));
  const listener = new UdpListener({ address, port, poller, receive: onQuery });
  listener.start();
  t.after(async () => {
    await listener.close({ graceMs: 0 });
    poller.close();
    assert.deepEqual(errors, []);
  });
  return listener;
}

/** A client that counts only replies of the address and port that it asked. */
async function connect(t: TestContext, port: number, address = '127.0.0.1'): Promise<dgram.Socket> {
  const socket = dgram.createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1024 * 1024 });
  t.after(() => socket.close());
  socket.connect(port, address);
  await once(socket, 'connect');
  return socket;
}

async function ask(socket: dgram.Socket, query: Uint8Array): Promise<dnsPacket.Packet> {
  socket.send(query);
  const [reply] = await once(socket, 'message');
  return dnsPacket.decode(reply);
}

const addressCases = [
  { listenAt: '127.0.0.1', askAt: '127.0.0.1', family: 4, address: '127.0.0.1' },
  { listenAt: '::1', askAt: '::1', family: 6, address: '::1' },
  { listenAt: '', askAt: '127.0.0.1', family: 4, address: '127.0.0.1' },
  { listenAt: '', askAt: '127.0.0.2', family: 4, address: '127.0.0.1' },
  { listenAt: '', askAt: '::1', family: 6, address: '::1' },
];
for (const { listenAt, askAt, family, address } of addressCases) {
  test(`udp: ${askAt} asked on "${listenAt}" answers, and knows its client`, {
    skip: askAt.includes(':') && WITHOUT_IPV6,
  }, async (t) => {
    const clients: Client[] = [];
    const listener = listen(
      t,
      (message, client) => {
        clients.push(client);
        answer(message, client);
      },
      listenAt,
    );
    const socket = await connect(t, listener.port, askAt);
    const reply = await ask(socket, queryOf(7));
    assert.equal(reply.id, 7);
    assert.equal(reply.answers?.length, 1);
    const [client] = clients;
    assert.ok(client);
    assert.equal(client.protocol, 'udp');
    assert.equal(client.family, family);
    assert.equal(client.address, address);
    assert.equal(client.port, socket.address().port);
    assert.equal(client.localAddress, askAt);
    assert.equal(client.localPort, listener.port);
  });
}

test('udp: hundreds of queries at once, answered at once or later, in any order', async (t) => {
  const listener = listen(t, async (message, client) => {
    const { id = 0 } = dnsPacket.decode(Buffer.from(message));
    if (id % 3 === 1) await null;
    if (id % 3 === 2) await after(1);
    answer(message, client);
  });
  const socket = await connect(t, listener.port);
  const waiting = new Set(Array.from({ length: 300 }, (_, i) => i));
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on('message', (reply) => {
    assert.ok(waiting.delete(dnsPacket.decode(reply).id ?? -1));
    if (waiting.size === 0) resolve();
  });
  for (const id of waiting) socket.send(queryOf(id));
  await promise;
});

test('udp: messages are the receiver’s own', async (t) => {
  const messages: Uint8Array[] = [];
  const listener = listen(t, (message, client) => {
    messages.push(message);
    answer(message, client);
  });
  const socket = await connect(t, listener.port);
  for (let id = 0; id < 200; id++) await ask(socket, queryOf(id));
  for (const [id, message] of messages.entries()) assert.deepEqual(Buffer.from(message), queryOf(id));
});

test('udp: a query of 4,096 bytes is read whole', async (t) => {
  const listener = listen(t, (message, client) => client.send(message));
  const socket = await connect(t, listener.port);
  const query = Buffer.alloc(4096, 'x');
  socket.send(query);
  assert.deepEqual((await once(socket, 'message'))[0], query);
});

test('udp: fewer than 12 bytes are ignored', async (t) => {
  const listener = listen(t, answer);
  const socket = await connect(t, listener.port);
  socket.send(Buffer.alloc(0));
  socket.send(Buffer.alloc(11));
  assert.equal((await ask(socket, queryOf(1))).id, 1);
});

test('udp: each query has one answer at most, and none after drop', async (t) => {
  const listener = listen(t, (message, client) => {
    const { id = 0 } = dnsPacket.decode(Buffer.from(message));
    if (id === 1) client.drop();
    answer(message, client);
    answer(message, client);
  });
  const socket = await connect(t, listener.port);
  const ids: unknown[] = [];
  socket.on('message', (reply) => ids.push(dnsPacket.decode(reply).id));
  for (const id of [1, 2, 3]) socket.send(queryOf(id));
  await until(() => ids.includes(3));
  assert.deepEqual(ids, [2, 3]);
});

test('udp: setReceive changes who answers, and nothing is lost', async (t) => {
  const listener = listen(t, () => assert.fail('the old one was asked'));
  listener.setReceive(answer);
  const socket = await connect(t, listener.port);
  assert.equal((await ask(socket, queryOf(1))).id, 1);
});

for (const { listenAt, askAt } of addressCases) {
  const skip = askAt.includes(':') && WITHOUT_IPV6;
  test(`udp: closing on "${listenAt}" answers what waits from ${askAt}, at once or later`, { skip }, async (t) => {
    const listener = listen(t, (message, client) => (message[1] === 1 ? answer : later)(message, client), listenAt);
    const fd = connectUdp(askAt, listener.port);
    t.after(() => close(fd));
    for (const id of [1, 2]) send(fd, queryOf(id));
    await listener.close();
    const reply = Buffer.alloc(512);
    const ids = [1, 2].map(() => dnsPacket.decode(reply.subarray(0, receive(fd, reply))).id);
    assert.deepEqual(ids, [1, 2]);
  });
}

test('udp: a listener that leaves under load loses nothing', async (t) => {
  const total = 3000;
  let listener = listen(t, answer);
  const { port } = listener;
  const answered = new Set<number>();
  const sockets = await Promise.all(Array.from({ length: 8 }, () => connect(t, port)));
  for (const socket of sockets) {
    socket.on('message', (reply) => answered.add(dnsPacket.decode(reply).id ?? -1));
  }
  for (let id = 0; id < total; id++) {
    sockets[id % sockets.length]?.send(queryOf(id));
    if (id % 500 === 250) {
      const old = listener;
      listener = listen(t, id % 1000 === 250 ? later : answer, '127.0.0.1', port);
      void old.close();
    }
    if (id % 10 === 0) await nextTurn();
  }
  await until(() => answered.size === total);
});

/** Answers when the event loop has gone on. */
const later: Receive = (message, client) => void nextTurn().then(() => answer(message, client));

test('udp: a closed listener sends nothing, and waits no longer than its grace for answers', async (t) => {
  const clients: Client[] = [];
  const dropped: number[] = [];
  const poller = new Poller(() => {});
  t.after(() => poller.close());
  const keep: Receive = (_, client) => clients.push(client);
  const listener = new UdpListener({
    address: '127.0.0.1',
    port: 0,
    poller,
    receive: keep,
    onDropped: (n) => dropped.push(n),
  });
  listener.start();
  const socket = await connect(t, listener.port);
  socket.send(queryOf(1));
  await until(() => clients.length > 0);
  await listener.close({ graceMs: 1 });
  clients[0]?.send(queryOf(1));
  assert.deepEqual(dropped, []);
});

test('udp: replies that the kernel refuses are counted', async (t) => {
  const poller = new Poller(() => {});
  t.after(() => poller.close());
  const { promise, resolve } = Promise.withResolvers<number>();
  const tooMuch: Receive = (_, client) => client.send(new Uint8Array(65_535));
  const listener = new UdpListener({ address: '127.0.0.1', port: 0, poller, receive: tooMuch, onDropped: resolve });
  listener.start();
  const socket = await connect(t, listener.port);
  socket.send(queryOf(1));
  assert.equal(await promise, 1);
  await listener.close();
});

test('udp: a listener that never started is just closed', async () => {
  const poller = new Poller(() => {});
  const listener = new UdpListener({ address: '127.0.0.1', port: 0, poller, receive: answer });
  await listener.close();
  listener.start();
  poller.close();
});

test('udp: sockets that somebody else may still read are not closed', async () => {
  const poller = new Poller(() => undefined);
  for (const isReleased of [true, false]) {
    const listener = new UdpListener({ address: '127.0.0.1', port: 0, poller, receive: answer, responderCount: 2 });
    listener.start();
    const { fds } = listener;
    await listener.close({ graceMs: 0, release: async () => isReleased });
    const isOpen = (fd: number) => existsSync(`/proc/self/fd/${fd}`);
    assert.deepEqual(fds.map(isOpen), [!isReleased, !isReleased]);
    if (!isReleased) for (const fd of fds) close(fd);
  }
  poller.close();
});
