import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { readExposition } from '../../observe/testing.ts';
import { freePort } from '../../sys/testing/free-port.ts';
import { TYPE_AAAA } from '../../wire/types.ts';
import type { Outcome } from '../contract.ts';
import { type FakeBlock, type FakeQuery, fakeBlock, fakeNext, fakeQuery, fakeReply } from '../testing.ts';
import { parse, prometheus } from './prometheus.ts';

const addressRule = 'expected an address and port such as 127.0.0.1:8080, [::1]:8080 or :8080';
const parseCases = [
  { name: 'default', input: 'prometheus', want: { host: 'localhost', port: 9153 } },
  { name: 'address', input: 'prometheus :9253', want: { host: '', port: 9253 } },
  { name: 'no port', input: 'prometheus 9253', error: `Corefile:1: prometheus: ${addressRule}, got "9253"` },
  { name: 'two', input: 'prometheus :1 :2', error: 'Corefile:1: prometheus: takes 0 to 1 arguments, got 2' },
  {
    name: 'metrics of the runtime',
    input: 'prometheus {\n runtime_metrics\n}',
    want: { host: 'localhost', port: 9153 },
  },
  {
    name: 'an argument',
    input: 'prometheus {\n runtime_metrics on\n}',
    error: 'Corefile:2: prometheus: runtime_metrics takes no arguments, got 1',
  },
  {
    name: 'TLS',
    input: 'prometheus {\n tls web.yml\n}',
    error:
      'Corefile:2: prometheus: tls: nodens serves metrics without TLS; remove the line, and listen where only scrapers reach',
  },
  {
    name: 'unknown',
    input: 'prometheus {\n runtime_metric\n}',
    error: 'Corefile:2: prometheus: unknown property "runtime_metric"; did you mean "runtime_metrics"?',
  },
];
for (const { name, input, want, error } of parseCases) {
  test(`parse: ${name}`, () => {
    const run = () => parse(cursorOf(input)).address;
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.deepEqual(run(), want);
  });
}

const address = { host: '127.0.0.1', port: 0 };

async function valuesOf(block: FakeBlock): Promise<ReadonlyMap<string, number>> {
  return readExposition(await block.process.metrics.expose()).values;
}

/** Sends one query through a block and returns what the metrics say then. */
async function count(block: FakeBlock, query: FakeQuery, outcome: Outcome | Promise<Outcome>) {
  const handler = prometheus.setup({ address }, block)?.(fakeNext(outcome));
  block.process.clock.advance(3);
  assert.equal(await handler?.(query), await outcome);
  return valuesOf(block);
}

const query = fakeQuery({ qname: 'Www.example.org.', server: 'dns://127.0.0.1:53' });
const response = fakeReply(query, { rcode: 3, authority: ['example.org. 30 IN NS ns.example.org.'] });
const answered: Outcome = { response, rcode: 3, source: 'cache' };

for (const { name, outcome } of [
  { name: 'at once', outcome: answered },
  { name: 'later', outcome: Promise.resolve(answered) },
]) {
  test(`an answer ${name}`, async () => {
    const values = await count(fakeBlock({ zones: ['example.org.'] }), query, outcome);
    const zone = 'server="dns://127.0.0.1:53",view="",zone="example.org."';
    const requests = 'family="1",proto="udp",server="dns://127.0.0.1:53",type="A",view="",zone="example.org."';
    assert.equal(values.get(`coredns_dns_requests_total{${requests}}`), 1);
    assert.equal(values.get(`coredns_dns_responses_total{plugin="cache",rcode="NXDOMAIN",${zone}}`), 1);
    assert.equal(values.get(`coredns_dns_request_duration_seconds_sum{${zone}}`), 0.003);
    assert.equal(values.get(`coredns_dns_request_size_bytes_sum{proto="udp",${zone}}`), query.requestBytes);
    assert.equal(values.get(`coredns_dns_response_size_bytes_sum{proto="udp",${zone}}`), response.bytes.length);
    assert.equal(values.get(`coredns_dns_do_requests_total{${zone}}`), undefined);
  });
}

