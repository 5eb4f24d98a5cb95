import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { cursorOf } from '../../corefile/testing.ts';
import { freePort } from '../../sys/testing/free-port.ts';
import { parseResolvConf } from '../../upstream/resolv-conf.ts';
import { replyTo, streamServer, type UdpExchange, udpServer, until } from '../../upstream/testing.ts';
import { fakeBlock, fakeQuery } from '../testing.ts';
import { forward } from './forward.ts';
import { NOT_FORWARDED, realProcess, recorder, resultOf, startForward } from './testing.ts';

const HOST = '127.0.0.1';

test('the answer is the upstream’s, and says where it came from', async (t) => {
  const server = await udpServer(t, ({ query, send }) => send(replyTo(query)));
  const { handler } = await startForward(t, `forward . ${HOST}:${server.port}`);
  const query = fakeQuery({ qname: 'wWw.Example.org.', udpPayloadBytes: 1232, dnssecOk: true });
  const before = Buffer.from(query.request.bytes);
  const outcome = await handler(query);
  assert.deepEqual(resultOf(outcome), ['192.0.2.80']);
  assert.deepEqual([outcome.rcode, outcome.source], [0, 'forward']);
  assert.equal(outcome.response?.qname, 'wWw.Example.org.');
  assert.equal(query.metadata.get('forward/upstream'), `${HOST}:${server.port}`);
  assert.equal(query.admitCount, 1);
  assert.deepEqual(Buffer.from(query.request.bytes), before, 'the query stays as it is');
});

test('rcodes pass, those of more than four bits too', async (t) => {
  const server = await udpServer(t, ({ query, send }) => {
    const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, extendedRcode: 1, ednsVersion: 0 } as const;
    const additionals: dnsPacket.Answer[] = [{ ...opt, flags: 0, flag_do: false, options: [] }];
    send(dnsPacket.encode({ ...dnsPacket.decode(query), type: 'response', flags: 7, additionals }));
  });
  const { ask } = await startForward(t, `forward . ${HOST}:${server.port}`);
  assert.equal((await ask({ udpPayloadBytes: 1232 })).rcode, 23);
});

const routes: { from: string; except?: string; qname: string; isForwarded: boolean }[] = [
  { from: '.', qname: 'example.org.', isForwarded: true },
  { from: '.', qname: '.', isForwarded: true },
  { from: 'example.org', qname: 'example.org.', isForwarded: true },
  { from: 'example.org', qname: 'WWW.example.ORG.', isForwarded: true },
  { from: 'example.org', qname: 'badexample.org.', isForwarded: false },
  { from: 'example.org', qname: 'org.', isForwarded: false },
  { from: 'example.org', except: 'a.example.org', qname: 'a.example.org.', isForwarded: false },
  { from: 'example.org', except: 'a.example.org', qname: 'x.a.example.org.', isForwarded: false },
  { from: 'example.org', except: 'a.example.org', qname: 'ba.example.org.', isForwarded: true },
  { from: 'example.org', except: 'example.org', qname: 'example.org.', isForwarded: true },
  { from: 'example.org', except: 'example.org', qname: 'www.example.org.', isForwarded: false },
  { from: '10.0.0.0/8', qname: '1.2.3.10.in-addr.arpa.', isForwarded: true },
  { from: '10.0.0.0/8', qname: '1.2.3.11.in-addr.arpa.', isForwarded: false },
];
for (const { from, except, qname, isForwarded } of routes) {
  const rule = `forward ${from}${except === undefined ? '' : ` except ${except}`}`;
  test(`${rule}: ${qname} is ${isForwarded ? '' : 'not '}forwarded`, async (t) => {
    const server = await udpServer(t, ({ query, send }) => send(replyTo(query)));
    const options = except === undefined ? '' : `{\n except ${except}\n}`;
    const { ask } = await startForward(t, `forward ${from} ${HOST}:${server.port} ${options}`);
    assert.equal((await ask({ qname })).source, isForwarded ? 'forward' : 'next');
  });
}

