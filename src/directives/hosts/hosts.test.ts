import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import dnsPacket from 'dns-packet';
import { cursorOf } from '../../corefile/testing.ts';
import { CLASS_CH, TYPE_A, TYPE_AAAA, TYPE_ANY, TYPE_MX, TYPE_PTR, TYPE_TXT } from '../../wire/types.ts';
import { type FakeQueryOptions, fakeBlock, fakeNext, fakeQuery } from '../testing.ts';
import { type HostsConfig, hosts, parse } from './hosts.ts';

const { keys } = fakeBlock({ zones: ['example.org.', 'example.net.'] });

const defaults = {
  path: '/etc/hosts',
  isDefaultFile: true,
  zones: ['example.org.', 'example.net.'],
  inline: [] as string[],
  ttl: 3600,
  withReverse: true,
  reloadMs: 5000,
  fallthrough: [] as string[],
};
const parseCases: { name: string; input: string; want: Partial<typeof defaults> }[] = [
  { name: 'nothing', input: 'hosts', want: {} },
  { name: 'a file', input: 'hosts /tmp/h', want: { path: '/tmp/h', isDefaultFile: false } },
  {
    name: 'a file and zones',
    input: 'hosts h Example.com 192.0.2.0/24',
    want: { path: 'h', isDefaultFile: false, zones: ['example.com.', '2.0.192.in-addr.arpa.'] },
  },
  {
    name: 'entries, with comments',
    input: 'hosts {\n 192.0.2.1 a b # c\n 2001:db8::1 a\n}',
    want: { inline: ['192.0.2.1 a b', '2001:db8::1 a'] },
  },
  { name: 'ttl', input: 'hosts {\n ttl 65535\n}', want: { ttl: 65535 } },
  { name: 'no_reverse', input: 'hosts {\n no_reverse\n}', want: { withReverse: false } },
  { name: 'reload', input: 'hosts {\n reload 1m\n}', want: { reloadMs: 60_000 } },
  { name: 'reload 0', input: 'hosts {\n reload 0\n}', want: { reloadMs: 0 } },
  { name: 'reload for ages', input: 'hosts {\n reload 10000h\n}', want: { reloadMs: 2 ** 31 - 1 } },
  { name: 'fallthrough of all', input: 'hosts {\n fallthrough\n}', want: { fallthrough: ['.'] } },
  {
    name: 'fallthrough of zones, then a property',
    input: 'hosts {\n fallthrough Example.org example.com\n ttl 5\n}',
    want: { fallthrough: ['example.org.', 'example.com.'], ttl: 5 },
  },
];
for (const { name, input, want } of parseCases) {
  test(`parse: ${name}`, () => {
    const { inline, ...config } = parse(cursorOf(input), keys);
    assert.deepEqual({ ...config, inline: inline.map(({ text }) => text) }, { ...defaults, ...want });
  });
}

const errorCases = [
  { input: 'hosts {\n ttl\n}', error: '2: hosts: ttl takes 1 argument, got 0' },
  { input: 'hosts {\n ttl 1s\n}', error: '2: hosts: ttl must be 1..65535, got "1s"' },
  { input: 'hosts {\n ttl 0\n}', error: '2: hosts: ttl must be 1..65535, got "0"' },
  { input: 'hosts {\n ttl 65536\n}', error: '2: hosts: ttl must be 1..65535, got "65536"' },
  { input: 'hosts {\n ttl 1 2\n}', error: '2: hosts: ttl takes 1 argument, got 2' },
  { input: 'hosts {\n no_reverse x\n}', error: '2: hosts: no_reverse takes no arguments, got 1' },
  { input: 'hosts {\n reload\n}', error: '2: hosts: reload takes 1 argument, got 0' },
  { input: 'hosts {\n reload -1s\n}', error: '2: hosts: reload must be 0 or more, got "-1s"' },
  {
    input: 'hosts {\n reload 5\n}',
    error: '2: hosts: reload must be a duration such as 30s, 1m30s or 500ms, got "5"',
  },
  { input: 'hosts {\n 192.0.2.1 a {\n b\n }\n}', error: '3: hosts: 192.0.2.1 takes no block, got "b"' },
  {
    input: 'hosts {\n fallthrough\n 192.0.2.1 a\n}',
    error:
      '3: hosts: unknown property "192.0.2.1"; expected ttl, no_reverse, reload or fallthrough; entries must stand before fallthrough',
  },
];
for (const { input, error } of errorCases) {
  test(`parse: ${error}`, () => {
    assert.throws(() => parse(cursorOf(input), keys), { name: 'ConfigError', message: `Corefile:${error}` });
  });
}

