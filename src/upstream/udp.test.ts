import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { fakeLog } from '../observe/testing.ts';
import { freePort } from '../sys/testing/free-port.ts';
import {
  addressFor,
  answersOf,
  ask,
  manyNames,
  queryOf,
  replyTo,
  samplesOf,
  testServices,
  testUpstream,
  type UdpExchange,
  udpServer,
  until,
} from './testing.ts';

/** For what ends with the time-out. */
const SHORT_MS = 150;

test('the query arrives as the client sent it, but for its id', async (t) => {
  let arrived: Uint8Array = Buffer.alloc(0);
  const server = await udpServer(t, ({ query, send }) => {
    arrived = query;
    send(replyTo(query));
  });
  const upstream = testUpstream(t, server.port);
  const options = { name: 'wWw.eXample.org', udpPayloadBytes: 1232 };
  assert.deepEqual(answersOf(await ask(upstream, options)), ['192.0.2.80']);
  assert.deepEqual(arrived.subarray(2), Buffer.from(queryOf(options).bytes.subarray(2)));
});

const patched = (message: Buffer, offset: number, value: number): Buffer => {
  const copy = Buffer.from(message);
  copy[offset] = value;
  return copy;
};
/** Header, name and type of `www.example.org. A`: where a forger may go wrong. */
const lies: { name: string; lie: (reply: Buffer) => Uint8Array }[] = [
  { name: 'another id', lie: (reply) => patched(reply, 0, reply[0] ^ 1) },
  { name: 'another name', lie: (reply) => patched(reply, 13, reply[13] ^ 2) },
  { name: 'another type', lie: (reply) => patched(reply, 30, 28) },
  { name: 'another class', lie: (reply) => patched(reply, 32, 3) },
  { name: 'no response', lie: (reply) => patched(reply, 2, reply[2] & 0x7f) },
  { name: 'no question', lie: (reply) => patched(reply, 5, 0).subarray(0, 12) },
  { name: 'two questions', lie: (reply) => patched(reply, 5, 2) },
  { name: 'less than a header', lie: (reply) => reply.subarray(0, 11) },
  { name: 'nothing', lie: () => new Uint8Array(0) },
  {
    name: 'a question cut short that is another one',
    lie: (reply) => patched(reply, 13, reply[13] ^ 2).subarray(0, 20),
  },
];
for (const { name, lie } of lies) {
  test(`a lie is ignored, and the wait goes on: ${name}`, async (t) => {
    const services = testServices(t);
    const server = await udpServer(t, ({ query, send }) => {
      send(lie(replyTo(query, ['198.51.100.66'])));
      send(replyTo(query));
    });
    const upstream = testUpstream(t, server.port, {}, services);
    assert.deepEqual(answersOf(await ask(upstream)), ['192.0.2.80']);
    const strays = await samplesOf(services.metrics, 'nodens_upstream_stray_replies_total');
    assert.deepEqual(strays, [`{to="127.0.0.1:${server.port}"} 1`]);
  });
}

test('a reply from another port is ignored', async (t) => {
  const forger = dgram.createSocket('udp4');
  t.after(() => forger.close());
  const server = await udpServer(t, ({ query, sourcePort, send }) => {
    forger.send(replyTo(query, ['198.51.100.66']), sourcePort, '127.0.0.1', () => send(replyTo(query)));
  });
  assert.deepEqual(answersOf(await ask(testUpstream(t, server.port))), ['192.0.2.80']);
});

test('a reply to another question is dumped for who debugs', async (t) => {
  const { log, lines } = fakeLog();
  const server = await udpServer(t, ({ query, send }) => {
    send(patched(replyTo(query), 0, query[0] ^ 1)); // Of another id: anybody's, and not worth a line.
    send(patched(replyTo(query), 13, 0x76));
    send(replyTo(query));
  });
  const upstream = testUpstream(t, server.port, {}, { ...testServices(t), log });
  await ask(upstream);
  assert.deepEqual(lines(), [], 'not unless DEBUG lines are wanted');
  log.holdDebug();
  await ask(upstream);
  assert.equal(lines()[0], '[DEBUG] Wrong reply for id: 4660, www.example.org. 1');
  assert.match(lines()[1], /^debug: 000000 .. .. 81 80 00 01 00 01 00 00 00 00 03 76 77 77$/);
  assert.equal(lines().at(-1), 'debug: 000040');
});

test('queries leave from the source address', async (t) => {
  const sources: string[] = [];
  const server = await udpServer(t, ({ query, sourceAddress, send }) => {
    sources.push(sourceAddress);
    send(replyTo(query));
  });
  const upstream = testUpstream(t, server.port, { sourceAddress: '127.0.0.9' });
  assert.deepEqual(answersOf(await ask(upstream)), ['192.0.2.80']);
  assert.deepEqual(sources, ['127.0.0.9']);
});

test('a source address that is not there fails the attempt', async (t) => {
  const upstream = testUpstream(t, await freePort(), { sourceAddress: '192.0.2.1' });
  assert.match(String(answersOf(await ask(upstream))), /^dial udp .* from 192\.0\.2\.1: address not available/);
});