const transports: { options: string; client: 'udp' | 'tcp'; truncated?: boolean; want: string }[] = [
  { options: '', client: 'udp', want: 'udp' },
  { options: '', client: 'tcp', want: 'tcp' },
  { options: 'force_tcp', client: 'udp', want: 'tcp' },
  { options: 'prefer_udp', client: 'tcp', want: 'udp' },
  { options: 'prefer_udp\n force_tcp', client: 'udp', want: 'tcp' },
  { options: '', client: 'udp', truncated: true, want: 'udp TC' },
  { options: 'prefer_udp', client: 'udp', truncated: true, want: 'udp, tcp' },
  { options: 'prefer_udp', client: 'tcp', truncated: true, want: 'udp, tcp' },
];
for (const { options, client, truncated = false, want } of transports) {
  const name = `${options.replace('\n', ',') || 'no option'}, a client over ${client}${truncated ? ', truncated' : ''}`;
  test(`how the upstream is asked: ${name}: ${want}`, async (t) => {
    const asked: string[] = [];
    const tcp = await streamServer(t, ({ query, send }) => {
      asked.push('tcp');
      send(replyTo(query));
    });
    const onUdp = ({ query, send }: UdpExchange) => {
      asked.push('udp');
      send(truncated ? replyTo(query, [], dnsPacket.TRUNCATED_RESPONSE) : replyTo(query));
    };
    await udpServer(t, onUdp, tcp.port);
    const { ask } = await startForward(t, `forward . ${HOST}:${tcp.port} {\n ${options}\n}`);
    const outcome = await ask({ protocol: client });
    assert.equal(asked.join(', ') + (outcome.response?.tc ? ' TC' : ''), want);
  });
}

test('max_concurrent: one more is refused, and counted, without asking anybody', async (t) => {
  const waiting: UdpExchange[] = [];
  const server = await udpServer(t, (exchange) => waiting.push(exchange));
  const { ask, handler, block } = await startForward(t, `forward . ${HOST}:${server.port} {\n max_concurrent 2\n}`);
  const two = [ask(), ask()];
  await until(() => waiting.length === 2, 'both queries');
  const third = fakeQuery();
  const refused = await handler(third);
  assert.deepEqual([refused.rcode, resultOf(refused)], [5, 'concurrent queries exceeded maximum 2']);
  assert.equal(third.admitCount, 0);
  for (const { query, send } of waiting) send(replyTo(query));
  for (const outcome of await Promise.all(two)) assert.deepEqual(resultOf(outcome), ['192.0.2.80']);
  const exposed = await block.process.metrics.expose();
  assert.match(exposed, /^coredns_forward_max_concurrent_rejects_total 1$/m);
});

test('a query that the table of those in flight has no place for is shed', async (t) => {
  let count = 0;
  const server = await udpServer(t, () => count++);
  const { ask } = await startForward(t, `forward . ${HOST}:${server.port}`);
  const outcome = await ask({ admitted: false });
  assert.deepEqual(outcome, { response: undefined, rcode: 2, source: '' });
  assert.equal(count, 0);
});

const denial = async (t: Parameters<typeof udpServer>[0], rcode: number) =>
  udpServer(t, ({ query, send }) => send(replyTo(query, [], rcode)));
