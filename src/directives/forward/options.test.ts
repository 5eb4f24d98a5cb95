import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { endpointOf } from '../../upstream/endpoint.ts';
import { type ForwardConfig, parse } from './options.ts';

const plain = 'forward . 192.0.2.1';
const withLine = (line: string) => `${plain} {\n  ${line}\n}`;
const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ');

test('the defaults', () => {
  const { cursor, targets, healthDomain, ...config } = parse(cursorOf(plain));
  assert.deepEqual(
    targets.map((token) => token.text),
    ['192.0.2.1'],
  );
  assert.deepEqual(healthDomain, Uint8Array.of(0));
  assert.deepEqual(config, {
    from: '.',
    fromZoneCount: 1,
    except: [],
    forceTcp: false,
    preferUdp: false,
    expireMs: 10_000,
    maxAgeMs: 0,
    maxIdle: 0,
    maxFails: 2,
    maxAttempts: undefined,
    readTimeoutMs: 2000,
    sourceAddress: undefined,
    resolvers: [],
    httpsMethod: 'POST',
    tls: undefined,
    tlsServerName: undefined,
    policy: 'random',
    healthIntervalMs: 500,
    healthRecursion: true,
    maxConcurrent: 0,
    nextRcodes: new Set(),
    nextOnNodata: false,
    failoverRcodes: new Set(),
    failfast: false,
  });
});

const good: { input: string; want: Partial<ForwardConfig> }[] = [
  { input: 'forward Example.ORG 192.0.2.1', want: { from: 'example.org.' } },
  { input: 'forward dns://example.org:53 192.0.2.1', want: { from: 'example.org.' } },
  { input: 'forward 10.0.0.0/8 192.0.2.1', want: { from: '10.in-addr.arpa.', fromZoneCount: 1 } },
  { input: 'forward 10.0.0.0/9 192.0.2.1', want: { from: '0.10.in-addr.arpa.', fromZoneCount: 128 } },
  { input: `${plain} {\n}`, want: {} },
  { input: withLine('except a.example.org B.example.org.'), want: { except: ['a.example.org.', 'b.example.org.'] } },
  {
    input: withLine('except a.example.org\n  except 10.0.0.0/8'),
    want: { except: ['a.example.org.', '10.in-addr.arpa.'] },
  },
  { input: withLine('force_tcp'), want: { forceTcp: true } },
  { input: withLine('prefer_udp'), want: { preferUdp: true } },
  { input: withLine('expire 1m30s'), want: { expireMs: 90_000 } },
  { input: withLine('expire 0'), want: { expireMs: 0 } },
  { input: withLine('max_age 20s'), want: { maxAgeMs: 20_000 } },
  { input: withLine('max_age 5s\n  expire 5s'), want: { maxAgeMs: 5000, expireMs: 5000 } },
  { input: withLine('max_idle_conns 3'), want: { maxIdle: 3 } },
  { input: withLine('max_fails 0'), want: { maxFails: 0 } },
  { input: withLine('max_fails 1\n  max_fails 5'), want: { maxFails: 5 } },
  { input: withLine('max_connect_attempts 0'), want: { maxAttempts: 0 } },
  { input: withLine('read_timeout 500ms'), want: { readTimeoutMs: 500 } },
  { input: withLine('source_address 192.0.2.9'), want: { sourceAddress: '192.0.2.9' } },
  { input: withLine('source_address 2001:db8::9'), want: { sourceAddress: '2001:db8::9' } },
  { input: withLine('doh_method GET'), want: { httpsMethod: 'GET' } },
  {
    input: withLine('resolver 192.0.2.1 [2001:db8::1]:5353'),
    want: { resolvers: [endpointOf('dns', '192.0.2.1', 53), endpointOf('dns', '2001:db8::1', 5353)] },
  },
  { input: withLine('tls'), want: { tls: { ca: undefined, certificate: undefined, key: undefined } } },
  { input: withLine('tls CA'), want: { tls: { ca: 'CA', certificate: undefined, key: undefined } } },
  { input: withLine('tls CERT KEY'), want: { tls: { ca: undefined, certificate: 'CERT', key: 'KEY' } } },
  { input: withLine('tls CERT KEY CA'), want: { tls: { ca: 'CA', certificate: 'CERT', key: 'KEY' } } },
  { input: withLine('tls_servername dns.example.org'), want: { tlsServerName: 'dns.example.org' } },
  { input: withLine('policy round_robin'), want: { policy: 'round_robin' } },
  { input: withLine('policy sequential'), want: { policy: 'sequential' } },
  { input: withLine('health_check 5s'), want: { healthIntervalMs: 5000, healthRecursion: true } },
  { input: withLine('health_check 5s no_rec'), want: { healthRecursion: false } },
  {
    input: withLine('health_check 1s no_rec domain example.org'),
    want: { healthRecursion: false, healthDomain: Uint8Array.from(Buffer.from('\x07example\x03org\0')) },
  },
  { input: withLine('max_concurrent 1000'), want: { maxConcurrent: 1000 } },
  { input: withLine('next NXDOMAIN servfail'), want: { nextRcodes: new Set([3, 2]) } },
  { input: withLine('next NXDOMAIN\n  next REFUSED'), want: { nextRcodes: new Set([3, 5]) } },
  { input: withLine('next NOERROR'), want: { nextRcodes: new Set([0]) } },
  { input: withLine('next_on_nodata'), want: { nextOnNodata: true } },
  { input: withLine('failover SERVFAIL ServFail REFUSED'), want: { failoverRcodes: new Set([2, 5]) } },
  { input: withLine('failfast_all_unhealthy_upstreams'), want: { failfast: true } },
];
for (const { input, want } of good) {
  test(`parse: ${oneLine(input)}`, () => {
    const config = parse(cursorOf(input));
    assert.deepEqual({ ...config, ...want }, config);
  });
}

