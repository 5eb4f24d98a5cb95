/** The directive `trace`: what collectors get of a running server. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { answer } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askTcp, askUdp } from './support/client.ts';
import { type Nodens, startNodens } from './support/nodens.ts';
import { freePort } from './support/ports.ts';
import { eventually } from './support/wait.ts';

type ZipkinSpan = {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly name: string;
  readonly timestamp: number;
  readonly duration: number;
  readonly tags: Readonly<Record<string, string>>;
};
type OtlpSpan = { readonly name: string; readonly traceId: string };

let upstream: ScriptedUpstream;
let nodens: Nodens;
const zipkin: ZipkinSpan[] = [];
const otlp: OtlpSpan[] = [];

const collector = createServer(async (request, response) => {
  const body = JSON.parse(await text(request));
  if (request.url === '/api/v2/spans') zipkin.push(...body);
  else for (const { scopeSpans } of body.resourceSpans) for (const { spans } of scopeSpans) otlp.push(...spans);
  response.writeHead(202).end();
});

before(async () => {
  upstream = await ScriptedUpstream.start();
  upstream.otherwise((exchange) => answer(`${exchange.query.qname} 300 A 192.0.2.1`)(exchange));
  const [port, refusing] = [await freePort(), await freePort()];
  collector.listen(port, '127.0.0.1');
  await once(collector, 'listening');
  nodens = await startNodens({
    corefile: `
.:{PORT} {
    bind 127.0.0.1
    trace 127.0.0.1:${port} {
        service node-1
        zipkin_max_batch_interval 10ms
    }
    errors
    log . "trace {/trace/traceid} of {name}"
    cache
    forward . 127.0.0.1:${refusing} ${upstream.endpoint} {
        policy sequential
        max_fails 0
    }
}
.:{PORT2} {
    bind 127.0.0.1
    trace otlp 127.0.0.1:${port} {
        every 3
        zipkin_max_batch_interval 10ms
    }
    whoami
}
.:{PORT3} {
    bind 127.0.0.1
    trace 127.0.0.1:${refusing} {
        zipkin_max_batch_interval 10ms
    }
    whoami
}
`,
  });
});
after(async () => {
  await nodens?.stop();
  await upstream?.stop();
  collector.close();
  collector.closeAllConnections();
});

/** The spans of a query, each with the one that it is a part of, in the order in which they began. */
async function zipkinTree(qname: string): Promise<{ whole: ZipkinSpan; tree: string[]; spans: ZipkinSpan[] }> {
  const whole = await eventually(`the trace of ${qname}`, () =>
    zipkin.find(({ name, tags }) => name.startsWith('servedns:') && tags['coredns.io/name'] === qname),
  );
  const spans = zipkin.filter(({ traceId }) => traceId === whole.traceId);
  const nameOf = (id: string | undefined) => spans.find((span) => span.id === id)?.name ?? 'nothing';
  const inOrder = spans.toSorted((a, b) => a.timestamp - b.timestamp || b.duration - a.duration);
  return { whole, spans, tree: inOrder.map(({ name, parentId }) => `${name} < ${nameOf(parentId)}`) };
}

test('Zipkin: a query has a span, and so has each directive that it meets and each attempt upstream', async () => {
  await askUdp(nodens, { qname: 'Www.example.org' });
  const { whole, tree, spans } = await zipkinTree('www.example.org.');
  const root = `servedns:dns://127.0.0.1:${nodens.port} www.example.org.`;
  assert.deepEqual(tree.toSorted(), [
    'cache < log',
    'connect < forward',
    'connect < forward',
    `errors < ${root}`,
    'forward < cache',
    'log < errors',
    `${root} < nothing`,
  ]);
  const { tags } = whole;
  assert.partialDeepStrictEqual(tags, {
    'coredns.io/name': 'www.example.org.',
    'coredns.io/type': 'A',
    'coredns.io/proto': 'udp',
    'coredns.io/remote': '127.0.0.1',
    'coredns.io/rcode': 'NOERROR',
  });
  const attempts = spans.filter(({ name }) => name === 'connect').toSorted((a, b) => a.timestamp - b.timestamp);
  assert.match(attempts[0].tags.error, /refused/);
  assert.equal(attempts[1].tags['peer.address'], upstream.endpoint);
  // As Zipkin's API has it: whole microseconds, ids of 16 and 32 hexadecimal digits.
  for (const { id, traceId, timestamp, duration } of spans) {
    assert.match(`${id} ${traceId}`, /^[0-9a-f]{16} [0-9a-f]{32}$/);
    assert.ok(Number.isSafeInteger(timestamp) && Number.isSafeInteger(duration), `${timestamp} ${duration}`);
    assert.ok(timestamp >= whole.timestamp && timestamp + duration <= whole.timestamp + whole.duration);
  }
  await nodens.untilOutput(new RegExp(`trace ${whole.traceId} of www.example.org.`));
});

test('Zipkin: a hit, over TCP as well', async () => {
  await askTcp(nodens, { qname: 'hit.example.org' });
  await zipkinTree('hit.example.org.');
  zipkin.length = 0;
  await askTcp(nodens, { qname: 'hit.example.org' });
  const { whole, tree } = await zipkinTree('hit.example.org.');
  assert.deepEqual(tree.map((text) => text.split(' ')[0]).sort(), ['cache', 'errors', 'log', whole.name.split(' ')[0]]);
  assert.equal(whole.tags['coredns.io/proto'], 'tcp');
});

test('OTLP: one query in three', async () => {
  const server = { address: nodens.address, port: nodens.ports.PORT2 };
  for (let i = 1; i <= 7; i++) await askUdp(server, { qname: `query${i}.example.org` });
  const wholes = () => otlp.filter(({ name }) => name.startsWith('servedns:')).map(({ name }) => name.split(' ')[1]);
  await eventually('two traces', () => wholes().length >= 2);
  assert.deepEqual(wholes(), ['query3.example.org.', 'query6.example.org.']);
});

test('a collector that cannot be reached is a warning, and queries are answered', async () => {
  const server = { address: nodens.address, port: nodens.ports.PORT3 };
  const { rcode } = await askUdp(server, { qname: 'www.example.org' });
  assert.equal(rcode, 'NOERROR');
  await nodens.untilOutput(/\[WARNING\] plugin\/trace: \d+ spans not delivered to http:.*: connect ECONNREFUSED/);
  assert.equal((await askUdp(server, { qname: 'www.example.org' })).rcode, 'NOERROR');
});
