/** Starting, and failing to: one line that says what, where and what to do, exit code 1, no stack trace. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { makeTemporaryDirectory } from './support/child.ts';
import { askUdp } from './support/client.ts';
import { launchNodens, runNodens, startNodens } from './support/nodens.ts';
import { freePort } from './support/ports.ts';
import { findProgram, missing } from './support/programs.ts';

/** Writes a Corefile (and other files) into a directory of its own. */
function directoryWith(files: Record<string, string>): string {
  const directory = makeTemporaryDirectory('startup');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

function assertOneClearLine(outcome: Awaited<ReturnType<typeof runNodens>>, pattern: RegExp): void {
  assert.equal(outcome.code, 1);
  const lines = outcome.stderr.trimEnd().split('\n');
  assert.equal(lines.length, 1, outcome.stderr);
  assert.match(lines[0], pattern);
  assert.doesNotMatch(outcome.stdout, /\n\s+at /);
}

describe('failures', { concurrency: 16 }, () => {
  const cases = [
    { name: 'empty upstream list', corefile: '.:{PORT} {\n forward .\n}', error: /^Corefile:2: forward: / },
    {
      name: 'no such file of upstreams',
      corefile: '.:{PORT} {\n forward . /no/such/file\n}',
      error: /^Corefile:2: forward: .*\/no\/such\/file/,
    },
    {
      name: 'a file without upstreams',
      corefile: '.:{PORT} {\n forward . empty.conf\n}',
      error: /^Corefile:2: forward: .*nameservers/,
    },
    {
      name: 'an upstream by a name that nobody knows',
      corefile: '.:{PORT} {\n forward . 1.2.3.4 dns.example.org {\n resolver 127.0.0.1:9\n }\n}',
      error: /^Corefile:2: forward: .*"dns.example.org"/,
    },
    {
      name: 'an unsupported protocol',
      corefile: '.:{PORT} {\n forward . grpc://1.1.1.1\n}',
      error: /^Corefile:2: forward: .*grpc/,
    },
    { name: 'unknown directive', corefile: '.:{PORT} {\n cahce 30\n}', error: /^Corefile:2: .*cahce.*cache/ },
    {
      name: 'a directive that is not built in',
      corefile: '.:{PORT} {\n kubernetes\n}',
      error: /^Corefile:2: .*kubernetes/,
    },
    {
      name: 'unknown option',
      corefile: '.:{PORT} {\n forward . 127.0.0.1 {\n  polcy random\n }\n}',
      error: /^Corefile:3: forward: .*polcy/,
    },
    {
      name: 'bad duration',
      corefile: '.:{PORT} {\n forward . 127.0.0.1 {\n  expire 10\n }\n}',
      error: /^Corefile:3: forward: .*10/,
    },
    { name: 'bad TTL', corefile: '.:{PORT} {\n\n cache 0\n}', error: /^Corefile:3: cache: .*0/ },
    { name: 'missing brace', corefile: '.:{PORT} {\n whoami\n', error: /^Corefile:\d: .*}/ },
    { name: 'one brace too many', corefile: '.:{PORT} {\n whoami }\n}', error: /^Corefile:2: .*}/ },
    { name: 'bad zone', corefile: 'a..b:{PORT} {\n whoami\n}', error: /^Corefile:1: .*a\.\.b/ },
    { name: 'port out of range', corefile: '.:99999 {\n whoami\n}', error: /^Corefile:1: .*99999/ },
    { name: 'missing import', corefile: '.:{PORT} {\n import nothing.conf\n}', error: /^Corefile:2: .*nothing\.conf/ },
    { name: 'the same zone twice', corefile: '.:{PORT} {\n whoami\n}\n.:{PORT} {\n whoami\n}', error: /already|twice/ },
    {
      name: 'bound and unbound',
      corefile: '.:{PORT} {\n whoami\n}\n.:{PORT} {\n bind 127.0.0.1\n whoami\n}',
      error: /overlap/,
    },
    {
      name: 'not an address',
      corefile: '.:{PORT} {\n bind nonsense\n whoami\n}',
      error: /^Corefile:2: bind: .*nonsense/,
    },
    { name: 'tls without certificate', corefile: 'tls://.:{PORT} {\n whoami\n}', error: /^Corefile:1: .*tls/ },
    {
      name: 'a snippet that is a loop',
      corefile: '(a) {\n import a\n}\n.:{PORT} {\n whoami\n}',
      error: /^Corefile:\d: /,
    },
    {
      name: 'health without a port',
      corefile: '.:{PORT} {\n whoami\n health foo\n}',
      error: /^Corefile:3: health: .*foo/,
    },
  ];
  for (const { name, corefile, error } of cases) {
    test(name, async () => {
      const text = corefile.replaceAll('{PORT}', String(await freePort()));
      const cwd = directoryWith({ Corefile: text, 'empty.conf': 'search example.org\n' });
      assertOneClearLine(await runNodens(['-conf', 'Corefile'], { cwd }), error);
    });
  }

  test('all errors of the file are shown at once', async () => {
    const cwd = directoryWith({ Corefile: '.:5300 {\n cache 0\n forward .\n}\n' });
    const { code, stderr } = await runNodens(['-conf', 'Corefile'], { cwd });
    assert.equal(code, 1);
    assert.deepEqual(
      stderr
        .trimEnd()
        .split('\n')
        .map((line) => /^Corefile:(\d+): (\w+):/.exec(line)?.slice(1)),
      [
        ['2', 'cache'],
        ['3', 'forward'],
      ],
    );
  });

  test('an error in an imported file names that file', async () => {
    const cwd = directoryWith({ Corefile: '.:5300 {\n import part.conf\n}\n', 'part.conf': 'whoami\ncache 0\n' });
    assertOneClearLine(await runNodens(['-conf', 'Corefile'], { cwd }), /part\.conf:2: cache: /);
  });

  test('missing Corefile', async () => {
    assertOneClearLine(await runNodens(['-conf', '/no/such/Corefile']), /\/no\/such\/Corefile/);
  });

  test('a directory as Corefile', async () => {
    const cwd = makeTemporaryDirectory('startup');
    assertOneClearLine(await runNodens(['-conf', cwd]), new RegExp(cwd));
  });

  test('an unknown flag: exit code 2', async () => {
    const { code, stderr } = await runNodens(['-nonsense']);
    assert.equal(code, 2);
    assert.match(stderr, /-nonsense/);
  });

  for (const protocol of ['udp', 'tcp']) {
    test(`DNS address in use (${protocol})`, async () => {
      const upstream = await ScriptedUpstream.start();
      const cwd = directoryWith({ Corefile: `.:${upstream.port} {\n bind 127.0.0.1\n whoami\n}\n` });
      assertOneClearLine(
        await runNodens(['-conf', 'Corefile'], { cwd }),
        new RegExp(`^Corefile:1: listen .*127\\.0\\.0\\.1:${upstream.port}: .*in use.*: stop the program`),
      );
      await upstream.stop();
    });
  }

  for (const directive of ['health', 'ready', 'prometheus']) {
    test(`address of ${directive} in use`, async () => {
      const upstream = await ScriptedUpstream.start();
      const corefile = `.:${await freePort()} {\n bind 127.0.0.1\n whoami\n ${directive} 127.0.0.1:${upstream.port}\n}\n`;
      const cwd = directoryWith({ Corefile: corefile });
      const pattern = new RegExp(
        `^Corefile:4: ${directive}: .*127\\.0\\.0\\.1:${upstream.port}: .*in use.*: stop the program`,
      );
      assertOneClearLine(await runNodens(['-conf', 'Corefile'], { cwd }), pattern);
      await upstream.stop();
    });

    test(`${directive} where DNS is answered`, async () => {
      const port = await freePort();
      const cwd = directoryWith({ Corefile: `.:${port} {\n bind 127.0.0.1\n whoami\n ${directive} :${port}\n}\n` });
      const pattern = new RegExp(`^Corefile:4: ${directive}: :${port} .*DNS.*; choose another port$`);
      assertOneClearLine(await runNodens(['-conf', 'Corefile'], { cwd }), pattern);
    });
  }
});

