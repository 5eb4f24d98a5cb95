/** `nodens check`: what a server with these flags would serve. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { makeTemporaryDirectory } from './support/child.ts';
import { runNodens } from './support/nodens.ts';

const TEMPLATE = `cluster.local:53 {
    cache 30
    bind __PILLAR__LOCAL__DNS__
    forward . __PILLAR__CLUSTER__DNS__
}
.:53 {
    bind __PILLAR__LOCAL__DNS__
    forward . __PILLAR__UPSTREAM__SERVERS__
}
`;
const ENV = { KUBE_DNS_SERVICE_HOST: '10.96.0.11' };
const FILLED = `cluster.local.:53 {
    cache 30
    bind 169.254.20.10
    forward . 10.96.0.11
}

.:53 {
    bind 169.254.20.10
    forward . /etc/resolv.conf
}
`;

type Case = {
  readonly name: string;
  /** By file name. */
  readonly files: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: RegExp;
};
const cases: readonly Case[] = [
  {
    name: 'a Corefile with a snippet',
    files: { Corefile: '(common) {\n errors\n}\n.:1053 {\n import common\n whoami\n}\n' },
    args: ['-conf', 'Corefile'],
    code: 0,
    stdout: '.:1053 {\n    errors\n    whoami\n}\n',
    stderr: /^$/,
  },
  {
    name: 'a template',
    files: { 'Corefile.base': TEMPLATE },
    args: ['-localip', '169.254.20.10', '-basecorefile', 'Corefile.base', '-conf', 'Corefile'],
    env: ENV,
    code: 0,
    stdout: FILLED,
    stderr: /^$/,
  },
  {
    name: 'faults, each with its line',
    files: { Corefile: '.:1053 {\n bufsize 1\n timeouts\n}\n' },
    args: ['-conf', 'Corefile'],
    code: 1,
    stdout: '',
    stderr: /^Corefile:2: bufsize: .*\nCorefile:3: timeouts: .*\n$/,
  },
  {
    name: 'blocks that disagree on the node',
    files: {
      Corefile:
        'a.org:53 {\n bind 169.254.20.10\n nodecache\n}\nb.org:53 {\n bind 169.254.20.10\n nodecache skipteardown\n}\n',
    },
    args: ['-conf', 'Corefile'],
    code: 1,
    stdout: '',
    stderr: /^Corefile:7: nodecache: lease off here, but 10s at Corefile:3; all blocks must agree\n$/,
  },
  {
    name: 'a ConfigMap that is no JSON: what a server would serve without it, and exit code 1',
    files: { 'Corefile.base': TEMPLATE, 'kube-dns/stubDomains': '{"acme.local": [' },
    args: ['-localip', '169.254.20.10', '-basecorefile', 'Corefile.base', '-kubednscm', 'kube-dns'],
    env: ENV,
    code: 1,
    stdout: FILLED,
    stderr: /^ConfigMap kube-dns: kube-dns\/stubDomains:1: invalid JSON: .*\n$/,
  },
  {
    name: 'a variable that nothing is known for',
    files: { 'Corefile.base': TEMPLATE },
    args: ['-localip', '169.254.20.10', '-basecorefile', 'Corefile.base', '-conf', 'Corefile'],
    code: 1,
    stdout: '',
    stderr: /^Corefile\.base:4: __PILLAR__CLUSTER__DNS__ is left unresolved: .*KUBE_DNS_SERVICE_HOST.*\n$/,
  },
];

for (const { name, files, args, env = {}, code, stdout, stderr } of cases) {
  test(`check: ${name}`, async () => {
    const cwd = makeTemporaryDirectory('check');
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(cwd, file)), { recursive: true });
      writeFileSync(join(cwd, file), text);
    }
    const prefix = ['env', ...Object.entries(env).map(([variable, value]) => `${variable}=${value}`)];
    const outcome = await runNodens(['check', ...args], { cwd, prefix });
    assert.match(outcome.stderr, stderr);
    assert.equal(outcome.stdout, stdout);
    assert.equal(outcome.code, code);
  });
}