test('a name in another case is the same name', async (t) => {
  const server = await udpServer(t, ({ query, send }) => {
    const reply = replyTo(query);
    reply.write('WWW', 13, 'latin1');
    send(reply);
  });
  assert.deepEqual(answersOf(await ask(testUpstream(t, server.port))), ['192.0.2.80']);
});

test('no answer: a time-out in the words of CoreDNS', async (t) => {
  const server = await udpServer(t, () => {});
  const result = answersOf(await ask(testUpstream(t, server.port, { readTimeoutMs: SHORT_MS })));
  assert.match(
    String(result),
    new RegExp(`^read udp 127\\.0\\.0\\.1:\\d+->127\\.0\\.0\\.1:${server.port}: i/o timeout$`),
  );
});

test('the deadline comes before the time-out', async (t) => {
  const server = await udpServer(t, () => {});
  const upstream = testUpstream(t, server.port, { readTimeoutMs: 60_000 });
  assert.match(String(answersOf(await ask(upstream, { deadlineMs: 30 }))), /i\/o timeout$/);
});

test('nobody listens: everything in flight fails at once', async (t) => {
  const upstream = testUpstream(t, await freePort(), { readTimeoutMs: 60_000, maxIdle: 1 });
  const results = await Promise.all([ask(upstream), ask(upstream), ask(upstream)]);
  for (const result of results) assert.match(String(answersOf(result)), /^(read|write) udp .*: connection refused$/);
});

test('a reply that was cut anywhere becomes an empty one with TC', async (t) => {
  let cutAt = 0;
  const server = await udpServer(t, ({ query, send }) => {
    send(replyTo(query, ['192.0.2.1', '192.0.2.2'], dnsPacket.AUTHORITATIVE_ANSWER | 3).subarray(0, cutAt));
  });
  const upstream = testUpstream(t, server.port);
  const whole = replyTo(Buffer.from(queryOf().bytes), ['192.0.2.1', '192.0.2.2']).length;
  for (cutAt = 12; cutAt < whole; cutAt++) {
    const reply = await ask(upstream);
    assert.ok(!(reply instanceof Error), `cut at ${cutAt}: ${reply}`);
    const decoded = dnsPacket.decode(Buffer.from(reply.bytes));
    const { answers, questions, flag_tc, flag_aa, rcode } = decoded as dnsPacket.DecodedPacket & { rcode: string };
    assert.deepEqual(
      { answers, questions, flag_tc, flag_aa, rcode },
      {
        answers: [],
        questions: [{ name: 'www.example.org', type: 'A', class: 'IN' }],
        flag_tc: true,
        flag_aa: true,
        rcode: 'NXDOMAIN',
      },
      `cut at ${cutAt}`,
    );
  }
});

test('a reply larger than what the client can take becomes an empty one with TC', async (t) => {
  const addresses = Array.from({ length: 40 }, (_, i) => `192.0.2.${i}`);
  const server = await udpServer(t, ({ query, send }) => send(replyTo(query, addresses)));
  const upstream = testUpstream(t, server.port);
  const small = await ask(upstream, { udpPayloadBytes: 512 });
  assert.ok(!(small instanceof Error) && small.tc);
  assert.deepEqual(answersOf(small), []);
  assert.deepEqual(answersOf(await ask(upstream, { udpPayloadBytes: 4096 })), addresses);
});

test('rubbish behind the right question fails the attempt', async (t) => {
  const server = await udpServer(t, ({ query, send }) => {
    const reply = replyTo(query);
    reply[33] = 0x80; // The first owner name starts with a label of a kind that does not exist.
    send(reply);
  });
  assert.match(String(answersOf(await ask(testUpstream(t, server.port)))), /^read udp .*: malformed reply$/);
});

test('rdata that is none of its type fails the attempt', async (t) => {
  const server = await udpServer(t, ({ query, send }) => {
    const reply = replyTo(query, ['192.0.2.1', '192.0.2.2']);
    reply[reply.length - 13] = 5; // The second address becomes a CNAME with a label of 192 bytes.
    send(reply);
  });
  assert.match(String(answersOf(await ask(testUpstream(t, server.port)))), /^read udp .*: malformed reply$/);
});

test('TC of the upstream stays', async (t) => {
  const server = await udpServer(t, ({ query, send }) => send(replyTo(query, [], dnsPacket.TRUNCATED_RESPONSE)));
  const reply = await ask(testUpstream(t, server.port));
  assert.ok(!(reply instanceof Error) && reply.tc);
});

