import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../sys/testing/free-port.ts';
import {
  addressFor,
  answersOf,
  ask,
  frameOf,
  manyNames,
  replyTo,
  type StreamExchange,
  samplesOf,
  streamServer,
  testServices,
  testUpstream,
  until,
} from './testing.ts';

const tcp = { protocol: 'tcp' } as const;
const answer = ({ query, send }: StreamExchange) => send(replyTo(query, [addressFor(query)]));

test('many queries are in flight on one connection, and answered in any order', async (t) => {
  const waiting: StreamExchange[] = [];
  const server = await streamServer(t, (exchange) => waiting.push(exchange));
  const upstream = testUpstream(t, server.port, { readTimeoutMs: 10_000 });
  const names = manyNames(100);
  const results = Promise.all(names.map((name) => ask(upstream, { ...tcp, name })));
  await until(() => waiting.length === names.length, 'all queries');
  assert.equal(server.accepted, 1);
  assert.equal(new Set(waiting.map(({ query }) => query.readUInt16BE(0))).size, names.length);
  for (const exchange of waiting.reverse()) answer(exchange);
  assert.deepEqual(
    (await results).map(answersOf),
    names.map((_, i) => [`192.0.2.${i}`]),
  );
  assert.equal(upstream.openCount, 1);
});

test('connections leave from the source address', async (t) => {
  const sources: (string | undefined)[] = [];
  const server = await streamServer(t, ({ query, send, socket }) => {
    sources.push(socket.remoteAddress);
    send(replyTo(query));
  });
  const upstream = testUpstream(t, server.port, { sourceAddress: '127.0.0.9' });
  assert.deepEqual(answersOf(await ask(upstream, tcp)), ['192.0.2.80']);
  assert.deepEqual(sources, ['127.0.0.9']);
});