const nexts: { option: string; rcode: number; nextIsForward?: boolean; want: 'next' | 'own' }[] = [
  { option: 'next NXDOMAIN', rcode: 3, want: 'next' },
  { option: 'next NXDOMAIN', rcode: 2, want: 'own' },
  { option: 'next NXDOMAIN SERVFAIL', rcode: 2, want: 'next' },
  { option: 'next NXDOMAIN', rcode: 3, nextIsForward: false, want: 'own' },
  { option: 'next NOERROR', rcode: 0, want: 'next' },
  { option: 'next_on_nodata', rcode: 0, want: 'next' },
  { option: 'next_on_nodata', rcode: 3, want: 'own' },
];
for (const { option, rcode, nextIsForward = true, want } of nexts) {
  test(`${option}: rcode ${rcode} and ${nextIsForward ? 'another' : 'no other'} forward behind it`, async (t) => {
    const first = await denial(t, rcode);
    const second = await udpServer(t, ({ query, send }) => send(replyTo(query, ['192.0.2.2'])));
    const process = realProcess(t);
    const behind = await startForward(t, `forward . ${HOST}:${second.port}`, { process });
    const other = recorder();
    const next = nextIsForward ? behind.handler : other;
    const { ask } = await startForward(t, `forward . ${HOST}:${first.port} {\n ${option}\n}`, { next, process });
    const outcome = await ask();
    assert.deepEqual(resultOf(outcome), want === 'next' ? ['192.0.2.2'] : []);
    assert.equal(outcome.rcode, want === 'next' ? 0 : rcode);
    assert.equal(other.queries.length, 0);
  });
}

test('the metrics of an exchange', async (t) => {
  const server = await udpServer(t, ({ query, count, send }) => send(replyTo(query, [], count === 1 ? 0 : 3)));
  const { ask, block } = await startForward(t, `forward . ${HOST}:${server.port}`);
  for (let i = 0; i < 3; i++) await ask();
  const exposed = await block.process.metrics.expose();
  const labels = (rcode: string) => `proxy_name="forward",rcode="${rcode}",to="${HOST}:${server.port}"`;
  for (const line of [
    `coredns_proxy_request_duration_seconds_count{${labels('NOERROR')}} 1`,
    `coredns_proxy_request_duration_seconds_count{${labels('NXDOMAIN')}} 2`,
    `coredns_proxy_healthcheck_failures_total{proxy_name="forward",to="${HOST}:${server.port}"} 0`,
    'coredns_forward_healthcheck_broken_total 0',
    'coredns_forward_max_concurrent_rejects_total 0',
  ]) {
    assert.ok(exposed.split('\n').includes(line), line);
  }
});

test('a load that ends answers what is in flight, then keeps nothing open', async (t) => {
  const waiting: UdpExchange[] = [];
  const server = await udpServer(t, (exchange) => waiting.push(exchange));
  const { ask, block, forwarder } = await startForward(t, `forward . ${HOST}:${server.port}`);
  const early = ask();
  await until(() => waiting.length === 1, 'the query');
  let stopped = false;
  const stop = block.stop().then(() => {
    stopped = true;
  });
  const late = ask();
  await until(() => waiting.length === 2, 'the query that came late');
  assert.equal(stopped, false);
  for (const { query, send } of waiting) send(replyTo(query));
  assert.deepEqual([resultOf(await early), resultOf(await late)], [['192.0.2.80'], ['192.0.2.80']]);
  await stop;
  assert.equal(forwarder.upstreams.upstreams[0].openCount, 0);
});

test('the upstreams follow a file; those that stay keep their connections', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'nodens-forward-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'resolv.conf');
  writeFileSync(path, 'nameserver 192.0.2.1\nnameserver 192.0.2.2\n');
  const { forwarder } = await startForward(t, `forward . ${path}`, { watchIntervalMs: 5 });
  const [first, second] = forwarder.upstreams.upstreams;
  writeFileSync(path, 'nameserver 192.0.2.3\nnameserver 192.0.2.2\n');
  await until(() => !forwarder.upstreams.upstreams.includes(first), 'the change');
  const { nameservers } = parseResolvConf('nameserver 192.0.2.3\nnameserver 192.0.2.2\n');
  assert.deepEqual(
    forwarder.upstreams.upstreams.map(({ endpoint }) => endpoint),
    nameservers,
  );
  assert.equal(forwarder.upstreams.upstreams[1], second);
});

