import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counter } from '../../observe/metrics.ts';
import { fakeLog } from '../../observe/testing.ts';
import { freePort } from '../../sys/testing/free-port.ts';
import { until } from '../../upstream/testing.ts';
import { Collector, type CollectorOptions } from './collector.ts';
import { controlFrame } from './frames.ts';
import { TestCollector } from './testing.ts';

type Context = { after(step: () => unknown): void };

async function peer(t: Context, ...args: Parameters<typeof TestCollector.start>): Promise<TestCollector> {
  const collector = await TestCollector.start(...args);
  t.after(() => collector.stop());
  return collector;
}

function connected(t: Context, port: number, options: Partial<CollectorOptions> = {}) {
  const { log, lines } = fakeLog();
  const dropped = new Counter();
  const collector = new Collector({
    address: { host: '127.0.0.1', port },
    name: 'TAP',
    maxCount: 1000,
    maxBytes: 2 ** 20,
    writeBufferBytes: 2 ** 20,
    log,
    dropped,
    ...options,
  });
  collector.start();
  t.after(() => collector.stop());
  return { collector, dropped, lines };
}

const READY_START_STOP = [4, 2, 3];

test('it shakes hands, sends each payload once and says that this was all', async (t) => {
  const { port, payloads, controls } = await peer(t);
  const { collector, dropped, lines } = connected(t, port);
  const texts = Array.from({ length: 500 }, (_, i) => `payload ${i}`);
  for (const text of texts.slice(0, 250)) collector.put(Buffer.from(text));
  await until(() => payloads.length === 250, '250 payloads');
  for (const text of texts.slice(250)) collector.put(Buffer.from(text));
  await collector.stop();
  assert.deepEqual(payloads.map(String), texts);
  assert.deepEqual(controls, READY_START_STOP);
  assert.equal(dropped.value, 0);
  assert.deepEqual(lines(), []);
});

test('what it could not send yet is sent when the collector is there, and what is too much is counted', async (t) => {
  const port = await freePort();
  const { collector, dropped, lines } = connected(t, port, { maxCount: 3 });
  for (let i = 0; i < 5; i++) collector.put(Buffer.from(`payload ${i}`));
  await until(() => lines().length > 0, 'a line');
  assert.equal(dropped.value, 2);
  const { payloads } = await peer(t, {}, port);
  await until(() => payloads.length === 3, 'three payloads');
  assert.deepEqual(payloads.map(String), ['payload 0', 'payload 1', 'payload 2']);
  assert.deepEqual(lines(), [
    `[ERROR] No connection to dnstap endpoint TAP: connect ECONNREFUSED 127.0.0.1:${port}`,
    '[INFO] Connected to dnstap endpoint TAP',
  ]);
});

test('a connection that breaks is made anew', async (t) => {
  const tap = await peer(t);
  const { collector, lines } = connected(t, tap.port);
  collector.put(Buffer.from('before'));
  await until(() => tap.payloads.length === 1, 'a payload');
  tap.breakOff();
  await until(() => lines().length === 1, 'a line');
  collector.put(Buffer.from('after'));
  await until(() => tap.payloads.length === 2, 'another payload');
  assert.deepEqual(tap.payloads.map(String), ['before', 'after']);
  assert.equal(tap.connectionCount, 2);
  assert.match(lines()[0], /^\[WARNING\] Connection to dnstap endpoint TAP lost: /);
  assert.equal(lines()[1], '[INFO] Connected to dnstap endpoint TAP');
});

test('a collector that reads nothing costs what the queue and the buffers hold, and no waiting', async (t) => {
  const { port } = await peer(t, { stuck: true });
  const { collector, dropped } = connected(t, port, { maxCount: 10, writeBufferBytes: 2 ** 16 });
  const payload = Buffer.alloc(2 ** 16);
  // The kernel's buffers take some megabytes.
  await until(() => {
    for (let i = 0; i < 100; i++) collector.put(payload);
    return dropped.value > 0;
  }, 'a full queue');
  const before = dropped.value;
  collector.put(payload);
  assert.equal(dropped.value, before + 1);
});

const badPeers = [
  { name: 'another content type', greeting: controlFrame('accept', 'protobuf:other'), reason: /does not accept proto/ },
  { name: 'FINISH', greeting: controlFrame('finish'), reason: /sends FINISH out of turn/ },
  { name: 'another protocol', greeting: Buffer.from('220 mail.example.org ESMTP'), reason: /no control frame/ },
  { name: 'STOP', greeting: controlFrame('stop'), reason: /sends STOP out of turn/ },
];
for (const { name, greeting, reason } of badPeers) {
  test(`what is no collector is said, and nothing sent to it: ${name}`, async (t) => {
    const tap = await peer(t, { greeting });
    const { collector, lines } = connected(t, tap.port);
    collector.put(Buffer.from('payload'));
    await until(() => lines().length > 0, 'a line');
    assert.match(lines()[0], reason);
    await collector.stop();
    assert.deepEqual(tap.payloads, []);
  });
}

test('over a socket of this host', async (t) => {
  const { collector, lines } = connected(t, 0, { address: { path: '/nowhere/dnstap.sock' } });
  await until(() => lines().length > 0, 'a line');
  assert.match(lines()[0], /No connection to dnstap endpoint TAP: connect ENOENT \/nowhere\/dnstap.sock/);
  await collector.stop();
});
