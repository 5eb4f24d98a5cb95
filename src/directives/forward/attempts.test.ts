import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import dnsPacket from 'dns-packet';
import { freePort } from '../../sys/testing/free-port.ts';
import {
  frameOf,
  replyTo,
  type StreamExchange,
  streamServer,
  type UdpExchange,
  udpServer,
  until,
} from '../../upstream/testing.ts';
import { resultOf, startForward, type TestForward } from './testing.ts';

const HOST = '127.0.0.1';
const { TRUNCATED_RESPONSE } = dnsPacket;
const patched = (message: Buffer, offset: number, value: number): Buffer => {
  message[offset] = value;
  return message;
};

/** The time-out of an attempt that comes to nothing: on a busy machine, a good one must not meet it. */
const READ_MS = 1000;

/** What upstreams do to us over UDP; every time another one has the right answer. */
const badUdp: { name: string; onQuery: (exchange: UdpExchange) => void }[] = [
  { name: 'drops', onQuery: () => {} },
  { name: 'answers too late', onQuery: ({ query, send }) => setTimeout(() => send(replyTo(query)), READ_MS + 200) },
  { name: 'answers with another id', onQuery: ({ query, send }) => send(patched(replyTo(query), 0, query[0] ^ 1)) },
  { name: 'answers another question', onQuery: ({ query, send }) => send(patched(replyTo(query), 13, 0x61)) },
  { name: 'sends garbage', onQuery: ({ send }) => send(Buffer.from('HTTP/1.1 400 Bad Request')) },
  { name: 'sends a malformed reply', onQuery: ({ query, send }) => send(patched(replyTo(query), 33, 0x80)) },
  { name: 'echoes the query', onQuery: ({ query, send }) => send(query) },
];
const badTcp: { name: string; onQuery: (exchange: StreamExchange) => void }[] = [
  { name: 'drops', onQuery: () => {} },
  { name: 'answers with another id', onQuery: ({ query, send }) => send(patched(replyTo(query), 0, query[0] ^ 1)) },
  { name: 'closes', onQuery: ({ socket }) => socket.end() },
  { name: 'resets', onQuery: ({ socket }) => socket.resetAndDestroy() },
  {
    name: 'closes in mid-message',
    onQuery: ({ query, socket }) => socket.end(frameOf(replyTo(query)).subarray(0, 20)),
  },
  { name: 'sends garbage', onQuery: ({ socket }) => socket.write(Buffer.alloc(100)) },
];

/** At the same time, as each waits for a time-out. */
describe('an upstream that does wrong', { concurrency: true }, () => {
  for (const { name, onQuery } of badUdp) {
    test(`an upstream over UDP that ${name}: the next one answers`, async (t) => {
      const bad = await udpServer(t, onQuery);
      const good = await udpServer(t, ({ query, send }) => send(replyTo(query, ['192.0.2.2'])));
      const options = `policy sequential\n read_timeout ${READ_MS}ms\n max_fails 0`;
      const { ask } = await startForward(t, `forward . ${HOST}:${bad.port} ${HOST}:${good.port} {\n ${options}\n}`);
      const outcomes = await Promise.all(Array.from({ length: 5 }, () => ask()));
      assert.deepEqual(outcomes.map(resultOf), Array(5).fill(['192.0.2.2']));
    });
  }

  for (const { name, onQuery } of badTcp) {
    test(`an upstream over TCP that ${name}: the next one answers`, async (t) => {
      const bad = await streamServer(t, onQuery);
      const good = await streamServer(t, ({ query, send }) => send(replyTo(query, ['192.0.2.2'])));
      const options = `force_tcp\n policy sequential\n read_timeout ${READ_MS}ms\n max_fails 0`;
      const { ask } = await startForward(t, `forward . ${HOST}:${bad.port} ${HOST}:${good.port} {\n ${options}\n}`);
      const outcomes = await Promise.all(Array.from({ length: 5 }, () => ask()));
      assert.deepEqual(outcomes.map(resultOf), Array(5).fill(['192.0.2.2']));
      assert.ok(bad.accepted <= 6, `${bad.accepted} connections`);
    });
  }
});

for (const protocol of ['udp', 'tcp'] as const) {
  test(`an upstream over ${protocol} that is not there: the next one answers`, async (t) => {
    const [absent, port] = [await freePort(), await freePort()];
    await udpServer(t, ({ query, send }) => send(replyTo(query)), port);
    await streamServer(t, ({ query, send }) => send(replyTo(query)), { port });
    const upstreams = `${HOST}:${absent} ${HOST}:${port}`;
    const { ask } = await startForward(t, `forward . ${upstreams} {\n policy sequential\n}`);
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => ask({ protocol })));
    assert.deepEqual(outcomes.map(resultOf), Array(5).fill(['192.0.2.80']));
  });
}

