import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { readExposition } from '../../observe/testing.ts';
import type { Query } from '../contract.ts';
import { FakeBlock, type FakeQueryOptions, fakeBlock, fakeQuery, fakeReply } from '../testing.ts';
import { autopath, parse } from './autopath.ts';

const directory = mkdtempSync(join(tmpdir(), 'autopath-'));
after(() => rmSync(directory, { recursive: true }));
const file = (name: string, text: string): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};

const keysOf = (...zones: string[]) => fakeBlock({ zones }).keys;
const cluster = (domains: string[], zones: string[], path?: string) => ({ zones, file: path, cluster: { domains } });
const parseCases = [
  {
    name: 'a file',
    input: 'autopath /etc/resolv.conf',
    want: { zones: ['.'], file: '/etc/resolv.conf', cluster: undefined },
  },
  {
    name: 'zones and a file',
    input: 'autopath Example.org example.net. resolv.conf',
    want: { zones: ['example.org.', 'example.net.'], file: 'resolv.conf', cluster: undefined },
  },
  { name: '@query in the root: the usual domain', input: 'autopath @query', want: cluster(['cluster.local.'], ['.']) },
  {
    name: '@query in other zones: those of names are cluster domains',
    input: 'autopath @query',
    zones: ['cluster.local.', '10.in-addr.arpa.', 'k8s.example.'],
    want: cluster(['cluster.local.', 'k8s.example.'], ['cluster.local.', '10.in-addr.arpa.', 'k8s.example.']),
  },
  {
    name: '@query with zones',
    input: 'autopath k8s.example @query',
    want: cluster(['k8s.example.'], ['k8s.example.']),
  },
  {
    name: '@query with all that it takes',
    input: 'autopath @query {\n cluster_domain K8s.example other.example.\n resolv_conf /etc/resolv.conf\n}',
    want: cluster(['k8s.example.', 'other.example.'], ['.'], '/etc/resolv.conf'),
  },
  {
    name: 'nothing',
    input: 'autopath',
    error: 'Corefile:1: autopath: no resolv-conf specified; expected [ZONES...] FILE or @query',
  },
  {
    name: 'another directive',
    input: 'autopath @kubernetes',
    error: 'Corefile:1: autopath: "@kubernetes" would need to know all pods; @query reads the namespace instead',
  },
  {
    name: 'a block behind a file',
    input: 'autopath resolv.conf {\n cluster_domain cluster.local\n}',
    error: 'Corefile:2: autopath: takes no block, got "cluster_domain"',
  },
  {
    name: 'no cluster domain',
    input: 'autopath @query {\n cluster_domain\n}',
    error: 'Corefile:2: autopath: cluster_domain takes at least 1 argument, got 0',
  },
  {
    name: 'the root as cluster domain',
    input: 'autopath @query {\n cluster_domain .\n}',
    error: 'Corefile:2: autopath: cluster_domain must be a name such as cluster.local., got "."',
  },
  {
    name: 'two files',
    input: 'autopath @query {\n resolv_conf a b\n}',
    error: 'Corefile:2: autopath: resolv_conf takes 1 argument, got 2',
  },
  {
    name: 'an unknown property',
    input: 'autopath @query {\n cluster_domain cluster.local\n search example.org\n}',
    error: 'Corefile:3: autopath: unknown property "search"; expected cluster_domain, resolv_conf',
  },
];
for (const { name, input, zones = ['.'], want, error } of parseCases) {
  test(`parse: ${name}`, () => {
    const run = () => parse(cursorOf(input), keysOf(...zones));
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else {
      const config = run();
      assert.deepEqual({ ...config, file: config.file?.text }, want);
    }
  });
}

/** A started directive, and the names that it asked for, down the chain or of the whole server. */
async function started(input: string, zones = ['.']) {
  const block = new FakeBlock({ zones });
  const asked: string[] = [];
  const reply = (query: Query) => {
    asked.push(query.qname);
    const response = fakeReply(query, { rcode: query.qname === 'www.' || query.qname.startsWith('default.') ? 0 : 3 });
    return { response, rcode: response.rcode, source: 'forward' };
  };
  const handler = autopath.setup(parse(cursorOf(input), block.keys), block)?.(reply) ?? assert.fail('no handler');
  await block.start();
  const ask = async (options: FakeQueryOptions) => (await handler(fakeQuery({ ...options, resolve: reply }))).rcode;
  const counted = async () => {
    const { values } = readExposition(await block.process.metrics.expose());
    return values.get('coredns_autopath_success_total{server="dns://:1053"}') ?? 0;
  };
  return { block, asked, ask, counted };
}