const bad: { input: string; error: string }[] = [
  { input: 'forward', error: 'Corefile:1: forward: takes at least 2 arguments, got 0' },
  { input: 'forward .', error: 'Corefile:1: forward: takes at least 2 arguments, got 1' },
  {
    input: 'forward a..b 192.0.2.1',
    error: 'Corefile:1: forward: the zone is not a valid domain name: "a..b"',
  },
  {
    input: withLine('polcy random'),
    error: 'Corefile:2: forward: unknown property "polcy"; did you mean "policy"?',
  },
  {
    input: withLine('policy fastest'),
    error: "Corefile:2: forward: unknown policy 'fastest'; expected random, round_robin, sequential",
  },
  { input: withLine('policy'), error: 'Corefile:2: forward: policy takes 1 argument, got 0' },
  { input: withLine('policy random random'), error: 'Corefile:2: forward: policy takes 1 argument, got 2' },
  { input: withLine('except'), error: 'Corefile:2: forward: except takes at least 1 argument, got 0' },
  { input: withLine('force_tcp yes'), error: 'Corefile:2: forward: force_tcp takes no arguments, got 1' },
  { input: withLine('prefer_udp yes'), error: 'Corefile:2: forward: prefer_udp takes no arguments, got 1' },
  { input: withLine('expire'), error: 'Corefile:2: forward: expire takes 1 argument, got 0' },
  { input: withLine('expire -1s'), error: 'Corefile:2: forward: expire must be 0 or more, got "-1s"' },
  {
    input: withLine('expire 10'),
    error: 'Corefile:2: forward: expire must be a duration such as 30s, 1m30s or 500ms, got "10"',
  },
  { input: withLine('max_fails -1'), error: 'Corefile:2: forward: max_fails must be 0 or more, got "-1"' },
  { input: withLine('max_fails two'), error: 'Corefile:2: forward: max_fails must be 0 or more, got "two"' },
  { input: withLine('max_concurrent -1'), error: 'Corefile:2: forward: max_concurrent must be 0 or more, got "-1"' },
  {
    input: withLine('max_connect_attempts -1'),
    error: 'Corefile:2: forward: max_connect_attempts must be 0 or more, got "-1"',
  },
  { input: withLine('max_idle_conns -1'), error: 'Corefile:2: forward: max_idle_conns must be 0 or more, got "-1"' },
  { input: withLine('read_timeout 0'), error: 'Corefile:2: forward: read_timeout must be 1ms or more, got "0"' },
  {
    input: withLine('max_age 5s'),
    error: 'Corefile:2: forward: max_age, to be no less than expire, must be 10s or more, got "5s"',
  },
  { input: withLine('tls A B C D'), error: 'Corefile:2: forward: tls takes 0 to 3 arguments, got 4' },
  { input: withLine('tls_servername'), error: 'Corefile:2: forward: tls_servername takes 1 argument, got 0' },
  { input: withLine('health_check'), error: 'Corefile:2: forward: health_check takes 1 to 4 arguments, got 0' },
  {
    input: withLine('health_check -1s'),
    error: 'Corefile:2: forward: health_check must be 0 or more, got "-1s"',
  },
  {
    input: withLine('health_check 1s rec'),
    error: 'Corefile:2: forward: health_check: unknown option rec; expected no_rec, domain',
  },
  {
    input: withLine('health_check 1s domain a..b'),
    error: 'Corefile:2: forward: health_check: invalid domain name a..b',
  },
  { input: withLine('health_check 1s domain'), error: 'Corefile:2: forward: health_check: domain takes a name' },
  { input: withLine('next'), error: 'Corefile:2: forward: next takes at least 1 argument, got 0' },
  { input: withLine('next NXDOMIAN'), error: 'Corefile:2: forward: NXDOMIAN is not a valid rcode' },
  { input: withLine('failover NXDOMIAN'), error: 'Corefile:2: forward: NXDOMIAN is not a valid rcode' },
  { input: withLine('failover SERVFAIL NOERROR'), error: 'Corefile:2: forward: NoError cannot be used in failover' },
  {
    input: withLine('failfast_all_unhealthy_upstreams 1'),
    error: 'Corefile:2: forward: failfast_all_unhealthy_upstreams takes no arguments, got 1',
  },
  {
    input: withLine('force_tcp {\n    a\n  }'),
    error: 'Corefile:3: forward: force_tcp takes no block, got "a"',
  },
  {
    input: withLine('doh_method PUT'),
    error: 'Corefile:2: forward: doh_method must be GET or POST, got "PUT"',
  },
  {
    input: withLine('source_address eth0'),
    error: 'Corefile:2: forward: source_address must be an IP address, got "eth0"',
  },
  { input: withLine('source_address'), error: 'Corefile:2: forward: source_address takes 1 argument, got 0' },
  { input: withLine('resolver'), error: 'Corefile:2: forward: resolver takes at least 1 argument, got 0' },
  {
    input: withLine('resolver 192.0.2.1 dns.example.org'),
    error: 'Corefile:2: forward: resolver must be IP[:PORT], got "dns.example.org"',
  },
  {
    input: withLine('resolver tls://192.0.2.1'),
    error: 'Corefile:2: forward: resolver must be IP[:PORT], got "tls://192.0.2.1"',
  },
];
for (const { input, error } of bad) {
  test(`parse error: ${oneLine(input)}`, () => {
    assert.throws(() => parse(cursorOf(input)), { name: 'ConfigError', message: error });
  });
}
