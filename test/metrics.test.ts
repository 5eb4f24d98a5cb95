/** The metrics endpoint: CoreDNS's names, labels and counts, so that dashboards go on. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answer, reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askTcp, askUdp } from './support/client.ts';
import { type Samples, scrape } from './support/metrics.ts';
import { type Nodens, startNodens } from './support/nodens.ts';

const SOA = 'example.org 60 SOA ns1.example.org hostmaster.example.org 1 60';

let upstream: ScriptedUpstream;
let nodens: Nodens;
let samples: Samples;
let server: string;

before(async () => {
  upstream = await ScriptedUpstream.start();
  upstream
    .on('www.example.org', undefined, answer('www.example.org 60 A 192.0.2.1'))
    .on('nowhere.example.org', undefined, reply({ rcode: 'NXDOMAIN', authorities: [SOA] }))
    .on('broken.example.org', undefined, reply({ rcode: 'SERVFAIL' }));
  nodens = await startNodens({
    corefile: `
example.org:{PORT} sub.example.org:{PORT} {
    bind 127.0.0.1
    prometheus 127.0.0.1:{METRICS}
    cache
    forward . ${upstream.endpoint}
}
example.net:{PORT2} {
    bind 127.0.0.1
    whoami
}
`,
  });
  server = `dns://127.0.0.1:${nodens.port}`;
  for (let i = 0; i < 3; i++) await askUdp(nodens, { qname: 'www.example.org' });
  await askUdp(nodens, { qname: 'www.example.org', edns: { flags: 0x8000 } });
  await askTcp(nodens, { qname: 'WWW.example.org' });
  await askTcp(nodens, { qname: 'a.sub.example.org', qtype: 65280 });
  for (let i = 0; i < 2; i++) await askUdp(nodens, { qname: 'nowhere.example.org', qtype: 'AAAA' });
  await askUdp(nodens, { qname: 'broken.example.org' });
  await askUdp(nodens, { qname: 'elsewhere.example.com' });
  await askUdp(nodens, { qname: 'www.example.org', edns: { version: 1 } });
  await askUdp({ address: '127.0.0.1', port: nodens.ports.PORT2 }, { qname: 'a.example.net' });
  samples = await scrape(nodens.ports.METRICS);
});
after(async () => {
  await nodens?.stop();
  await upstream?.stop();
});

describe('counts', () => {
  const cases: [string, Record<string, string>, number][] = [
    ['coredns_dns_requests_total', { zone: 'example.org.', proto: 'udp', family: '1', type: 'A', view: '' }, 5],
    ['coredns_dns_requests_total', { zone: 'example.org.', proto: 'tcp', type: 'A' }, 1],
    ['coredns_dns_requests_total', { zone: 'sub.example.org.', proto: 'tcp', type: 'other' }, 1],
    ['coredns_dns_requests_total', { zone: 'example.org.', type: 'AAAA' }, 2],
    ['coredns_dns_requests_total', { zone: 'dropped' }, 1],
    ['coredns_dns_do_requests_total', { zone: 'example.org.' }, 1],
    ['coredns_dns_responses_total', { zone: 'example.org.', rcode: 'NOERROR', plugin: 'cache' }, 5],
    ['coredns_dns_responses_total', { zone: 'example.org.', rcode: 'NXDOMAIN', plugin: 'cache' }, 2],
    ['coredns_dns_responses_total', { zone: 'example.org.', rcode: 'SERVFAIL', plugin: 'cache' }, 1],
    ['coredns_dns_responses_total', { zone: 'dropped', rcode: 'REFUSED', plugin: '' }, 1],
    ['coredns_dns_request_duration_seconds_count', { zone: 'example.org.' }, 8],
    ['coredns_dns_request_size_bytes_count', { zone: 'example.org.', proto: 'udp' }, 7],
    ['coredns_dns_response_size_bytes_count', { zone: 'example.org.', proto: 'tcp' }, 1],
    ['coredns_cache_requests_total', {}, 9],
    ['coredns_cache_hits_total', { type: 'success' }, 3],
    ['coredns_cache_hits_total', { type: 'denial' }, 1],
    ['coredns_cache_misses_total', {}, 5],
    ['coredns_cache_entries', { type: 'success' }, 2],
    ['coredns_proxy_request_duration_seconds_count', { proxy_name: 'forward', rcode: 'NOERROR' }, 2],
    ['coredns_proxy_request_duration_seconds_count', { proxy_name: 'forward', rcode: 'SERVFAIL' }, 1],
    ['coredns_panics_total', {}, 0],
    ['coredns_forward_max_concurrent_rejects_total', {}, 0],
    ['coredns_forward_healthcheck_broken_total', {}, 0],
    ['coredns_reload_failed_total', {}, 0],
    ['coredns_health_request_failures_total', {}, 0],
    ['coredns_build_info', {}, 1],
  ];
  for (const [name, labels, want] of cases) {
    test(`${name} ${JSON.stringify(labels)}`, () => assert.equal(samples.value(name, labels), want));
  }
});

describe('labels', () => {
  const cases: [string, string[]][] = [
    ['coredns_build_info', ['goversion', 'revision', 'version']],
    ['coredns_plugin_enabled', ['name', 'server', 'view', 'zone']],
    ['coredns_dns_requests_total', ['family', 'proto', 'server', 'type', 'view', 'zone']],
    ['coredns_dns_request_duration_seconds_count', ['server', 'view', 'zone']],
    ['coredns_dns_request_size_bytes_count', ['proto', 'server', 'view', 'zone']],
    ['coredns_dns_response_size_bytes_count', ['proto', 'server', 'view', 'zone']],
    ['coredns_dns_responses_total', ['plugin', 'rcode', 'server', 'view', 'zone']],
    ['coredns_cache_requests_total', ['server', 'view', 'zones']],
    ['coredns_cache_hits_total', ['server', 'type', 'view', 'zones']],
    ['coredns_cache_entries', ['server', 'type', 'view', 'zones']],
    ['coredns_proxy_request_duration_seconds_count', ['proxy_name', 'rcode', 'to']],
    ['coredns_proxy_conn_cache_misses_total', ['proto', 'proxy_name', 'to']],
  ];
  for (const [name, want] of cases) {
    test(name, () => assert.deepEqual(samples.labelNames(name), want));
  }

  test('server and zones', () => {
    assert.equal(samples.value('coredns_cache_requests_total', { server, zones: 'example.org.,sub.example.org.' }), 9);
    assert.equal(samples.value('coredns_dns_requests_total', { server, zone: 'dropped' }), 1);
    assert.equal(
      samples.value('coredns_proxy_request_duration_seconds_count', { to: upstream.endpoint, rcode: 'NXDOMAIN' }),
      2,
    );
  });

  test('plugin_enabled names the handlers of the block, for its first zone', () => {
    for (const name of ['prometheus', 'cache', 'forward']) {
      assert.equal(samples.value('coredns_plugin_enabled', { server, zone: 'example.org.', name }), 1, name);
    }
    assert.equal(samples.value('coredns_plugin_enabled', { zone: 'sub.example.org.' }), undefined);
    assert.equal(samples.value('coredns_plugin_enabled', { name: 'bind' }), undefined);
  });
});

test('buckets are those of CoreDNS', () => {
  const bounds = (name: string) =>
    [...samples.text.matchAll(new RegExp(`^${name}_bucket\\{.*?le="([^"]+)".*\\}`, 'gm'))].map(([, bound]) => bound);
  assert.deepEqual(
    [...new Set(bounds('coredns_dns_request_size_bytes'))],
    [...'0 100 200 300 400 511 1023 2047 4095 8291 16000 32000 48000 64000'.split(' '), '+Inf'],
  );
  const times = Array.from({ length: 16 }, (_, i) => String(0.00025 * 2 ** i));
  assert.deepEqual([...new Set(bounds('coredns_dns_request_duration_seconds'))], [...times, '+Inf']);
});

test('other paths are not found, and the content type is that of the text format', async () => {
  const url = `http://127.0.0.1:${nodens.ports.METRICS}`;
  assert.equal((await fetch(`${url}/`)).status, 404);
  const response = await fetch(`${url}/metrics`);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  await response.text();
});