const FILE = `
192.0.2.1  www.example.org  Alias.Example.org
192.0.2.2  www.example.org
2001:db8::1 six.example.org
192.0.2.7  www.example.com
`;
const INLINE = ' 192.0.2.3 www.example.org inline.example.org\n';

/** A chain of `hosts` alone, with the file above; `options` are lines of its block. */
async function chain(t: TestContext, options: string, zones = 'example.org') {
  const directory = mkdtempSync(join(tmpdir(), 'nodens-hosts-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'hosts');
  writeFileSync(path, FILE);
  const block = fakeBlock();
  const config: HostsConfig = parse(cursorOf(`hosts ${path} ${zones} {\n${options}\n}`), block.keys);
  const next = fakeNext({ response: undefined, rcode: 0, source: 'next' });
  const handler = hosts.setup(config, block)?.(next) ?? assert.fail('no handler');
  await block.start();
  t.after(() => block.stop());
  const ask = async (query: FakeQueryOptions) => {
    const outcome = await handler(fakeQuery(query));
    const { response } = outcome;
    const message = response && dnsPacket.decode(Buffer.from(response.bytes));
    const answers = message?.answers?.map((record) =>
      'data' in record ? `${record.name} ${'ttl' in record ? record.ttl : ''} ${record.type} ${record.data}` : '',
    );
    return { ...outcome, flags: response?.flags, question: message?.questions?.[0].name, answers };
  };
  return { ask, block, path };
}

const V6_REVERSE = `1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa.`;
type AnswerCase = { name: string; options?: string; query: FakeQueryOptions; want: string[] | 'next' | 'SERVFAIL' };
const answerCases: AnswerCase[] = [
  {
    name: 'addresses, those of the file first',
    options: INLINE,
    query: { qname: 'www.example.org.' },
    want: ['1', '2', '3'].map((last) => `www.example.org 3600 A 192.0.2.${last}`),
  },
  {
    name: 'in any case, with lower case in the answer',
    query: { qname: 'ALIAS.example.ORG.' },
    want: ['alias.example.org 3600 A 192.0.2.1'],
  },
  {
    name: 'AAAA',
    query: { qname: 'six.example.org.', qtype: TYPE_AAAA },
    want: ['six.example.org 3600 AAAA 2001:db8::1'],
  },
  { name: 'ttl', options: ' ttl 7', query: { qname: 'alias.example.org.' }, want: ['alias.example.org 7 A 192.0.2.1'] },
  { name: 'the other family is empty', query: { qname: 'www.example.org.', qtype: TYPE_AAAA }, want: [] },
  { name: 'as is every other type', query: { qname: 'www.example.org.', qtype: TYPE_TXT }, want: [] },
  { name: 'ANY, too', query: { qname: 'www.example.org.', qtype: TYPE_ANY }, want: [] },
  {
    name: 'empty with fallthrough as well',
    options: ' fallthrough',
    query: { qname: 'www.example.org.', qtype: TYPE_MX },
    want: [],
  },
  { name: 'a name that is not there', query: { qname: 'no.example.org.' }, want: 'SERVFAIL' },
  { name: 'fallthrough', options: ' fallthrough', query: { qname: 'no.example.org.' }, want: 'next' },
  {
    name: 'fallthrough of its zone',
    options: ' fallthrough no.example.org',
    query: { qname: 'a.no.example.org.' },
    want: 'next',
  },
  {
    name: 'fallthrough of another zone',
    options: ' fallthrough example.com',
    query: { qname: 'no.example.org.' },
    want: 'SERVFAIL',
  },
  { name: 'the zone itself', query: { qname: 'example.org.' }, want: 'SERVFAIL' },
  { name: 'names outside of the zones are not of the file', query: { qname: 'www.example.com.' }, want: 'next' },
  {
    name: 'PTR, in no zone of it',
    options: INLINE,
    query: { qname: '1.2.0.192.IN-ADDR.ARPA.', qtype: TYPE_PTR },
    want: ['www.example.org', 'alias.example.org'].map((name) => `1.2.0.192.in-addr.arpa 3600 PTR ${name}`),
  },
  {
    name: 'PTR of IPv6',
    query: { qname: V6_REVERSE, qtype: TYPE_PTR },
    want: [`${V6_REVERSE.slice(0, -1)} 3600 PTR six.example.org`],
  },
  {
    name: 'PTR of an entry of the Corefile',
    options: INLINE,
    query: { qname: '3.2.0.192.in-addr.arpa.', qtype: TYPE_PTR },
    want: ['www.example.org', 'inline.example.org'].map((name) => `3.2.0.192.in-addr.arpa 3600 PTR ${name}`),
  },
  { name: 'PTR that is not there', query: { qname: '9.2.0.192.in-addr.arpa.', qtype: TYPE_PTR }, want: 'next' },
  { name: 'PTR of no address', query: { qname: 'foo.in-addr.arpa.', qtype: TYPE_PTR }, want: 'next' },
  { name: 'PTR of a name that is there', query: { qname: 'www.example.org.', qtype: TYPE_PTR }, want: 'next' },
  {
    name: 'no_reverse: neither of the file nor of the Corefile',
    options: `${INLINE} no_reverse`,
    query: { qname: '3.2.0.192.in-addr.arpa.', qtype: TYPE_PTR },
    want: 'next',
  },
  { name: 'another class', query: { qname: 'www.example.org.', qclass: CLASS_CH }, want: 'next' },
];
for (const { name, options = '', query, want } of answerCases) {
  test(`answer: ${name}`, async (t) => {
    const { ask } = await chain(t, options);
    const { source, rcode, answers, question, flags = 0 } = await ask(query);
    if (want === 'next') {
      assert.equal(source, 'next');
    } else if (want === 'SERVFAIL') {
      assert.deepEqual([source, rcode, answers], ['', 2, undefined]);
    } else {
      assert.deepEqual([source, rcode, question], ['hosts', 0, query.qname?.replace(/\.$/, '')]);
      assert.deepEqual(answers, want);
      assert.equal(flags, 0x8500); // QR, AA, RD; no RA
    }
  });
}

test('metrics: entries of the file and the Corefile, and the time of the file', async (t) => {
  const { block, path } = await chain(t, INLINE);
  const text = await block.process.metrics.expose();
  assert.ok(text.includes(`coredns_hosts_entries{hostsfile="${path}"} 12\n`), text);
  assert.match(text, /^coredns_hosts_reload_timestamp_seconds 1\d{9}/m);
});

test('a line of the block that is neither property nor entry is a warning', async (t) => {
  const { block, ask } = await chain(t, ' no_revers\n 192.0.2.9 nine.example.org');
  assert.deepEqual(block.lines(), [
    '[WARNING] Corefile:2: hosts: "no_revers" is no address, nor a property of hosts; the line is ignored',
  ]);
  assert.equal((await ask({ qname: 'nine.example.org.', qtype: TYPE_A })).answers?.length, 1);
});

test('it has to do with the names of its zones, and with reverse names', () => {
  const config = parse(cursorOf('hosts /etc/hosts example.org'), keys);
  const concerned = ['www.example.org.', 'example.com.', '1.2.0.192.in-addr.arpa.'].map((qname) =>
    hosts.concerns?.(config, qname),
  );
  assert.deepEqual(concerned, [true, false, true]);
});
