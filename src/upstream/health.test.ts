import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import dnsPacket from 'dns-packet';
import { freePort } from '../sys/testing/free-port.ts';
import { nameFromText } from '../wire/name.ts';
import type { MessageView } from '../wire/view.ts';
import type { Asker } from './exchange.ts';
import { Health, type HealthOptions } from './health.ts';
import { ask, replyTo, samplesOf, streamServer, testServices, testUpstream, udpServer, until } from './testing.ts';

const root = Uint8Array.of(0);
const defaults: HealthOptions = { maxFails: 2, intervalMs: 500, domain: root, recursionDesired: true };

/** Health on a clock that the test turns; the test answers the probes. */
function fakeHealth(options: Partial<HealthOptions> = {}) {
  mock.timers.enable({ apis: ['setTimeout'] });
  const probes: { question: MessageView; asker: Asker }[] = [];
  let failedCount = 0;
  let cancelledCount = 0;
  const health = new Health(
    { ...defaults, ...options },
    {
      probe: (question, asker) => {
        probes.push({ question, asker });
        return () => cancelledCount++;
      },
      onFailed: () => failedCount++,
    },
  );
  const fail = () => probes.at(-1)?.asker.onFailure(new Error('no answer'));
  const answer = () => probes.at(-1)?.asker.onReply(probes[0].question);
  return { health, probes, fail, answer, counts: () => ({ failedCount, cancelledCount }) };
}

test.afterEach(() => mock.timers.reset());

test('nothing is probed until a query has failed, and then one probe at a time', () => {
  const { health, probes } = fakeHealth();
  assert.equal(probes.length, 0);
  health.check();
  health.check();
  assert.equal(probes.length, 1);
});

test('down after more failed probes than max_fails, up after one answer', () => {
  const { health, probes, fail, answer, counts } = fakeHealth();
  health.check();
  const down: boolean[] = [];
  for (let i = 0; i < 4; i++) {
    fail();
    down.push(health.isDown);
    mock.timers.tick(499);
    assert.equal(probes.length, i + 1, 'the interval is kept');
    mock.timers.tick(1);
  }
  assert.deepEqual(down, [false, false, true, true]);
  answer();
  assert.equal(health.isDown, false);
  mock.timers.tick(10_000);
  assert.equal(probes.length, 5, 'it is left alone again');
  assert.equal(counts().failedCount, 4);
  health.check();
  assert.equal(probes.length, 6);
});

test('max_fails 0: never probed, never down', () => {
  const { health, probes } = fakeHealth({ maxFails: 0 });
  health.check();
  assert.deepEqual([probes.length, health.isDown], [0, false]);
});

test('stopped: the probe is given up, and none follows', () => {
  const { health, probes, fail, counts } = fakeHealth();
  health.check();
  health.stop();
  fail();
  mock.timers.tick(10_000);
  health.check();
  assert.equal(probes.length, 1);
  assert.deepEqual(counts(), { failedCount: 0, cancelledCount: 1 });
});

const questions = [
  { name: 'by default', options: {}, want: { name: '.', rd: true } },
  { name: 'no_rec', options: { recursionDesired: false }, want: { name: '.', rd: false } },
  {
    name: 'domain',
    options: { domain: nameFromText('example.org.') ?? root },
    want: { name: 'example.org', rd: true },
  },
];
for (const { name, options, want } of questions) {
  test(`the question: ${name}`, () => {
    const { health, probes } = fakeHealth(options);
    health.check();
    const decoded = dnsPacket.decode(Buffer.from(probes[0].question.bytes));
    assert.deepEqual(decoded.questions, [{ name: want.name, type: 'NS', class: 'IN' }]);
    assert.equal(decoded.flag_rd, want.rd);
  });
}

test('over UDP: a header is answer enough, whatever the rcode', async (t) => {
  const services = testServices(t);
  let probeCount = 0;
  const server = await udpServer(t, ({ query, send }) => {
    if (dnsPacket.decode(query).questions?.[0].type !== 'NS') return;
    probeCount++;
    const header = Buffer.alloc(12);
    header.writeUInt16BE(query.readUInt16BE(0));
    header.writeUInt16BE(0x8005, 2);
    if (probeCount > 1) send(header);
  });
  const health = { ...defaults, intervalMs: 10, maxFails: 0 };
  const upstream = testUpstream(t, server.port, { readTimeoutMs: 500, health: { ...health, maxFails: 1 } }, services);
  await ask(upstream);
  upstream.failed();
  await until(() => probeCount === 2, 'a second probe after the first one had no answer');
  const failures = await samplesOf(services.metrics, 'coredns_proxy_healthcheck_failures_total');
  assert.deepEqual(failures, [`{proxy_name="forward",to="127.0.0.1:${server.port}"} 1`]);
});

test('over TCP where queries go over TCP', async (t) => {
  let probeCount = 0;
  const server = await streamServer(t, ({ query, send }) => {
    probeCount++;
    send(replyTo(query, []));
  });
  const upstream = testUpstream(t, server.port, { probeOverTcp: true });
  upstream.failed();
  await until(() => probeCount === 1 && server.open.size === 0, 'one probe, and its connection to be closed');
});

for (const probeOverTcp of [false, true]) {
  test(`an upstream that is not there is down soon, over ${probeOverTcp ? 'TCP' : 'UDP'}`, async (t) => {
    const port = await freePort();
    const upstream = testUpstream(t, port, { probeOverTcp });
    upstream.failed();
    await until(() => upstream.isDown, 'it to be down');
    if (!probeOverTcp) await udpServer(t, ({ query, send }) => send(replyTo(query, [])), port);
    else await streamServer(t, ({ query, send }) => send(replyTo(query, [])), { port });
    await until(() => !upstream.isDown, 'it to be up again');
  });
}
