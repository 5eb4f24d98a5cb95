import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { formatCorefile } from '../corefile/format.ts';
import { fakeLog } from '../observe/testing.ts';
import { isNodeCache, sourceOfFlags } from './configuration-flags.ts';
import { SERVER_FLAGS } from './flag-table.ts';
import { parseFlags } from './flags.ts';

const directory = mkdtempSync(join(tmpdir(), 'source-'));
after(() => rmSync(directory, { recursive: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};
const template = file(
  'Corefile.base',
  '. {\n    bind __PILLAR__LOCAL__DNS__\n    forward . __PILLAR__CLUSTER__DNS__\n}\n',
);
const plain = file('plain', '. {\n    whoami\n}\n');
const missing = join(directory, 'missing');
const env = { KUBE_DNS_SERVICE_HOST: '10.96.0.10', MY_DNS_SERVICE_HOST: '10.96.0.11' };

function open(argv: readonly string[], writes = false) {
  const { values, given } = parseFlags(argv, SERVER_FLAGS);
  const { log, lines } = fakeLog();
  let faults = 0;
  const source = sourceOfFlags(values, given, { env, log, countFault: () => faults++, writes });
  return { source, given, lines, faults: () => faults };
}

const FILLED = '.:53 {\n    bind 192.0.2.1 192.0.2.2\n    forward . 10.96.0.10\n}\n';
const LOCAL = ['-localip', '192.0.2.1,192.0.2.2'];
const cases = [
  { name: 'no flags of node-cache', argv: ['-conf', plain], want: '.:53 {\n    whoami\n}\n', nodeCache: false },
  { name: '-corefile for -conf', argv: ['-corefile', plain], want: '.:53 {\n    whoami\n}\n', nodeCache: false },
  {
    name: '-conf before -corefile',
    argv: ['-conf', plain, '-corefile', missing],
    want: '.:53 {\n    whoami\n}\n',
    nodeCache: false,
  },
  { name: 'a template', argv: [...LOCAL, '-basecorefile', template], want: FILLED },
  {
    name: 'another service and port',
    argv: [...LOCAL, '-basecorefile', template, '-upstreamsvc', 'my-dns', '-p', '54'],
    want: FILLED.replace('53', '54').replace('.10\n', '.11\n'),
  },
  {
    name: 'no template where none was asked for',
    argv: [...LOCAL, '-conf', plain],
    want: '.:53 {\n    whoami\n}\n',
  },
  {
    name: 'no template where one was asked for, but a Corefile',
    argv: [...LOCAL, '-basecorefile', missing, '-conf', plain],
    want: '.:53 {\n    whoami\n}\n',
    lines: [`[ERROR] there is no template ${missing}: ${plain} is served as it is`],
  },
];
for (const { name, argv, want, nodeCache = true, lines = [] } of cases) {
  test(`sourceOfFlags: ${name}`, async () => {
    const opened = open(argv);
    const { blocks } = await (await opened.source).read();
    assert.equal(formatCorefile(blocks), want);
    assert.equal(isNodeCache(opened.given), nodeCache);
    const errors = opened.lines().filter((line) => line.startsWith('[ERROR]'));
    assert.deepEqual([errors, opened.faults()], [lines, lines.length]);
  });
}

test('sourceOfFlags: the result is written to -conf by a server', async () => {
  const conf = join(directory, 'written');
  const argv = [...LOCAL, '-basecorefile', template, '-conf', conf];
  await (await open(argv).source).read();
  assert.equal(existsSync(conf), false);
  await (await open(argv, true).source).read();
  assert.equal(readFileSync(conf, 'utf8'), FILLED.replace(':53', ''));
});

const errorCases = [
  { argv: ['-localip='], error: 'invalid localip specified - ""' },
  { argv: ['-localip', '192.0.2.1, 192.0.2.2'], error: 'invalid localip specified - " 192.0.2.2"' },
  { argv: ['-fallback', 'none'], error: '-fallback must be cluster or node, got "none"' },
];
for (const { argv, error } of errorCases) {
  test(`sourceOfFlags refuses ${argv.join(' ')}`, async () => {
    await assert.rejects(open(argv).source, { name: 'FlagError', message: error });
  });
}

test('sourceOfFlags: neither template nor Corefile', async () => {
  const opened = open(['-basecorefile', missing, '-conf', join(directory, 'nothing')]);
  const message = `Failed to read node-cache coreFile ${missing} - no such file or directory`;
  await assert.rejects((await opened.source).read(), { message });
  assert.deepEqual([opened.lines(), opened.faults()], [[], 1]);
});
