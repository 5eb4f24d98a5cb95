/** `nodens explain`: the way of a name through the configuration, the upstreams, and the cache of a running instance. */
import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { answer, truncatedOverUdp } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { makeTemporaryDirectory } from './support/child.ts';
import { askUdp } from './support/client.ts';
import { mountConfigMap } from './support/config-map.ts';
import { runNodens, startNodens } from './support/nodens.ts';
import { freePort } from './support/ports.ts';

const RESOLV_CONF = 'nameserver 169.254.20.10\nsearch web.svc.cluster.local cluster.local\noptions ndots:3\n';

let resolvConf: string;
before(() => {
  resolvConf = join(makeTemporaryDirectory('resolv-conf'), 'resolv.conf');
  writeFileSync(resolvConf, RESOLV_CONF);
});

/** Runs it to its end; what it says on stderr must be nothing. */
async function explain(args: readonly string[], options: { cwd?: string; prefix?: readonly string[] } = {}) {
  const { code, stdout, stderr } = await runNodens(['explain', ...args], options);
  assert.equal(stderr, '');
  assert.equal(code, 0);
  return stdout;
}

test('a template and ConfigMaps: each name with the places that its block comes from', async () => {
  const cwd = makeTemporaryDirectory('explain');
  mkdirSync(join(cwd, 'template'));
  writeFileSync(
    join(cwd, 'template/Corefile.base'),
    `cluster.local:53 {
    errors
    cache 30
    bind __PILLAR__LOCAL__DNS__
    forward . __PILLAR__CLUSTER__DNS__ {
        force_tcp
    }
}
`,
  );
  mountConfigMap(join(cwd, 'kube-dns'), { stubDomains: '{\n "corp.example": ["192.0.2.1", "192.0.2.2:5353"]\n}' });
  const flags = [
    '-localip',
    '169.254.20.10,10.96.0.10',
    '-basecorefile',
    'template/Corefile.base',
    '-conf',
    'Corefile',
  ];
  const maps = ['-kubednscm', 'kube-dns', '-resolvconf', resolvConf];
  const prefix = ['env', 'KUBE_DNS_SERVICE_HOST=10.96.0.11'];
  const text = await explain(['www.corp.example', 'aaaa', ...flags, ...maps], { cwd, prefix });
  const listeners = 'dns://169.254.20.10:53 dns://10.96.0.10:53';
  assert.equal(
    text,
    `www.corp.example: a pod tries 3 names, one after the other until one has an answer (ndots:3, search web.svc.cluster.local cluster.local)

1. www.corp.example.web.svc.cluster.local. AAAA
   ${listeners}: block of cluster.local. (template/Corefile.base:1)
      errors (template/Corefile.base:2)
      cache 30 (template/Corefile.base:3)
      forward . 10.96.0.11 { force_tcp } (template/Corefile.base:5)
         asks 10.96.0.11:53 over TCP

2. www.corp.example.cluster.local. AAAA
   the same way as 1

3. www.corp.example. AAAA
   ${listeners}: block of corp.example. (kube-dns/stubDomains:2)
      errors (kube-dns/stubDomains:2)
      cache 30 (kube-dns/stubDomains:2)
      forward . 192.0.2.1 192.0.2.2:5353 (kube-dns/stubDomains:2)
         asks 192.0.2.1:53 over UDP, for clients that use TCP over TCP
         asks 192.0.2.2:5353 over UDP, for clients that use TCP over TCP
`,
  );
});

test('-ask: what each upstream says, and where a pod stops', async (t) => {
  const good = await ScriptedUpstream.start();
  t.after(() => good.stop());
  const gone = `127.0.0.1:${await freePort()}`;
  good.on('www.example.org', undefined, truncatedOverUdp({ answers: ['www.example.org 60 A 192.0.2.7'] }));
  const cwd = makeTemporaryDirectory('explain');
  writeFileSync(
    join(cwd, 'Corefile'),
    `cluster.local:1053 {
 forward . ${good.endpoint}
}
.:1053 {
 forward . ${good.endpoint} ${gone} {
  read_timeout 4s
 }
}
`,
  );
  const args = ['www.example.org', '-ask', '-resolvconf', resolvConf, '-conf', 'Corefile'];
  const text = await explain(args, { cwd });
  const lines = text.split('\n').map((line) =>
    line
      .trim()
      .replace(/[\d.]+ ms/, 'T')
      .replace(/answer: .*connection refused/, 'answer: refused'),
  );
  assert.deepEqual(
    lines.filter((line) => /^(asked|www\.example\.org\. 60|a pod takes)/.test(line)),
    [
      `asked ${good.endpoint} over UDP, T: NXDOMAIN, no records`,
      `asked ${good.endpoint} over UDP, T: NXDOMAIN, no records`,
      `asked ${good.endpoint} over UDP, cut, and TCP, T: NOERROR`,
      'www.example.org. 60 IN A 192.0.2.7',
      `asked ${gone} over UDP, T: no answer: refused`,
      'a pod takes the answer for www.example.org., after 3 queries',
    ],
  );
});

