import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { test } from 'node:test';
import { Metrics } from '../../observe/metrics.ts';
import { fakeLog, readExposition } from '../../observe/testing.ts';
import { freePort } from '../../sys/testing/free-port.ts';
import { FakeClock } from '../testing.ts';
import { checkSelf } from './self-check.ts';

const running = new AbortController().signal;

async function fakes(port: number) {
  const metrics = new Metrics();
  const { log, lines } = fakeLog();
  const clock = new FakeClock();
  const check = {
    host: '127.0.0.1',
    port,
    path: '/health',
    url: 'http://localhost:8080/health',
    duration: metrics.histogram('duration', 'D.', [], [1]).labels(),
    failures: metrics.counter('failures', 'F.').labels(),
    clock,
    log,
  };
  const counts = async () => {
    const { values } = readExposition(await metrics.expose());
    return {
      durations: values.get('duration_count'),
      seconds: values.get('duration_sum'),
      failures: values.get('failures'),
    };
  };
  return { check, clock, lines, counts };
}

/** Runs `use` while a server answers on a port of its own. */
async function withServer(answer: RequestListener, use: (port: number) => Promise<void>): Promise<void> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  await use(address.port);
  server.close();
  server.closeAllConnections();
}

test('an answer is counted with its duration', async () => {
  await withServer(
    (request, response) => response.end(request.url),
    async (port) => {
      const { check, counts, lines } = await fakes(port);
      await checkSelf(check, running);
      assert.deepEqual(await counts(), { durations: 1, seconds: 0, failures: 0 });
      assert.deepEqual(lines(), []);
    },
  );
});

test('a slow answer is told', async () => {
  const { check, clock, counts, lines } = await fakes(0);
  const slow: RequestListener = (_request, response) => {
    clock.advance(1500);
    response.end();
  };
  await withServer(slow, async (port) => {
    await checkSelf({ ...check, port }, running);
    assert.deepEqual(await counts(), { durations: 1, seconds: 1.5, failures: 0 });
    assert.deepEqual(lines(), [
      '[WARNING] Local health request to "http://localhost:8080/health" took more than 1s: 1500ms',
    ]);
  });
});

test('no answer is a failure', async () => {
  const port = await freePort();
  const { check, counts, lines } = await fakes(port);
  await checkSelf(check, running);
  assert.deepEqual(await counts(), { durations: 0, seconds: 0, failures: 1 });
  const error = `connect ECONNREFUSED 127.0.0.1:${port}`;
  assert.deepEqual(lines(), [`[WARNING] Local health request to "http://localhost:8080/health" failed: ${error}`]);
});

test('an answer that says that something is wrong is a failure', async () => {
  const { check, counts, lines } = await fakes(0);
  const ill: RequestListener = (_request, response) => {
    response.writeHead(503).end('ill');
  };
  await withServer(ill, async (port) => {
    await checkSelf({ ...check, port }, running);
    assert.deepEqual(await counts(), { durations: 0, seconds: 0, failures: 1 });
    assert.deepEqual(lines(), ['[WARNING] Local health request to "http://localhost:8080/health" failed: status 503']);
  });
});

test('a check that is under way when the load stops counts for nothing', async () => {
  const stopping = new AbortController();
  await withServer(
    () => stopping.abort(),
    async (port) => {
      const { check, counts, lines } = await fakes(port);
      await checkSelf(check, stopping.signal);
      assert.deepEqual(await counts(), { durations: 0, seconds: 0, failures: 0 });
      assert.deepEqual(lines(), []);
    },
  );
});