test('ids and ports are spread, and ports change', async (t) => {
  const ids = new Set<number>();
  const queriesByPort = new Map<number, number>();
  let setBits = 0;
  const server = await udpServer(t, ({ query, sourcePort, send }) => {
    const id = query.readUInt16BE(0);
    ids.add(id);
    for (let bits = id; bits > 0; bits >>= 1) setBits += bits & 1;
    queriesByPort.set(sourcePort, (queriesByPort.get(sourcePort) ?? 0) + 1);
    send(replyTo(query));
  });
  const upstream = testUpstream(t, server.port);
  const total = 4000;
  for (let sent = 0; sent < total; sent += 40) await Promise.all(Array.from({ length: 40 }, () => ask(upstream)));
  // 4,000 draws out of 65,536 leave about 3,880 different ones, and half of all bits set.
  assert.ok(ids.size > 3800, `${ids.size} different ids`);
  assert.ok(Math.abs(setBits / total - 8) < 0.2, `${setBits / total} of 16 bits set`);
  assert.ok(queriesByPort.size >= total / 128, `${queriesByPort.size} ports`);
  assert.ok(Math.max(...queriesByPort.values()) <= 128, 'queries from one port');
  assert.ok(upstream.openCount <= 8, `${upstream.openCount} sockets open`);
});

test('queries in flight on one socket have different ids', async (t) => {
  const waiting: UdpExchange[] = [];
  const server = await udpServer(t, (exchange) => waiting.push(exchange));
  const upstream = testUpstream(t, server.port, { maxIdle: 1, readTimeoutMs: 10_000 });
  const names = manyNames(60);
  const results = Promise.all(names.map((name) => ask(upstream, { name })));
  await until(() => waiting.length === names.length, 'all queries');
  assert.equal(new Set(waiting.map(({ sourcePort }) => sourcePort)).size, 1);
  assert.equal(new Set(waiting.map(({ query }) => query.readUInt16BE(0))).size, names.length);
  for (const { query, send } of waiting.reverse()) send(replyTo(query, [addressFor(query)]));
  assert.deepEqual(
    (await results).map(answersOf),
    names.map((_, i) => [`192.0.2.${i}`]),
  );
});

test('a port at which somebody guesses is given up', async (t) => {
  const ports: number[] = [];
  const server = await udpServer(t, ({ query, sourcePort, count, send }) => {
    ports.push(sourcePort);
    if (count === 1) for (let i = 0; i < 64; i++) send(patched(replyTo(query), 0, query[0] ^ (i + 1)));
    else send(replyTo(query));
  });
  const upstream = testUpstream(t, server.port, { maxIdle: 1, readTimeoutMs: SHORT_MS });
  await ask(upstream);
  await ask(upstream);
  assert.equal(new Set(ports).size, 2);
});

test('an idle socket is closed', async (t) => {
  const server = await udpServer(t, ({ query, send }) => send(replyTo(query)));
  const upstream = testUpstream(t, server.port, { idleMs: 20 });
  await ask(upstream);
  assert.equal(upstream.openCount, 1);
  await until(() => upstream.openCount === 0, 'the socket to be closed');
  assert.deepEqual(answersOf(await ask(upstream)), ['192.0.2.80']);
});

test('a retired upstream answers what is in flight and what comes late, and keeps nothing open', async (t) => {
  const waiting: UdpExchange[] = [];
  const server = await udpServer(t, (exchange) => waiting.push(exchange));
  const upstream = testUpstream(t, server.port, { readTimeoutMs: 10_000 });
  const early = ask(upstream);
  await until(() => waiting.length === 1, 'the query');
  upstream.retire();
  assert.equal(upstream.openCount, 1);
  const late = ask(upstream);
  await until(() => waiting.length === 2, 'the late query');
  for (const { query, send } of waiting) send(replyTo(query));
  assert.deepEqual(answersOf(await early), ['192.0.2.80']);
  assert.deepEqual(answersOf(await late), ['192.0.2.80']);
  assert.equal(upstream.openCount, 0);
});

test('queries at the same time leave from up to eight ports', async (t) => {
  const waiting: UdpExchange[] = [];
  const server = await udpServer(t, (exchange) => waiting.push(exchange));
  const upstream = testUpstream(t, server.port, { readTimeoutMs: 10_000 });
  const results = Promise.all(manyNames(20).map((name) => ask(upstream, { name })));
  await until(() => waiting.length === 20, 'all queries');
  assert.equal(new Set(waiting.map(({ sourcePort }) => sourcePort)).size, 8);
  for (const { query, send } of waiting) send(replyTo(query));
  await results;
});

test('sockets reused and opened are counted as hits and misses: queries one after the other need one socket', async (t) => {
  const services = testServices(t);
  const server = await udpServer(t, ({ query, send }) => send(replyTo(query)));
  const upstream = testUpstream(t, server.port, {}, services);
  for (let i = 0; i < 5; i++) await ask(upstream);
  assert.equal(upstream.openCount, 1);
  const labels = `{proto="udp",proxy_name="forward",to="127.0.0.1:${server.port}"}`;
  assert.deepEqual(await samplesOf(services.metrics, 'coredns_proxy_conn_cache_hits_total'), [`${labels} 4`]);
  assert.deepEqual(await samplesOf(services.metrics, 'coredns_proxy_conn_cache_misses_total'), [`${labels} 1`]);
});