test('a FROM that stands for several zones: the first, and a warning', async (t) => {
  const { ask, block } = await startForward(t, 'forward 10.0.0.0/15 192.0.2.1');
  assert.deepEqual(block.lines(), [
    '[WARNING] plugin/forward: 10.0.0.0/15 stands for 2 zones, only 0.10.in-addr.arpa. is forwarded',
  ]);
  assert.equal(await ask({ qname: '1.1.10.in-addr.arpa.' }), NOT_FORWARDED);
});

const setupErrors = [
  {
    input: 'forward . tls://192.0.2.1%a.example.org {\n tls_servername b.example.org\n}',
    error:
      "Corefile:1: forward: both forward ('b.example.org') and proxy level ('a.example.org') TLS servernames are set for upstream proxy '192.0.2.1:853'; remove one of the two",
  },
  {
    input: 'forward . 192.0.2.1 2001:db8::1 {\n source_address 192.0.2.9\n}',
    error: 'Corefile:1: forward: source_address 192.0.2.9 is of another family than upstream [2001:db8::1]:53',
  },
  {
    input: 'forward . tls://192.0.2.1 {\n tls /nonexistent/ca.pem\n}',
    error: "Corefile:2: forward: tls: ENOENT: no such file or directory, open '/nonexistent/ca.pem'",
  },
  {
    input: 'forward . 192.0.2.1 /nonexistent/resolv.conf',
    error: 'Corefile:1: forward: not an IP address or file: "/nonexistent/resolv.conf"',
  },
  {
    input: 'forward . tls://dns.example.org%a.example.org {\n tls_servername b.example.org\n}',
    error:
      "Corefile:1: forward: both forward ('b.example.org') and proxy level ('a.example.org') TLS servernames are set for upstream proxy 'dns.example.org'; remove one of the two",
  },
];
for (const { input, error } of setupErrors) {
  test(`set-up error: ${input.replaceAll('\n', ' ')}`, (t) => {
    const block = fakeBlock({ process: realProcess(t) });
    const config = forward.parse(cursorOf(input), block.keys);
    assert.throws(() => forward.setup(config, block), { name: 'ConfigError', message: error });
  });
}

test('a TO given by name is looked up once, at the start', async (t) => {
  const server = await udpServer(t, ({ query, send }) => send(replyTo(query)));
  const asked: string[] = [];
  const resolver = await udpServer(t, ({ query, send }) => {
    const [question] = dnsPacket.decode(query).questions ?? [];
    asked.push(`${question.name} ${question.type}`);
    send(replyTo(query, question.type === 'A' ? [HOST] : []));
  });
  const options = `{\n resolver ${HOST}:${await freePort()} ${HOST}:${resolver.port}\n}`;
  const { ask } = await startForward(t, `forward . dns.example.org:${server.port} ${options}`);
  for (let i = 0; i < 3; i++) assert.deepEqual(resultOf(await ask()), ['192.0.2.80']);
  assert.deepEqual(asked.sort(), ['dns.example.org A', 'dns.example.org AAAA']);
});

const lookUpErrors = [
  {
    name: 'no such name',
    options: '',
    error:
      /^Corefile:1: forward: not an IP address or file: "dns\.example\.org", and no name that can be looked up: query\w+ ENOTFOUND dns\.example\.org$/,
  },
  { name: 'no address of the family of source_address', options: 'source_address ::1', error: /can be used$/ },
];
for (const { name, options, error } of lookUpErrors) {
  test(`a TO given by name is an error at the start: ${name}`, async (t) => {
    const resolver = await udpServer(t, ({ query, send }) => {
      send(options === '' ? replyTo(query, [], 3) : replyTo(query, [HOST]));
    });
    const input = `forward . dns.example.org {\n resolver ${HOST}:${resolver.port}\n ${options}\n}`;
    const block = fakeBlock({ process: realProcess(t) });
    forward.setup(forward.parse(cursorOf(input), block.keys), block);
    await assert.rejects(block.start(), { name: 'ConfigError', message: error });
    await block.stop();
  });
}
