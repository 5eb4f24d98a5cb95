import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { fakeLog } from '../../observe/testing.ts';
import type { Endpoint } from '../../upstream/endpoint.ts';
import { until } from '../../upstream/testing.ts';
import { parse } from './options.ts';
import { Targets } from './targets.ts';

const directory = mkdtempSync(join(tmpdir(), 'nodens-targets-'));
after(() => rmSync(directory, { recursive: true }));
const path = join(directory, 'resolv.conf');
const servers = (...addresses: string[]) => addresses.map((address) => `nameserver ${address}\n`).join('');
const numbered = (count: number) => Array.from({ length: count }, (_, i) => `192.0.2.${i + 1}`);

/** At once: half a file is never seen. */
function replaceFile(content: string): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

function targetsOf(tos: string, content = '', onChange: (endpoints: readonly Endpoint[]) => void = () => {}) {
  writeFileSync(path, content);
  const { cursor, targets: tokens } = parse(cursorOf(`forward . ${tos.replaceAll('FILE', path)}`));
  const { log, lines } = fakeLog();
  const lookUp = { resolvers: [], isUsable: () => true, tlsServerName: undefined };
  return { targets: new Targets({ cursor, tokens, log, ...lookUp, onChange, intervalMs: 5 }), lines };
}

const textsOf = (endpoints: readonly Endpoint[]) => endpoints.map(({ protocol, text }) => `${protocol} ${text}`);

const good: { name: string; tos: string; content?: string; want: string[]; warnings?: string[] }[] = [
  { name: 'addresses', tos: '192.0.2.1 tls://192.0.2.2', want: ['dns 192.0.2.1:53', 'tls 192.0.2.2:853'] },
  {
    name: 'a file between addresses',
    tos: '192.0.2.9 FILE 192.0.2.8:5353',
    content: servers('192.0.2.1', '192.0.2.2'),
    want: ['dns 192.0.2.9:53', 'dns 192.0.2.1:53', 'dns 192.0.2.2:53', 'dns 192.0.2.8:5353'],
  },
  { name: 'a file without nameservers beside an address', tos: 'FILE 192.0.2.1', want: ['dns 192.0.2.1:53'] },
  { name: 'duplicates', tos: '192.0.2.1 192.0.2.1', want: ['dns 192.0.2.1:53', 'dns 192.0.2.1:53'] },
  { name: 'fifteen', tos: numbered(15).join(' '), want: numbered(15).map((address) => `dns ${address}:53`) },
  {
    name: 'a nameserver that is no address',
    tos: 'FILE',
    content: servers('dns.example.org', '192.0.2.1'),
    want: ['dns 192.0.2.1:53'],
    warnings: [`[WARNING] ${path}: nameserver dns.example.org is no IP address and is ignored`],
  },
];
for (const { name, tos, content, want, warnings = [] } of good) {
  test(`targets: ${name}`, () => {
    const { targets, lines } = targetsOf(tos, content);
    assert.deepEqual(textsOf(targets.endpoints), want);
    assert.deepEqual(lines(), warnings);
  });
}

const bad: { name: string; tos: string; content?: string; error: string }[] = [
  { name: 'neither address nor file', tos: '192.0.2.256', error: 'not an IP address or file: "192.0.2.256"' },
  { name: 'no such file', tos: '/nonexistent/file', error: 'not an IP address or file: "/nonexistent/file"' },
  { name: 'a directory', tos: '/', error: 'not an IP address or file: "/"' },
  { name: 'a variable that was not set', tos: '<nil>', error: 'not an IP address or file: "<nil>"' },
  {
    name: 'another protocol',
    tos: 'grpc://192.0.2.1:443',
    error: "'grpc' is not supported as a destination protocol in forward: grpc://192.0.2.1:443",
  },
  {
    name: 'no nameservers',
    tos: 'FILE',
    error: `no nameservers found in ${path}; add lines "nameserver IP", or give the upstreams by IP address`,
  },
  { name: 'sixteen', tos: numbered(16).join(' '), error: 'more than 15 TOs configured: 16' },
  {
    name: 'sixteen with those of a file',
    tos: `${numbered(14).join(' ')} FILE`,
    content: servers('192.0.2.1', '192.0.2.2'),
    error: 'more than 15 TOs configured: 16',
  },
];
for (const { name, tos, content, error } of bad) {
  test(`targets error: ${name}`, () => {
    assert.throws(() => targetsOf(tos, content), { name: 'ConfigError', message: `Corefile:1: forward: ${error}` });
  });
}

test('the endpoints follow the file; a bad one leaves them as they are', async (t) => {
  const changes: string[][] = [];
  const { targets, lines } = targetsOf('192.0.2.9 FILE', servers('192.0.2.1'), (endpoints) => {
    changes.push(textsOf(endpoints));
  });
  targets.watch();
  t.after(() => targets.stop());
  const steps: { content: string | undefined; changeCount: number; line: string }[] = [
    {
      content: servers('192.0.2.2', '192.0.2.1'),
      changeCount: 1,
      line: `[INFO] ${path} has changed, upstreams are now 192.0.2.9:53 192.0.2.2:53 192.0.2.1:53`,
    },
    { content: '', changeCount: 1, line: `[WARNING] keeping the upstreams of ${path}: no nameservers found in it` },
    {
      content: servers(...numbered(15)),
      changeCount: 1,
      line: `[WARNING] keeping the upstreams of ${path}: more than 15 TOs configured: 16`,
    },
    {
      content: undefined,
      changeCount: 1,
      line: `[WARNING] keeping the upstreams of ${path}: ENOENT: no such file or directory, open '${path}'`,
    },
    {
      content: servers('192.0.2.3'),
      changeCount: 2,
      line: `[INFO] ${path} has changed, upstreams are now 192.0.2.9:53 192.0.2.3:53`,
    },
  ];
  for (const [i, { content, changeCount, line }] of steps.entries()) {
    if (content === undefined) rmSync(path);
    else replaceFile(content);
    await until(() => lines().length === i + 1, 'the change to be seen');
    assert.equal(lines()[i], line);
    assert.equal(changes.length, changeCount);
  }
  assert.deepEqual(changes[1], ['dns 192.0.2.9:53', 'dns 192.0.2.3:53']);
});
