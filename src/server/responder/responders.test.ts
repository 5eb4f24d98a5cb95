import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { CacheStore } from '../../cache/store.ts';
import { Metrics } from '../../observe/metrics.ts';
import { RequestMetrics } from '../../observe/request-metrics.ts';
import { fakeLog, readExposition } from '../../observe/testing.ts';
import { send } from '../../sys/socket.ts';
import { freePort } from '../../sys/testing/free-port.ts';
import { until } from '../../sys/testing.ts';
import { FLAG_RD } from '../../wire/header.ts';
import { buildMessage } from '../../wire/testing/build.ts';
import { Router } from '../router.ts';
import { type TestServer, testServer } from '../testing.ts';
import { Responders, type RespondersOptions, type ServedListener } from './responders.ts';
import { DIES_OF_A_QUERY, FAULTY, faulty, HANGS_AT_A_QUERY, NONE } from './testing/faulty-thread.ts';
import { loopbackPair } from './testing/hits-rig.ts';

const query = buildMessage({ flags: FLAG_RD, question: 'www.example.org. A' });

/** Two responders, a listener with a socket for each, and how often the listener has been given a query of each. */
function startResponders(t: TestContext, options: Partial<RespondersOptions> = {}) {
  const { log, lines } = fakeLog();
  const metrics = new Metrics();
  const responders = new Responders({
    count: 2,
    cache: new CacheStore(64 * 1024).buffer,
    nowMs: () => performance.now(),
    metrics,
    requests: new RequestMetrics(metrics),
    unsentReplies: metrics.counter('unsent', 'unsent').labels(),
    log,
    ...options,
  });
  t.after(() => responders.stop());
  const pairs = [loopbackPair(t), loopbackPair(t)];
  const delivered = [0, 0];
  const listener: ServedListener = {
    id: responders.takeId(),
    target: { id: 'dns://127.0.0.1:53', router: new Router() },
    fds: pairs.map(({ fd }) => fd),
    deliver: (responder) => delivered[responder]++,
    refresh: () => assert.fail('nothing is to be refreshed'),
  };
  const ask = (responder: number) => send(pairs[responder].client, query);
  return { responders, listener, delivered, ask, metrics, lines };
}

test('responders: a listener is served from its publication on, until it is removed', async (t) => {
  const { responders, listener, delivered, ask } = startResponders(t);
  ask(0);
  ask(1);
  responders.add(listener);
  assert.deepEqual(delivered, [0, 0]);
  await responders.publish();
  ask(1);
  await until(() => delivered[0] === 1 && delivered[1] === 2);
  // What has been read before it goes is delivered.
  for (let i = 0; i < 50; i++) ask(0);
  await until(() => delivered[0] > 1);
  await responders.remove(listener);
  const taken = delivered[0];
  ask(1);
  await responders.publish();
  assert.deepEqual(delivered, [taken, 2]);
  assert.equal(responders.illness, undefined);
});

test('responders: one that dies is started again, logged and counted', async (t) => {
  const mend = faulty(DIES_OF_A_QUERY);
  const { responders, listener, delivered, ask, metrics, lines } = startResponders(t, { script: FAULTY });
  responders.add(listener);
  await responders.publish();
  ask(1);
  await until(() => lines().length > 0);
  assert.match(lines()[0], /^\[ERROR\] responder 1 died and is started again: Error: died of a query/);
  mend(NONE);
  ask(0);
  ask(1);
  await until(() => delivered[0] === 1 && delivered[1] === 1);
  const { values } = readExposition(await metrics.expose());
  assert.equal(values.get('nodens_responder_restarts_total'), 1);
  assert.equal(values.get('nodens_ring_dropped_total'), 0);
});

test('responders: one that hangs makes them ill until it goes on', async (t) => {
  const mend = faulty(NONE);
  const times = { pingIntervalMs: 10, hungMs: 2500 };
  const { responders, listener, delivered, ask, lines } = startResponders(t, { script: FAULTY, ...times });
  responders.add(listener);
  await responders.publish();
  ask(1);
  await until(() => delivered[1] === 1 && responders.illness === undefined);
  const healthyLines = lines().length;
  mend(HANGS_AT_A_QUERY);
  const hungAtMs = performance.now();
  ask(1);
  await until(() => responders.illness !== undefined);
  // The ping that it owes may be some time older than the query, on a busy machine.
  assert.ok(performance.now() - hungAtMs >= times.hungMs / 2);
  assert.match(responders.illness ?? '', /^responder 1 has given no sign of life for \d+ s$/);
  assert.equal(lines().length, healthyLines + 1);
  mend(NONE);
  await until(() => responders.illness === undefined && delivered[1] === 2);
});