test('the search list of a file: read at the start, its successes counted', async () => {
  const { ask, asked, counted } = await started(`autopath ${file('two', 'search a.example b.example\n')}`);
  assert.equal(await ask({ qname: 'WWW.a.example.' }), 0);
  assert.deepEqual(asked, ['www.a.example.', 'www.b.example.', 'www.']);
  assert.equal(await ask({ qname: 'nowhere.a.example.' }), 3);
  assert.equal(asked.length, 6);
  assert.equal(await counted(), 1);
});

test('the search list of the node behind that of the cluster', async () => {
  const { ask, asked } = await started(`autopath @query {\n resolv_conf ${file('node', 'search corp.example\n')}\n}`);
  assert.equal(await ask({ qname: 'www.default.svc.cluster.local.' }), 0);
  assert.deepEqual(asked, [
    ...['www.default.svc.cluster.local.', 'default.svc.cluster.local.'],
    ...['www.svc.cluster.local.', 'www.cluster.local.', 'www.corp.example.', 'www.'],
  ]);
});

const NOTIFY_FLAGS = 0x2000;
const untouched: { name: string; query: FakeQueryOptions; zones?: string[] }[] = [
  { name: 'another zone', query: { qname: 'www.a.example.' }, zones: ['b.example.'] },
  { name: 'another domain', query: { qname: 'www.b.example.' } },
  { name: 'another class', query: { qname: 'www.a.example.', qclass: 3 } },
  { name: 'another opcode', query: { qname: 'www.a.example.', flags: NOTIFY_FLAGS } },
];
for (const { name, query, zones } of untouched) {
  test(`untouched: ${name}`, async () => {
    const { ask, asked, counted } = await started(`autopath ${file('one', 'search a.example\n')}`, zones);
    assert.equal(await ask(query), 3);
    assert.deepEqual([asked, await counted()], [[query.qname], 0]);
  });
}

test('a file without search list: a warning, and no name is completed', async () => {
  const path = file('none', 'nameserver 192.0.2.1\n');
  const { ask, asked, block } = await started(`autopath ${path}`);
  assert.equal(await ask({ qname: 'nowhere.a.example.' }), 3);
  assert.deepEqual(asked, ['nowhere.a.example.']);
  assert.deepEqual(block.lines(), [`[WARNING] plugin/autopath: "${path}" has no search list: no name is completed`]);
});

const many = (count: number) => `search ${Array.from({ length: count }, (_, i) => `d${i}.example`).join(' ')}\n`;
const fileErrors = [
  { name: 'no file', input: 'autopath /no/such/file', error: /^failed to parse "\/no\/such\/file": ENOENT/ },
  {
    name: 'too many domains',
    input: `autopath ${file('33', many(33))}`,
    error: /has 33 search domains, at most 32 can/,
  },
  {
    name: 'too many domains behind those of the cluster',
    input: `autopath @query {\n resolv_conf ${file('7', many(7))}\n}`,
    error: /has 7 search domains, at most 6 can/,
  },
];
for (const { name, input, error } of fileErrors) {
  test(`start: ${name}`, () => assert.rejects(started(input), { message: error }));
}

const concernCases = [
  { input: 'autopath a.example resolv.conf', qname: 'www.a.example.', want: true },
  { input: 'autopath a.example resolv.conf', qname: 'www.b.example.', want: false },
  { input: 'autopath @query', qname: 'www.default.svc.cluster.local.', want: true },
  { input: 'autopath @query', qname: 'default.svc.cluster.local.', want: false },
  { input: 'autopath @query', qname: 'www.example.org.', want: false },
];
for (const { input, qname, want } of concernCases) {
  test(`concerns: ${input}: ${qname}`, () => {
    assert.equal(autopath.concerns?.(parse(cursorOf(input), keysOf('.')), qname), want);
  });
}