test('prefer_udp: an upstream that truncates and has no TCP: the next one answers, over UDP', async (t) => {
  const truncating = await udpServer(t, ({ query, send }) => send(replyTo(query, [], TRUNCATED_RESPONSE)));
  const good = await udpServer(t, ({ query, send }) => send(replyTo(query)));
  const upstreams = `${HOST}:${truncating.port} ${HOST}:${good.port}`;
  const { ask } = await startForward(t, `forward . ${upstreams} {\n prefer_udp\n policy sequential\n}`);
  for (const protocol of ['udp', 'tcp'] as const) assert.deepEqual(resultOf(await ask({ protocol })), ['192.0.2.80']);
});

test('prefer_udp: with no other upstream the truncated reply is better than none', async (t) => {
  const truncating = await udpServer(t, ({ query, send }) => send(replyTo(query, ['192.0.2.1'], TRUNCATED_RESPONSE)));
  const { ask } = await startForward(t, `forward . ${HOST}:${truncating.port} {\n prefer_udp\n}`);
  const outcome = await ask();
  assert.deepEqual(resultOf(outcome), ['192.0.2.1']);
  assert.equal(outcome.response?.tc, true);
});

test('an upstream without TCP: a client over TCP has the answer from UDP, but not with force_tcp', async (t) => {
  const server = await udpServer(t, ({ query, send }) => send(replyTo(query)));
  const withoutTcp = await startForward(t, `forward . ${HOST}:${server.port}`);
  assert.deepEqual(resultOf(await withoutTcp.ask({ protocol: 'tcp' })), ['192.0.2.80']);
  const forced = await startForward(t, `forward . ${HOST}:${server.port} {\n force_tcp\n}`);
  assert.match(String(resultOf(await forced.ask({ protocol: 'tcp' }))), /^dial tcp .*: connection refused$/);
});

/** How often one upstream that drops everything is asked, and that the query ends. */
const caps: { name: string; options: string; totalMs: number; want: number | 'more' }[] = [
  { name: 'two attempts by default', options: '', totalMs: 5000, want: 2 },
  { name: 'max_connect_attempts 3', options: 'max_connect_attempts 3', totalMs: 5000, want: 3 },
  { name: 'no limit but the deadline', options: 'max_connect_attempts 0', totalMs: 1500, want: 'more' },
  { name: 'the deadline', options: 'read_timeout 10s', totalMs: 60, want: 1 },
];
for (const { name, options, totalMs, want } of caps) {
  test(`a silent upstream: ${name}`, async (t) => {
    let count = 0;
    const server = await udpServer(t, () => count++);
    const corefile = `forward . ${HOST}:${server.port} {\n max_fails 0\n read_timeout 20ms\n ${options}\n}`;
    const { ask } = await startForward(t, corefile, { totalMs });
    const outcome = await ask();
    assert.equal(outcome.rcode, 2);
    assert.match(String(resultOf(outcome)), /^read udp .*: i\/o timeout$/);
    await until(() => count >= (want === 'more' ? 3 : want), 'the attempts to arrive');
    if (want === 'more') assert.ok(count <= 12, `${count} attempts`);
    else assert.equal(count, want);
  });
}

for (const protocol of ['udp', 'tcp'] as const) {
  test(`an upstream that refuses over ${protocol} is not asked again and again`, async (t) => {
    const port = await freePort();
    const options = `${protocol === 'tcp' ? 'force_tcp\n' : ''} max_connect_attempts 0\n max_fails 0`;
    const { ask, block } = await startForward(t, `forward . ${HOST}:${port} {\n ${options}\n}`, { totalMs: 1500 });
    const outcome = await ask();
    assert.equal(outcome.rcode, 2);
    const want = protocol === 'udp' ? /^(read|write) udp .*: connection refused$/ : /^dial tcp .*: connection refused$/;
    assert.match(String(resultOf(outcome)), want);
    const misses = /^coredns_proxy_conn_cache_misses_total.* (\d+)$/m.exec(await block.process.metrics.expose());
    assert.ok(Number(misses?.[1]) >= 2 && Number(misses?.[1]) <= 12, `${misses?.[1]} attempts in 1.5 s`);
  });
}

test('a connection that is never established: SERVFAIL at the deadline', async (t) => {
  // A handshake that nobody answers: the listener takes the connection and then says nothing.
  const server = await streamServer(t, () => {});
  const { ask } = await startForward(t, `forward . tls://${HOST}:${server.port}`, { totalMs: 80 });
  const outcome = await ask();
  assert.equal(outcome.rcode, 2);
  assert.equal(resultOf(outcome), `dial tcp ${HOST}:${server.port}: i/o timeout`);
});