test('responders: stopping does not wait for one that hangs', async (t) => {
  const mend = faulty(NONE);
  const { responders, listener, delivered, ask } = startResponders(t, { script: FAULTY });
  responders.add(listener);
  await responders.publish();
  ask(0);
  await until(() => delivered[0] === 1);
  mend(HANGS_AT_A_QUERY);
  ask(0);
  await responders.stop();
});

const CLIENTS = 8;
const ANSWER_MS = 10_000;

type Flow = { asked: number; isOver: boolean };

/** Asks again and again, from a new port every ten questions; each must have its answer before the next one. */
async function askOn(port: number, flow: Flow): Promise<void> {
  while (!flow.isOver) {
    const socket = dgram.createSocket('udp4');
    try {
      for (let i = 0; i < 10; i++) {
        socket.send(query, port, '127.0.0.1');
        flow.asked++;
        await once(socket, 'message', { signal: AbortSignal.timeout(ANSWER_MS) });
      }
    } finally {
      socket.close();
    }
  }
}

async function whileAsking(port: number, run: (flow: Flow) => Promise<void>): Promise<number> {
  const flow: Flow = { asked: 0, isOver: false };
  const clients = Array.from({ length: CLIENTS }, () => askOn(port, flow));
  try {
    await run(flow);
  } finally {
    flow.isOver = true;
    await Promise.all(clients);
  }
  return flow.asked;
}

function portOf({ server }: TestServer): number {
  return Number(/:(\d+)/.exec(server.banner[0])?.[1]);
}

function sumOf(values: ReadonlyMap<string, number>, name: string): number {
  return [...values].reduce((sum, [key, value]) => (key.startsWith(`${name}{`) ? sum + value : sum), 0);
}

test('responders: plans are taken over while queries flow: none is lost, and each is counted once', async () => {
  const httpPort = await freePort();
  const corefileOf = (ttl: number) =>
    `.:0 {\n bind 127.0.0.1\n prometheus 127.0.0.1:${httpPort}\n errors\n cache ${ttl}\n whoami\n}\n`;
  const running = testServer(corefileOf(60), { responderCount: 2 });
  try {
    await running.server.start();
    const asked = await whileAsking(portOf(running), async (flow) => {
      for (let reloads = 1; reloads <= 5; reloads++) {
        const before = flow.asked;
        await until(() => flow.asked > before + 100);
        running.corefile = corefileOf(60 + reloads);
        await running.server.reload();
      }
    });
    const { values } = readExposition(await running.metrics.expose());
    assert.equal(sumOf(values, 'coredns_dns_requests_total'), asked);
    assert.equal(sumOf(values, 'coredns_dns_responses_total'), asked);
    assert.equal(sumOf(values, 'coredns_cache_requests_total'), asked);
    assert.ok(sumOf(values, 'coredns_cache_hits_total') > asked / 2);
    assert.equal(values.get('nodens_ring_dropped_total'), 0);
    assert.equal(values.get('nodens_udp_unsent_replies_total'), 0);
  } finally {
    await running.close();
  }
});

test('responders: a listener that closes loses no query', async () => {
  const corefileOf = (port: number) => `.:${port} {\n bind 127.0.0.1\n cache\n whoami\n}\n`;
  const first = testServer(corefileOf(await freePort()), { responderCount: 2 });
  let isFirstClosed = false;
  try {
    await first.server.start();
    const port = portOf(first);
    const second = testServer(corefileOf(port), { responderCount: 2 });
    try {
      await second.server.start();
      await whileAsking(port, async (flow) => {
        await until(() => flow.asked > 300);
        await first.close();
        isFirstClosed = true;
        const before = flow.asked;
        await until(() => flow.asked > before + 100);
      });
    } finally {
      await second.close();
    }
  } finally {
    if (!isFirstClosed) await first.close();
  }
});
