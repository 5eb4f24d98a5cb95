import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { fakeLog } from '../../observe/testing.ts';
import { freePort } from '../../sys/testing/free-port.ts';
import { until } from '../../upstream/testing.ts';
import { parse } from './options.ts';
import { startTracer } from './tracer.ts';

type Context = { after(step: () => unknown): void };
type Received = { readonly request: string; readonly body: string };

/** A collector that answers with that status, or not at all. */
async function collector(t: Context, status: number | undefined, port = 0) {
  const received: Received[] = [];
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const body = await text(request);
    received.push({ request: `${request.method} ${request.url} ${request.headers['content-type']}`, body });
    if (status !== undefined) response.writeHead(status).end('{}');
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  const address = server.address();
  return { received, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

function tracerTo(kind: string, port: number, options = '') {
  const { log, lines } = fakeLog();
  const config = parse(cursorOf(`trace ${kind} 127.0.0.1:${port} {\n service node-1\n ${options}\n}`));
  return { tracer: startTracer(config, log), lines };
}

const START = Date.UTC(2026, 10, 27, 16) / 1000;

/** A whole with one part of it. */
function record({ startSpan }: ReturnType<typeof startTracer>, name = 'servedns:dns://:53 www.example.org.') {
  const attributes = { 'coredns.io/name': 'www.example.org.' };
  const root = startSpan({ name, kind: 1, startTime: [START, 1000], attributes, parent: undefined });
  const child = startSpan({ name: 'cache', kind: 0, startTime: [START, 2000], attributes: {}, parent: root });
  child.setStatus({ code: 2, message: 'broken' });
  child.end([START, 5000]);
  root.end([START, 7000]);
  return { root: root.spanContext(), child: child.spanContext() };
}

test('Zipkin gets version 2 of its JSON', async (t) => {
  const { received, port } = await collector(t, 202);
  const { tracer, lines } = tracerTo('zipkin', port);
  const { root, child } = record(tracer);
  await tracer.stop();
  const [{ request, body }, ...others] = received;
  assert.deepEqual([request, others.length], ['POST /api/v2/spans application/json', 0]);
  const [part, whole] = JSON.parse(body);
  const common = { traceId: root.traceId, localEndpoint: { serviceName: 'node-1' } };
  assert.partialDeepStrictEqual(whole, {
    ...common,
    id: root.spanId,
    kind: 'SERVER',
    name: 'servedns:dns://:53 www.example.org.',
    timestamp: START * 1e6 + 1,
    duration: 6,
    tags: { 'coredns.io/name': 'www.example.org.' },
  });
  assert.equal(whole.parentId, undefined);
  assert.partialDeepStrictEqual(part, {
    ...common,
    id: child.spanId,
    parentId: root.spanId,
    name: 'cache',
    timestamp: START * 1e6 + 2,
    duration: 3,
    tags: { error: 'broken' },
  });
  assert.deepEqual(lines(), []);
});

test('a collector of OpenTelemetry gets OTLP over HTTP', async (t) => {
  const { received, port } = await collector(t, 200);
  const { tracer } = tracerTo('otlp', port);
  const { root, child } = record(tracer);
  await tracer.stop();
  assert.equal(received[0].request, 'POST /v1/traces application/json');
  const [{ resource, scopeSpans }] = JSON.parse(received[0].body).resourceSpans;
  assert.deepEqual(resource.attributes[0], { key: 'service.name', value: { stringValue: 'node-1' } });
  const [part, whole] = scopeSpans[0].spans;
  assert.partialDeepStrictEqual(whole, {
    traceId: root.traceId,
    spanId: root.spanId,
    kind: 2,
    startTimeUnixNano: `${START}000001000`,
    endTimeUnixNano: `${START}000007000`,
  });
  assert.partialDeepStrictEqual(part, {
    spanId: child.spanId,
    parentSpanId: root.spanId,
    status: { code: 2, message: 'broken' },
  });
});

test("Datadog's agent gets traces with whole numbers of 64 bits", async (t) => {
  const { received, port } = await collector(t, 200);
  const { tracer } = tracerTo('datadog', port, 'datadog_analytics_rate 0.5');
  const { root, child } = record(tracer);
  await tracer.stop();
  const [{ request, body }] = received;
  assert.equal(request, 'PUT /v0.3/traces application/json');
  const decimal = (hex: string) => BigInt(`0x${hex}`).toString();
  const numbers = [...body.matchAll(/"(trace_id|span_id|parent_id|start|duration)":(\d+)/g)].map(
    ([, , digits]) => digits,
  );
  const traceId = decimal(root.traceId.slice(16));
  assert.deepEqual(numbers, [
    ...[traceId, decimal(child.spanId), decimal(root.spanId), `${START}000002000`, '3000'],
    ...[traceId, decimal(root.spanId), '0', `${START}000001000`, '6000'],
  ]);
  const [[part, whole]] = JSON.parse(body);
  assert.partialDeepStrictEqual(part, { name: 'cache', error: 1, meta: { 'error.message': 'broken' } });
  assert.partialDeepStrictEqual(whole, {
    name: 'servedns',
    resource: 'servedns:dns://:53 www.example.org.',
    service: 'node-1',
    type: 'dns',
    error: 0,
    meta: { '_dd.p.tid': root.traceId.slice(0, 16) },
    metrics: { '_dd1.sr.eausr': 0.5 },
  });
});

for (const kind of ['zipkin', 'datadog']) {
  test(`${kind}: a collector that cannot be reached is one warning, and its coming is said`, async (t) => {
    const port = await freePort();
    const { tracer, lines } = tracerTo(kind, port, 'zipkin_max_batch_interval 1ms');
    record(tracer);
    await until(() => lines().length > 0, 'a warning');
    assert.match(
      lines()[0],
      /^\[WARNING\] 2 spans not delivered to http:\/\/127\.0\.0\.1:\d+\/.*: connect ECONNREFUSED/,
    );
    record(tracer);
    const { received } = await collector(t, 202, port);
    await until(() => {
      record(tracer);
      return received.length > 0;
    }, 'spans');
    await until(() => lines().length > 1, 'another line');
    assert.match(lines()[1], /^\[INFO\] Spans are delivered to .* again$/);
    await tracer.stop();
  });

  test(`${kind}: a collector that refuses is a warning`, async (t) => {
    const { port } = await collector(t, 503);
    const { tracer, lines } = tracerTo(kind, port);
    record(tracer);
    await tracer.stop();
    assert.equal(lines().length, 1);
    assert.match(lines()[0], /503/);
  });
}

test('a collector that does not answer holds nothing up: neither the end, nor more memory than the backlog', async (t) => {
  const { port, received } = await collector(t, undefined);
  const options = 'zipkin_max_backlog_size 10\n zipkin_max_batch_size 10\n zipkin_max_batch_interval 1ms';
  const { tracer } = tracerTo('zipkin', port, options);
  for (let i = 0; i < 1000; i++) record(tracer);
  await until(() => received.length > 0, 'the first spans');
  await tracer.stop();
  const count = received.reduce((sum, { body }) => sum + JSON.parse(body).length, 0);
  assert.ok(count <= 20, `${count} spans`);
});