test('a reply may come byte by byte, or several at once', async (t) => {
  const server = await streamServer(t, async ({ query, count, socket }) => {
    const frame = frameOf(replyTo(query));
    if (count === 2) socket.write(Buffer.concat([frameOf(Buffer.alloc(12)), frame]));
    for (const byte of count === 1 ? frame : []) {
      socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  const upstream = testUpstream(t, server.port, { readTimeoutMs: 10_000 });
  assert.deepEqual(answersOf(await ask(upstream, tcp)), ['192.0.2.80']);
  assert.deepEqual(answersOf(await ask(upstream, tcp)), ['192.0.2.80']);
  assert.equal(server.accepted, 1);
});

test('a reply of 65,535 bytes', async (t) => {
  const addresses = Array.from({ length: 2000 }, (_, i) => `192.0.${i >> 8}.${i & 255}`);
  const server = await streamServer(t, ({ query, send }) => send(replyTo(query, addresses)));
  assert.deepEqual(answersOf(await ask(testUpstream(t, server.port), tcp)), addresses);
});

const lies: { name: string; lie: (reply: Buffer) => void }[] = [
  { name: 'another id', lie: (reply) => reply.writeUInt16BE(reply.readUInt16BE(0) ^ 1, 0) },
  { name: 'another question', lie: (reply) => reply.writeUInt8(reply[13] ^ 2, 13) },
  { name: 'no response', lie: (reply) => reply.writeUInt8(reply[2] & 0x7f, 2) },
];
for (const { name, lie } of lies) {
  test(`a lie is ignored, and the wait goes on: ${name}`, async (t) => {
    const server = await streamServer(t, ({ query, send }) => {
      const forged = replyTo(query, ['198.51.100.66']);
      lie(forged);
      send(forged);
      send(replyTo(query));
    });
    assert.deepEqual(answersOf(await ask(testUpstream(t, server.port), tcp)), ['192.0.2.80']);
  });
}

const broken: {
  name: string;
  onQuery: (exchange: StreamExchange) => void;
  want: RegExp;
  readTimeoutMs?: number;
}[] = [
  { name: 'no answer', onQuery: () => {}, want: /i\/o timeout$/, readTimeoutMs: 150 },
  { name: 'closed without an answer', onQuery: ({ socket }) => socket.end(), want: /: EOF$/ },
  { name: 'reset without an answer', onQuery: ({ socket }) => socket.resetAndDestroy(), want: /ECONNRESET/ },
  { name: 'closed within the length', onQuery: ({ socket }) => socket.end(Uint8Array.of(0)), want: /unexpected EOF$/ },
  {
    name: 'closed in mid-message',
    onQuery: ({ query, socket }) => socket.end(frameOf(replyTo(query)).subarray(0, 30)),
    want: /unexpected EOF$/,
  },
  {
    name: 'an answer, then closed in mid-message',
    onQuery: ({ query, count, send, socket }) => {
      if (count === 1) send(replyTo(query));
      else socket.end(frameOf(replyTo(query)).subarray(0, 30));
    },
    want: /unexpected EOF$/,
  },
  {
    name: 'a message shorter than a header',
    onQuery: ({ socket }) => socket.write(frameOf(new Uint8Array(11))),
    want: /a message shorter than its header$/,
  },
  {
    name: 'text instead of DNS',
    onQuery: ({ socket }) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    want: /unexpected EOF$/,
  },
  {
    name: 'a malformed message',
    onQuery: ({ query, send }) => {
      const reply = replyTo(query);
      reply[33] = 0x80;
      send(reply);
    },
    want: /malformed reply$/,
  },
];
for (const { name, onQuery, want, readTimeoutMs = 10_000 } of broken) {
  test(`fails, and the connection is closed: ${name}`, async (t) => {
    const server = await streamServer(t, onQuery);
    const upstream = testUpstream(t, server.port, { readTimeoutMs });
    let result = answersOf(await ask(upstream, tcp));
    if (name.startsWith('an answer')) result = answersOf(await ask(upstream, tcp));
    assert.match(String(result), want);
    assert.match(String(result), new RegExp(`^read tcp 127\\.0\\.0\\.1:\\d+->127\\.0\\.0\\.1:${server.port}: `));
    await until(() => upstream.openCount === 0 && server.open.size === 0, 'the connection to be closed');
    assert.equal(server.accepted, 1);
  });
}

test('a query moves to a new connection when the idle one turns out closed', async (t) => {
  const server = await streamServer(t, ({ query, count, send, socket }) => {
    // Closes upon the second query, as if it had closed just before it came.
    if (count === 2) socket.resetAndDestroy();
    else send(replyTo(query));
  });
  const upstream = testUpstream(t, server.port);
  assert.deepEqual(answersOf(await ask(upstream, tcp)), ['192.0.2.80']);
  assert.deepEqual(answersOf(await ask(upstream, tcp)), ['192.0.2.80']);
  assert.equal(server.accepted, 2);
});

test('a server that answers one query per connection answers all in flight', async (t) => {
  const server = await streamServer(t, ({ query, socket }) => {
    if (!socket.writableEnded) socket.end(frameOf(replyTo(query, [addressFor(query)])));
  });
  const upstream = testUpstream(t, server.port, { readTimeoutMs: 10_000 });
  const names = manyNames(8);
  const results = await Promise.all(names.map((name) => ask(upstream, { ...tcp, name })));
  assert.deepEqual(
    results.map(answersOf),
    names.map((_, i) => [`192.0.2.${i}`]),
  );
});

test('a restart costs one dial, and no query in flight its answer', async (t) => {
  let hold = false;
  const waiting: StreamExchange[] = [];
  const server = await streamServer(t, (exchange) => (hold ? waiting.push(exchange) : answer(exchange)));
  const upstream = testUpstream(t, server.port, { readTimeoutMs: 10_000 });
  await ask(upstream, tcp);
  hold = true;
  const names = manyNames(50);
  const results = Promise.all(names.map((name) => ask(upstream, { ...tcp, name })));
  await until(() => waiting.length === names.length, 'all queries');
  hold = false;
  for (const socket of server.open) socket.end();
  assert.deepEqual(
    (await results).map(answersOf),
    names.map((_, i) => [`192.0.2.${i}`]),
  );
  assert.equal(server.accepted, 2);
});

test('one query that breaks the connection does not fail the others in flight', async (t) => {
  const server = await streamServer(t, (exchange) => {
    const { query, count, socket } = exchange;
    if (query.includes('poison')) socket.end(frameOf(replyTo(query)).subarray(0, 20));
    else if (count === 1 || exchange.connection > 1) answer(exchange);
  });
  const upstream = testUpstream(t, server.port, { readTimeoutMs: 10_000 });
  await ask(upstream, { ...tcp, name: 'n0.example.org' });
  const names = manyNames(20);
  const results = Promise.all(names.map((name) => ask(upstream, { ...tcp, name })));
  assert.match(String(answersOf(await ask(upstream, { ...tcp, name: 'poison.example.org' }))), /unexpected EOF$/);
  assert.deepEqual(
    (await results).map(answersOf),
    names.map((_, i) => [`192.0.2.${i}`]),
  );
});

test('an upstream that takes connections only to close them is dialled a few times a second', async (t) => {
  const server = await streamServer(t, ({ socket }) => socket.end());
  const upstream = testUpstream(t, server.port);
  const startedAtMs = performance.now();
  const tookMs = () => performance.now() - startedAtMs;
  while (tookMs() < 300 || server.accepted < 2) await Promise.all(Array.from({ length: 10 }, () => ask(upstream, tcp)));
  assert.ok(server.accepted <= 12 * (tookMs() / 300), `${server.accepted} connections in ${tookMs()} ms`);
});

test('an upstream that comes back is found again', async (t) => {
  const port = await freePort();
  const upstream = testUpstream(t, port);
  const refused = `dial tcp 127.0.0.1:${port}: connect: connection refused`;
  const results = await Promise.all(Array.from({ length: 10 }, () => ask(upstream, tcp)));
  assert.deepEqual(results.map(answersOf), Array(10).fill(refused));
  const server = await streamServer(t, ({ query, send }) => send(replyTo(query)), { port });
  let result = await ask(upstream, tcp);
  for (let i = 0; i < 1000 && result instanceof Error; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    result = await ask(upstream, tcp);
  }
  assert.deepEqual(answersOf(result), ['192.0.2.80']);
  assert.equal(server.accepted, 1);
});

test('after its time a connection takes no queries, and is closed when the last one is answered', async (t) => {
  const waiting: StreamExchange[] = [];
  const server = await streamServer(t, (exchange) => waiting.push(exchange));
  const upstream = testUpstream(t, server.port, { readTimeoutMs: 10_000, maxAgeMs: 40 });
  const first = ask(upstream, tcp);
  await until(() => waiting.length === 1, 'the first query');
  await new Promise((resolve) => setTimeout(resolve, 45));
  const second = ask(upstream, tcp);
  await until(() => waiting.length === 2, 'the second query');
  assert.deepEqual([waiting[0].connection, waiting[1].connection], [1, 2]);
  assert.equal(upstream.openCount, 2);
  for (const { query, send } of waiting) send(replyTo(query));
  assert.deepEqual(answersOf(await first), ['192.0.2.80']);
  assert.deepEqual(answersOf(await second), ['192.0.2.80']);
  await until(() => server.open.size === 1, 'the first connection to be closed');
});

test('an idle connection is closed', async (t) => {
  const server = await streamServer(t, ({ query, send }) => send(replyTo(query)));
  const upstream = testUpstream(t, server.port, { idleMs: 20 });
  await ask(upstream, tcp);
  await until(() => upstream.openCount === 0 && server.open.size === 0, 'the connection to be closed');
});

test('a slow answer of a server that answers in order does not hold up the others', async (t) => {
  const held: StreamExchange[] = [];
  const blocked = new Set<number>();
  const server = await streamServer(t, (exchange) => {
    const isSlow = exchange.query.includes('slow');
    if (isSlow) blocked.add(exchange.connection);
    if (blocked.has(exchange.connection)) held.push(exchange);
    else exchange.send(replyTo(exchange.query));
  });
  const upstream = testUpstream(t, server.port, { readTimeoutMs: 10_000 });
  const slow = ask(upstream, { ...tcp, name: 'slow.example.org' });
  await until(() => held.length === 1, 'the slow query');
  await new Promise((resolve) => setTimeout(resolve, 110));
  for (let i = 0; i < 5; i++) assert.deepEqual(answersOf(await ask(upstream, tcp)), ['192.0.2.80']);
  assert.equal(server.accepted, 2);
  for (const { query, send } of held) send(replyTo(query));
  assert.deepEqual(answersOf(await slow), ['192.0.2.80']);
});

test('a connection on which nothing comes back is given up, and the others in flight move once', async (t) => {
  const server = await streamServer(t, ({ query, connection, send }) => {
    if (connection > 1) send(replyTo(query));
  });
  const upstream = testUpstream(t, server.port, { readTimeoutMs: 1000 });
  const first = ask(upstream, tcp);
  await until(() => server.accepted === 1, 'the connection');
  await new Promise((resolve) => setTimeout(resolve, 300));
  const second = ask(upstream, tcp);
  assert.match(String(answersOf(await first)), /i\/o timeout$/);
  assert.deepEqual(answersOf(await second), ['192.0.2.80']);
  assert.equal(server.accepted, 2);
});

test('max_idle_conns: no more idle connections are kept', async (t) => {
  const waiting: StreamExchange[] = [];
  const server = await streamServer(t, (exchange) => waiting.push(exchange));
  const upstream = testUpstream(t, server.port, { readTimeoutMs: 10_000, maxIdle: 1 });
  const first = ask(upstream, tcp);
  await until(() => waiting.length === 1, 'the first query');
  await new Promise((resolve) => setTimeout(resolve, 110)); // Now the connection counts as held up.
  const second = ask(upstream, tcp);
  await until(() => waiting.length === 2, 'the second query');
  assert.equal(upstream.openCount, 2);
  for (const { query, send } of waiting) send(replyTo(query));
  await Promise.all([first, second]);
  assert.equal(upstream.openCount, 1);
});

test('a retired upstream answers what is in flight and what comes late, and keeps nothing open', async (t) => {
  const waiting: StreamExchange[] = [];
  const server = await streamServer(t, (exchange) => waiting.push(exchange));
  const upstream = testUpstream(t, server.port, { readTimeoutMs: 10_000 });
  const early = ask(upstream, tcp);
  upstream.retire(); // While it is being dialled.
  await until(() => waiting.length === 1, 'the query');
  const late = ask(upstream, tcp);
  await until(() => waiting.length === 2, 'the late query');
  for (const { query, send } of waiting) send(replyTo(query));
  assert.deepEqual(answersOf(await early), ['192.0.2.80']);
  assert.deepEqual(answersOf(await late), ['192.0.2.80']);
  await until(() => upstream.openCount === 0 && server.open.size === 0, 'the connections to be closed');
});

test('connections reused and dialled are counted as hits and misses', async (t) => {
  const services = testServices(t);
  const server = await streamServer(t, ({ query, send }) => send(replyTo(query)));
  const upstream = testUpstream(t, server.port, {}, services);
  for (let i = 0; i < 5; i++) await ask(upstream, tcp);
  const labels = `{proto="tcp",proxy_name="forward",to="127.0.0.1:${server.port}"}`;
  assert.deepEqual(await samplesOf(services.metrics, 'coredns_proxy_conn_cache_hits_total'), [`${labels} 4`]);
  assert.deepEqual(await samplesOf(services.metrics, 'coredns_proxy_conn_cache_misses_total'), [`${labels} 1`]);
});