test('no answer counts with the rcode to be sent and no bytes', async () => {
  const outcome = { response: undefined, rcode: 2, source: '', error: new Error('no healthy proxies') };
  const values = await count(fakeBlock(), fakeQuery({ qtype: TYPE_AAAA, dnssecOk: true, protocol: 'tcp' }), outcome);
  const zone = 'server="dns://:1053",view="",zone="."';
  assert.equal(values.get(`coredns_dns_responses_total{plugin="",rcode="SERVFAIL",${zone}}`), 1);
  assert.equal(values.get(`coredns_dns_response_size_bytes_bucket{le="0",proto="tcp",${zone}}`), 1);
  assert.equal(values.get(`coredns_dns_do_requests_total{${zone}}`), 1);
});

const zoneCases = [
  { qname: 'a.b.example.org.', want: 'b.example.org.' },
  { qname: 'b.example.org.', want: 'b.example.org.' },
  { qname: 'ab.example.org.', want: 'example.org.' },
  { qname: 'elsewhere.example.', want: '.' },
];
for (const { qname, want } of zoneCases) {
  test(`zone: ${qname} counts for ${want}`, async () => {
    const block = fakeBlock({ zones: ['example.org.', 'b.example.org.'] });
    const values = await count(block, fakeQuery({ qname }), answered);
    const labels = `server="dns://:1053",view="",zone="${want}"`;
    assert.equal(values.get(`coredns_dns_request_duration_seconds_count{${labels}}`), 1);
  });
}

test('each listener has its own series', async () => {
  const block = fakeBlock();
  const handler = prometheus.setup({ address }, block)?.(fakeNext(answered));
  for (const server of ['dns://:1', 'dns://:2', 'dns://:1']) await handler?.(fakeQuery({ server }));
  const values = await valuesOf(block);
  const countOf = (server: string) =>
    values.get(`coredns_dns_request_duration_seconds_count{server="${server}",view="",zone="."}`);
  assert.deepEqual([countOf('dns://:1'), countOf('dns://:2')], [2, 1]);
});

test('the directives of a block are shown while its load lives, also while the next one takes over', async () => {
  const options = { zones: ['a.', 'b.'], servers: ['dns://:1', 'dns://:2'] };
  const old = fakeBlock({ ...options, handlers: ['prometheus', 'cache'] });
  const fresh = fakeBlock({ ...options, handlers: ['prometheus'], process: old.process });
  const port = await freePort();
  for (const block of [old, fresh]) prometheus.setup({ address: { host: '127.0.0.1', port } }, block);
  const enabled = async () => [...(await valuesOf(old))].filter(([key]) => key.startsWith('coredns_plugin_enabled'));
  const series = (name: string, server: string) => [
    `coredns_plugin_enabled{name="${name}",server="${server}",view="",zone="a."}`,
    1,
  ];
  const ofFresh = [series('prometheus', 'dns://:1'), series('prometheus', 'dns://:2')];
  const ofOld = [...ofFresh, series('cache', 'dns://:1'), series('cache', 'dns://:2')];
  await old.start();
  old.serving();
  assert.deepEqual((await enabled()).sort(), ofOld.sort());
  await fresh.start();
  fresh.serving();
  await old.stop();
  assert.deepEqual(await enabled(), ofFresh);
  await fresh.stop();
});

test('serves the exposition', async () => {
  const block = fakeBlock();
  const port = await freePort();
  prometheus.setup({ address: { host: '127.0.0.1', port } }, block);
  await block.start();
  const reply = await fetch(`http://127.0.0.1:${port}/metrics`);
  assert.equal(reply.status, 200);
  assert.equal(reply.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.ok(readExposition(await reply.text()).types.has('coredns_dns_requests_total'));
  await block.stop();
});