/** An upstream for each rcode; which of them answers in the end, and how many were asked. */
const failovers: { name: string; options: string; rcodes: number[]; want: number; asked: number }[] = [
  { name: 'no failover', options: '', rcodes: [2, 0], want: 2, asked: 1 },
  { name: 'SERVFAIL, then an answer', options: 'failover SERVFAIL', rcodes: [2, 0], want: 0, asked: 2 },
  { name: 'another rcode', options: 'failover REFUSED', rcodes: [2, 0], want: 2, asked: 1 },
  { name: 'twice', options: 'failover SERVFAIL REFUSED', rcodes: [2, 5, 3], want: 3, asked: 3 },
  { name: 'exhausted: the last reply', options: 'failover SERVFAIL REFUSED', rcodes: [2, 5], want: 5, asked: 2 },
  { name: 'one upstream', options: 'failover SERVFAIL', rcodes: [2], want: 2, asked: 1 },
];
for (const { name, options, rcodes, want, asked } of failovers) {
  test(`failover: ${name}`, async (t) => {
    let count = 0;
    const onQuery = (rcode: number) => (exchange: UdpExchange) => {
      count++;
      exchange.send(replyTo(exchange.query, [], rcode));
    };
    const servers = await Promise.all(rcodes.map((rcode) => udpServer(t, onQuery(rcode))));
    const upstreams = servers.map(({ port }) => `${HOST}:${port}`).join(' ');
    const { ask } = await startForward(t, `forward . ${upstreams} {\n policy sequential\n ${options}\n}`);
    const outcome = await ask();
    assert.deepEqual([outcome.rcode, outcome.source, count], [want, 'forward', asked]);
  });
}

test('failover, and the rest is silent: the reply that there was', async (t) => {
  const refusing = await udpServer(t, ({ query, send }) => send(replyTo(query, [], 5)));
  const silent = await udpServer(t, () => {});
  const options = `policy sequential\n failover REFUSED\n read_timeout ${READ_MS}ms\n max_fails 0\n max_connect_attempts 1`;
  const corefile = `forward . ${HOST}:${refusing.port} ${HOST}:${silent.port} {\n ${options}\n}`;
  const { ask } = await startForward(t, corefile);
  assert.equal((await ask()).rcode, 5);
});

/** Two upstreams that refuse, until both are down. */
async function allDown(forwarding: TestForward): Promise<void> {
  await forwarding.ask();
  const { upstreams } = forwarding.forwarder.upstreams;
  await until(() => upstreams.every((upstream) => upstream.isDown), 'all to be down');
}
const brokenTotal = async ({ block }: TestForward) =>
  /^coredns_forward_healthcheck_broken_total (\d+)$/m.exec(await block.process.metrics.expose())?.[1];

test('an upstream that is down is passed over, and asked again when it is up', async (t) => {
  let count = 0;
  const port = await freePort();
  const good = await udpServer(t, ({ query, send }) => send(replyTo(query, ['192.0.2.2'])));
  const options = 'policy sequential\n health_check 10ms';
  const forwarding = await startForward(t, `forward . ${HOST}:${port} ${HOST}:${good.port} {\n ${options}\n}`);
  await forwarding.ask();
  const [first] = forwarding.forwarder.upstreams.upstreams;
  await until(() => first.isDown, 'it to be down');
  await udpServer(t, ({ query, send }) => send(replyTo(query, [`192.0.2.${++count > 0 ? 1 : 0}`])), port);
  await until(() => !first.isDown, 'it to be up again');
  assert.deepEqual(resultOf(await forwarding.ask()), ['192.0.2.1']);
});

test('all are down: one of them is asked nevertheless, once', async (t) => {
  const ports = [await freePort(), await freePort()];
  const upstreams = ports.map((port) => `${HOST}:${port}`).join(' ');
  const forwarding = await startForward(t, `forward . ${upstreams} {\n health_check 10ms\n}`);
  await allDown(forwarding);
  const before = await brokenTotal(forwarding);
  const outcome = await forwarding.ask();
  assert.match(String(resultOf(outcome)), /connection refused$/);
  assert.equal(await brokenTotal(forwarding), String(Number(before) + 1));
});

test('all are down, failfast_all_unhealthy_upstreams: nobody is asked', async (t) => {
  const port = await freePort();
  const options = 'health_check 10ms\n failfast_all_unhealthy_upstreams';
  const forwarding = await startForward(t, `forward . ${HOST}:${port} {\n ${options}\n}`);
  await allDown(forwarding);
  const outcome = await forwarding.ask();
  assert.deepEqual([outcome.rcode, resultOf(outcome)], [2, 'no healthy proxies']);
});

test('many queries, one upstream silent and one that drops a third: all are answered, nothing is left', async (t) => {
  const silent = await udpServer(t, () => {});
  const lossy = await udpServer(t, ({ query, count, send }) => {
    if (count % 3 !== 0) send(replyTo(query));
  });
  const options = 'read_timeout 100ms\n max_connect_attempts 0\n max_fails 0';
  const corefile = `forward . ${HOST}:${silent.port} ${HOST}:${lossy.port} {\n ${options}\n}`;
  const { ask } = await startForward(t, corefile, { totalMs: 4900 });
  const outcomes = await Promise.all(Array.from({ length: 60 }, () => ask()));
  assert.deepEqual(outcomes.map(resultOf), Array(60).fill(['192.0.2.80']));
});