test('a running instance: what it has in its cache, and whether it serves that configuration', async (t) => {
  const upstream = await ScriptedUpstream.start();
  t.after(() => upstream.stop());
  upstream.otherwise((exchange) => answer(`${exchange.query.qname} 3600 A 192.0.2.9`)(exchange));
  const socket = join(makeTemporaryDirectory('control'), 'control.sock');
  const flags = ['-control', socket];
  const corefile = `.:{PORT} {\n bind 127.0.0.1\n cache 3600\n forward . ${upstream.endpoint}\n}\n`;
  const nodens = await startNodens({ corefile, flags });
  t.after(() => nodens.stop());
  assert.equal(statSync(socket).mode & 0o777, 0o600);
  await askUdp(nodens, { qname: 'www.example.org' });

  const args = ['-json', 'WWW.example.org.', '-conf', nodens.corefilePath, ...flags];
  const { names } = JSON.parse(await explain(args));
  assert.equal(names.length, 1);
  const [{ qname, cached, ways }] = names;
  assert.equal(qname, 'www.example.org.');
  assert.equal(ways[0].at, `${nodens.corefilePath}:1`);
  const [{ remainingS, ageS, answers, ...rest }] = cached;
  assert.ok(remainingS > 3000 && ageS < 600, `${remainingS} ${ageS}`);
  assert.deepEqual(answers, [`www.example.org. ${remainingS} IN A 192.0.2.9`]);
  const server = `dns://127.0.0.1:${nodens.port}`;
  assert.deepEqual(rest, { servers: [server], dnssecOk: false, checkingDisabled: false, rcode: 'NOERROR' });

  const same = await explain(['other.example.org.', '-conf', nodens.corefilePath, ...flags]);
  assert.match(same, new RegExp(`^the running instance, process ${nodens.pid}, serves this configuration$`, 'm'));
  assert.match(same, /^ {3}in the cache: nothing$/m);
  nodens.writeCorefile(corefile.replace('3600', '60'));
  const other = await explain(['www.example.org.', '-conf', nodens.corefilePath, ...flags]);
  assert.match(other, /^the running instance, process \d+, serves ANOTHER configuration/m);
});

test('an instance that is killed leaves a socket that the next one replaces; where none can be, DNS goes on', async (t) => {
  const socket = join(makeTemporaryDirectory('control'), 'control.sock');
  const corefile = '.:{PORT} {\n bind 127.0.0.1\n whoami\n}\n';
  const start = () => startNodens({ corefile, flags: ['-control', socket] });
  const killed = await start();
  await killed.stop('SIGKILL');
  const args = ['a.example.org.', '-conf', killed.corefilePath, '-control', socket];
  assert.match(await explain(args), /^no running instance can be asked: .*: connection refused$/m);
  const next = await start();
  t.after(() => next.stop());
  assert.match(await explain(args), new RegExp(`^the running instance, process ${next.pid}, `, 'm'));
  const second = await start();
  t.after(() => second.stop());
  await second.untilOutput(/\[WARNING\] control socket .*: another instance listens there; /);
});

const faults = [
  { name: 'no name', args: [], stderr: 'explain what? nodens explain NAME [TYPE]' },
  { name: 'a bad name', args: ['a..b'], stderr: 'not a domain name: "a..b"' },
  { name: 'a bad type', args: ['a.org', 'AAAAA'], stderr: 'not a type of records: "AAAAA"' },
  { name: 'too much', args: ['a.org', 'A', 'B', '-ask'], stderr: 'extra command line arguments: [B]' },
  { name: 'a bad Corefile', args: ['a.org'], stderr: 'Corefile:2: bufsize: .*' },
  { name: 'no resolv.conf', args: ['a.org', '-resolvconf', 'x'], stderr: 'cannot read "x": no such file or directory' },
];
for (const { name, args, stderr } of faults) {
  test(`fault: ${name}`, async () => {
    const cwd = makeTemporaryDirectory('explain');
    writeFileSync(join(cwd, 'Corefile'), '. {\n bufsize 1\n}\n');
    const outcome = await runNodens(['explain', ...args], { cwd });
    assert.equal(outcome.code, 1);
    assert.equal(outcome.stdout, '');
    const isPattern = stderr.endsWith('.*');
    if (isPattern) assert.match(outcome.stderr, new RegExp(`^${stderr}\n$`));
    else assert.equal(outcome.stderr, `${stderr}\n`);
  });
}
