import assert from 'node:assert/strict';
import { test } from 'node:test';
import v8 from 'node:v8';
import { TYPE_A, TYPE_AAAA, TYPE_ANY, TYPE_HTTPS } from '../wire/types.ts';
import { Metrics } from './metrics.ts';
import { type CountedQuery, RequestMetrics } from './request-metrics.ts';
import { readExposition } from './testing.ts';

const SERVER = 'dns://127.0.0.1:53';
const query: CountedQuery = {
  server: SERVER,
  protocol: 'udp',
  family: 4,
  qtype: TYPE_A,
  dnssecOk: false,
  requestBytes: 40,
};

test('one query, and what came of it', async () => {
  const metrics = new Metrics();
  const requests = new RequestMetrics(metrics);
  requests.zone(SERVER, 'example.org.').count({ ...query, dnssecOk: true }, 3, 'cache', 512, 0.0004);
  const { types, values } = readExposition(await metrics.expose());
  const zone = `server="${SERVER}",view="",zone="example.org."`;
  const want = {
    [`coredns_dns_requests_total{family="1",proto="udp",server="${SERVER}",type="A",view="",zone="example.org."}`]: 1,
    [`coredns_dns_responses_total{plugin="cache",rcode="NXDOMAIN",${zone}}`]: 1,
    [`coredns_dns_do_requests_total{${zone}}`]: 1,
    [`coredns_dns_request_duration_seconds_bucket{le="0.00025",${zone}}`]: 0,
    [`coredns_dns_request_duration_seconds_bucket{le="0.0005",${zone}}`]: 1,
    [`coredns_dns_request_duration_seconds_bucket{le="8.192",${zone}}`]: 1,
    [`coredns_dns_request_size_bytes_bucket{le="0",proto="udp",${zone}}`]: 0,
    [`coredns_dns_request_size_bytes_bucket{le="100",proto="udp",${zone}}`]: 1,
    [`coredns_dns_request_size_bytes_sum{proto="udp",${zone}}`]: 40,
    [`coredns_dns_response_size_bytes_bucket{le="511",proto="udp",${zone}}`]: 0,
    [`coredns_dns_response_size_bytes_bucket{le="1023",proto="udp",${zone}}`]: 1,
    [`coredns_dns_response_size_bytes_sum{proto="udp",${zone}}`]: 512,
  };
  for (const [key, value] of Object.entries(want)) assert.equal(values.get(key), value, key);
  assert.equal(types.get('coredns_dns_request_duration_seconds'), 'histogram');
  assert.equal(types.get('coredns_dns_requests_total'), 'counter');
});

const requestCases = [
  { name: 'A over UDP on IPv4', query: {}, want: 'family="1",proto="udp",type="A"' },
  {
    name: 'AAAA over TCP on IPv6',
    query: { qtype: TYPE_AAAA, protocol: 'tcp', family: 6 },
    want: 'family="2",proto="tcp",type="AAAA"',
  },
  { name: 'HTTPS', query: { qtype: TYPE_HTTPS }, want: 'family="1",proto="udp",type="HTTPS"' },
  { name: 'ANY', query: { qtype: TYPE_ANY }, want: 'family="1",proto="udp",type="ANY"' },
  { name: 'no question', query: { qtype: 0 }, want: 'family="1",proto="udp",type="other"' },
  { name: 'HINFO', query: { qtype: 13 }, want: 'family="1",proto="udp",type="other"' },
  { name: 'TYPE65280', query: { qtype: 65280 }, want: 'family="1",proto="udp",type="other"' },
] as const;
for (const { name, query: changed, want } of requestCases) {
  test(`requests: ${name}`, async () => {
    const metrics = new Metrics();
    new RequestMetrics(metrics).zone(SERVER, '.').count({ ...query, ...changed }, 0, 'whoami', 0, 0);
    const text = await metrics.expose();
    const series = text.split('\n').filter((line) => line.startsWith('coredns_dns_requests_total{'));
    const labels = /\{(.*)\}/
      .exec(series[0])?.[1]
      .split(',')
      .filter((label) => !/^(server|view|zone)=/.test(label));
    assert.equal(series.length, 1);
    assert.equal(labels?.join(), want);
  });
}

const responseCases = [
  { name: 'NOERROR', rcode: 0, plugin: 'forward', want: 'plugin="forward",rcode="NOERROR"' },
  { name: 'of the server', rcode: 2, plugin: '', want: 'plugin="",rcode="SERVFAIL"' },
  { name: 'extended', rcode: 23, plugin: 'cache', want: 'plugin="cache",rcode="BADCOOKIE"' },
  { name: 'nameless', rcode: 4095, plugin: 'cache', want: 'plugin="cache",rcode="RCODE4095"' },
];
for (const { name, rcode, plugin, want } of responseCases) {
  test(`responses: ${name}`, async () => {
    const metrics = new Metrics();
    const zone = new RequestMetrics(metrics).zone(SERVER, '.');
    for (let i = 0; i < 3; i++) zone.count(query, rcode, plugin, 100, 0);
    const { values } = readExposition(await metrics.expose());
    assert.equal(values.get(`coredns_dns_responses_total{${want},server="${SERVER}",view="",zone="."}`), 3);
  });
}

test('a query that no chain has seen', async () => {
  const metrics = new Metrics();
  new RequestMetrics(metrics).countDropped(query, 5, 40);
  const { values } = readExposition(await metrics.expose());
  const key = `coredns_dns_responses_total{plugin="",rcode="REFUSED",server="${SERVER}",view="",zone="dropped"}`;
  assert.equal(values.get(key), 1);
});

test('counting a query allocates nothing', () => {
  const zone = new RequestMetrics(new Metrics()).zone(SERVER, '.');
  const count = (times: number) => {
    for (let i = 0; i < times; i++) zone.count(query, i & 3, 'cache', i & 511, 0.00003);
  };
  count(200_000);
  const before = v8.getHeapStatistics().total_allocated_bytes;
  count(1_000_000);
  const bytesPerQuery = (v8.getHeapStatistics().total_allocated_bytes - before) / 1_000_000;
  assert.ok(bytesPerQuery < 2, `${bytesPerQuery} bytes per query`);
});