/** Why nobody can be refused port 53 here, or false. */
function portsAreFree(): string | false {
  if (process.getuid?.() !== 0) return 'needs root, to give it up';
  const firstFree = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  return firstFree <= 53 ? 'port 53 needs no permission on this host' : false;
}

describe('a port without permission', { skip: missing('setpriv') || portsAreFree() }, () => {
  test('53 as another user', async () => {
    const cwd = directoryWith({ Corefile: '.:53 {\n bind 127.53.53.53\n whoami\n}\n' });
    const prefix = [
      findProgram('setpriv') ?? 'setpriv',
      '--reuid=65534',
      '--clear-groups',
      '--bounding-set=-all',
      '--inh-caps=-all',
    ];
    const pattern =
      /^Corefile:1: .*127\.53\.53\.53:53.*: missing capability CAP_NET_BIND_SERVICE, needed to listen .*: /;
    assertOneClearLine(await runNodens(['-conf', 'Corefile'], { cwd, prefix }), pattern);
  });
});

describe('starting', { concurrency: 16 }, () => {
  test('prints what it serves, then its version', async () => {
    const nodens = await startNodens({
      corefile:
        'example.org:{PORT} example.net:{PORT} {\n bind 127.0.0.1\n whoami\n}\n.:{PORT2} {\n bind ::1\n whoami\n}',
    });
    const banner = await nodens.untilOutput(/[\s\S]*nodens.*\n[\s\S]*linux\/.*/);
    const lines = banner[0].split('\n');
    const served = lines.filter((line) => line.includes(' on '));
    assert.deepEqual(served.sort(), [
      `.:${nodens.ports.PORT2} on ::1`,
      `example.net.:${nodens.ports.PORT} on 127.0.0.1`,
      `example.org.:${nodens.ports.PORT} on 127.0.0.1`,
    ]);
    await nodens.stop();
  });

  test('a zone of unusual characters is served, with a warning before it', async () => {
    const nodens = await startNodens({ corefile: '_tcp.example:{PORT} {\n bind 127.0.0.1\n whoami\n}' });
    const warning = 'Warning: Domain "_tcp.example." does not follow RFC1035 preferred syntax';
    await nodens.untilOutput(new RegExp(`^${warning}\n_tcp\\.example\\.:${nodens.port} on 127\\.0\\.0\\.1$`, 'm'));
    await nodens.stop();
  });

  test('SIGTERM at whatever moment of the start ends it', async () => {
    for (const delayMs of [100, 200, 300, 400, 500]) {
      const nodens = await launchNodens({ corefile: '.:{PORT} {\n bind 127.0.0.1\n whoami\n}' });
      await sleep(delayMs);
      nodens.kill('SIGTERM');
      const exit = await nodens.untilExit();
      // Before our first line runs it is Node that ends.
      assert.ok(exit.code === 0 || exit.signal === 'SIGTERM', `after ${delayMs} ms: ${exit.code} ${exit.signal}`);
    }
  });

  test('first the banner, then what directives say, then the version; the pid file is written by then', async () => {
    const nodens = await startNodens({
      corefile: '.:{PORT} {\n bind 127.0.0.1\n reload\n whoami\n}',
      flags: ['-pidfile', 'pid'],
    });
    await nodens.untilOutput(/^\.:\d+ on 127\.0\.0\.1\n\[INFO\] plugin\/reload: Running .*\nnodens-.*\nlinux\/.*\n/);
    assert.equal(readFileSync(join(nodens.directory, 'pid'), 'utf8'), `${nodens.pid}\n`);
    await nodens.stop();
  });

  test('a pid file that cannot be written is logged', async () => {
    const nodens = await startNodens({
      corefile: '.:{PORT} {\n bind 127.0.0.1\n whoami\n}',
      flags: ['-pidfile', '/no/such/directory/pid'],
    });
    await nodens.untilOutput(/^\[ERROR\] Could not write pidfile: .*\/no\/such\/directory\/pid/m);
    await nodens.stop();
  });

  test('-corefile, of node-cache, is -conf', async () => {
    const port = await freePort();
    const cwd = directoryWith({ Here: `.:${port} {\n cache 0\n}\n` });
    assertOneClearLine(await runNodens(['-corefile', 'Here'], { cwd }), /^Here:2: cache: /);
  });

  test('-quiet prints nothing', async () => {
    const nodens = await startNodens({ corefile: '.:{PORT} {\n bind 127.0.0.1\n whoami\n}', flags: ['-quiet'] });
    assert.doesNotMatch(nodens.stdout(), /on 127\.0\.0\.1/);
    await nodens.stop();
  });

  test('-dns.port is the port of keys without one', async () => {
    const port = await freePort();
    const nodens = await startNodens({
      corefile: 'example.org {\n bind 127.0.0.1\n whoami\n}',
      flags: [`-dns.port=${port}`],
      ports: { PORT: port },
    });
    assert.equal((await askUdp(nodens, { qname: 'www.example.org' })).rcode, 'NOERROR');
    await nodens.stop();
  });

  test('environment variables stand in the Corefile', async () => {
    const upstream = await ScriptedUpstream.start();
    upstream.otherwise(reply({ rcode: 'REFUSED' }));
    const nodens = await startNodens({
      corefile: '{$ZONE}:{PORT} {\n bind 127.0.0.1\n forward . {%UPSTREAM%}\n}',
      env: { ZONE: 'example.org', UPSTREAM: upstream.endpoint },
    });
    assert.equal((await askUdp(nodens, { qname: 'www.example.org' })).rcode, 'REFUSED');
    assert.equal(upstream.queries('www.example.org'), 1);
    await nodens.stop();
    await upstream.stop();
  });

  test('-version and -plugins end with exit code 0', async () => {
    const version = await runNodens(['-version']);
    assert.deepEqual([version.code, /\d+\.\d+\.\d+/.test(version.stdout)], [0, true]);
    const plugins = await runNodens(['-plugins']);
    assert.equal(plugins.code, 0);
    for (const name of ['bind', 'cache', 'errors', 'forward', 'whoami'])
      assert.match(plugins.stdout, new RegExp(`\\b${name}$`, 'm'));
  });

  for (const [signal, code] of [
    ['SIGQUIT', 0],
    ['SIGTERM', 0],
    ['SIGINT', 0],
  ] as const) {
    test(`${signal} ends it with exit code ${code}, SIGHUP does not`, async () => {
      const nodens = await startNodens({ corefile: '.:{PORT} {\n bind 127.0.0.1\n whoami\n}' });
      nodens.kill('SIGHUP');
      assert.equal((await askUdp(nodens, { qname: 'www.example.org' })).rcode, 'NOERROR');
      assert.deepEqual(await nodens.stop(signal), { code, signal: null });
    });
  }
});
