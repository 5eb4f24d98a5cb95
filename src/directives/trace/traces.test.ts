import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Handler, Outcome, Query } from '../contract.ts';
import { FakeClock, fakeNext, fakeQuery, fakeReply } from '../testing.ts';
import { Traces } from './traces.ts';

const NXDOMAIN: Outcome = { response: undefined, rcode: 3, source: 'cache' };
const ENDPOINT = {
  protocol: 'dns',
  address: '192.0.2.1',
  port: 53,
  serverName: undefined,
  text: '192.0.2.1:53',
} as const;

function tracing(every = 1, separator = '/') {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const tracer = provider.getTracer('test');
  const clock = new FakeClock();
  const traces = new Traces({ every, separator, clock });
  traces.startSpan = ({ name, parent, ...options }) =>
    tracer.startSpan(name, options, parent === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, parent));
  return { traces, clock, spans: () => exporter.getFinishedSpans() };
}

/** Each span with the one that it is a part of, in the order in which they ended. */
function tree(spans: readonly ReadableSpan[]): string[] {
  const nameOf = new Map(spans.map((span) => [span.spanContext().spanId, span.name]));
  return spans.map(({ name, parentSpanContext }) => {
    return `${name} < ${parentSpanContext === undefined ? 'nothing' : nameOf.get(parentSpanContext.spanId)}`;
  });
}

function micros(span: ReadableSpan): number {
  return (span.duration[0] * 1e9 + span.duration[1]) / 1000;
}

test('a span for the whole, one for each directive within the one above, one for each attempt', async () => {
  const { traces, clock, spans } = tracing();
  const forward: Handler = async (query) => {
    clock.advance(2);
    const reply = fakeReply(query);
    const common = { query, endpoint: ENDPOINT, protocol: 'udp' } as const;
    const error = new Error('connection refused');
    traces.attempt({ ...common, startedAtMs: 3, endedAtMs: 3.5, reply: undefined, error });
    traces.attempt({ ...common, startedAtMs: 3.5, endedAtMs: 4, reply, error: undefined });
    return NXDOMAIN;
  };
  const cache = traces.around('cache', traces.around('forward', forward));
  const handler = traces.whole(traces.around('errors', cache));
  clock.advance(1);
  const query = fakeQuery({ qname: 'www.example.org.', qtype: 28, receivedAtMs: 0.25, server: 'dns://:53' });
  assert.equal(await handler(query), NXDOMAIN);
  const root = 'servedns:dns://:53 www.example.org.';
  assert.deepEqual(tree(spans()), [
    'connect < forward',
    'connect < forward',
    'forward < cache',
    'cache < errors',
    `errors < ${root}`,
    `${root} < nothing`,
  ]);
  const [failed, answered, , , , whole] = spans();
  assert.deepEqual(failed.status, { code: 2, message: 'connection refused' });
  assert.deepEqual(answered.attributes, {
    'peer.address': '192.0.2.1:53',
    'coredns.io/proto': 'udp',
    'coredns.io/rcode': 'NOERROR',
  });
  assert.deepEqual(whole.attributes, {
    'coredns.io/name': 'www.example.org.',
    'coredns.io/type': 'AAAA',
    'coredns.io/proto': 'udp',
    'coredns.io/remote': '192.0.2.53',
    'coredns.io/rcode': 'NXDOMAIN',
  });
  assert.deepEqual(spans().map(micros), [500, 500, 2000, 2000, 2000, 2750]);
  assert.equal(query.metadata.get('trace/traceid'), whole.spanContext().traceId);
  for (const { startTime } of spans()) assert.equal(startTime[1] % 1000, 0, 'whole microseconds, as Zipkin wants them');
});

test('one query in so many is traced, and nothing before the tracer is there', () => {
  const { traces, spans } = tracing(3);
  const handler = traces.whole(traces.around('cache', fakeNext(NXDOMAIN)));
  const { startSpan } = traces;
  traces.startSpan = undefined;
  for (let i = 0; i < 5; i++) handler(fakeQuery());
  assert.equal(spans().length, 0);
  traces.startSpan = startSpan;
  for (let i = 1; i <= 7; i++) handler(fakeQuery({ qname: `query${i}.example.org.` }));
  const wholes = spans().filter(({ parentSpanContext }) => parentSpanContext === undefined);
  assert.deepEqual(
    wholes.map(({ name }) => name.split(' ')[1]),
    ['query3.example.org.', 'query6.example.org.'],
  );
  assert.equal(spans().length, 4);
});

test('queries at the same time keep their spans apart, and those that are not traced have none', async () => {
  const { traces, spans } = tracing(2);
  const waiting: (() => void)[] = [];
  const slow: Handler = (query) =>
    new Promise((resolve) => waiting.push(() => resolve({ ...NXDOMAIN, source: query.qname })));
  const handler = traces.whole(traces.around('cache', traces.around('forward', slow)));
  const names = ['a', 'b', 'c', 'd'];
  const answers = names.map((name) => handler(fakeQuery({ qname: `${name}.example.org.` })));
  for (const answer of waiting.toReversed()) answer();
  await Promise.all(answers);
  assert.equal(spans().length, 6);
  const byTrace = Map.groupBy(spans(), (span) => span.spanContext().traceId);
  assert.deepEqual([...byTrace.values()].map((own) => own.map(({ name }) => name.replace(/^.* /, ''))).sort(), [
    ['forward', 'cache', 'b.example.org.'],
    ['forward', 'cache', 'd.example.org.'],
  ]);
});

test('a question of ours is a part of the trace that led to it, and counts for nothing', async () => {
  const { traces, spans } = tracing(2);
  const inner = traces.around('cache', fakeNext(NXDOMAIN));
  const whole = traces.whole(inner);
  const template = traces.around('template', async (query: Query) => {
    const nested = fakeQuery({ qname: 'nested.example.org.', isNested: true });
    Object.assign(nested, { metadata: query.metadata }); // As the server's queries share it.
    return whole(nested);
  });
  const handler = traces.whole(template);
  await handler(fakeQuery());
  assert.equal(spans().length, 0);
  await handler(fakeQuery());
  assert.deepEqual(tree(spans()).slice(0, 2), ['cache < template', 'template < servedns:dns://:1053 www.example.org.']);
  assert.equal(spans().length, 3);
});

test('what goes wrong is on the spans, and goes on to whoever deals with it', async () => {
  const { traces, spans } = tracing(1, '@');
  const failing = traces.whole(
    traces.around('cache', fakeNext({ ...NXDOMAIN, rcode: 2, error: new Error('no upstream') })),
  );
  await failing(fakeQuery());
  assert.deepEqual(
    spans().map(({ status }) => status),
    [
      { code: 2, message: 'no upstream' },
      { code: 2, message: 'no upstream' },
    ],
  );
  assert.equal(spans()[1].attributes['coredns.io@rcode'], 'SERVFAIL');
  const broken = [
    () => {
      throw new Error('at once');
    },
    () => Promise.reject(new Error('later')),
  ];
  for (const handler of broken) {
    await assert.rejects(async () => traces.whole(traces.around('cache', handler))(fakeQuery()), /at once|later/);
  }
  assert.equal(spans().length, 6);
  // A refresh that goes on behind the answer belongs to no trace.
  traces.around('forward', fakeNext(NXDOMAIN))(fakeQuery().background());
  assert.equal(spans().length, 6);
});
