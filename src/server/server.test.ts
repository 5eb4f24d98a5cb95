import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import test from 'node:test';
import dnsPacket from 'dns-packet';
import { type TestServer, testServer } from './testing.ts';

const whoami = (zone: string) => `${zone}:0 {\n  bind 127.0.0.1\n  whoami\n}\n`;

/** The rcode that a name gets; each question goes out from a socket of its own. */
async function ask({ server }: TestServer, name: string): Promise<string> {
  const port = Number(/:(\d+)/.exec(server.banner[0] ?? '')?.[1]);
  const socket = dgram.createSocket('udp4');
  try {
    socket.send(dnsPacket.encode({ type: 'query', id: 1, questions: [{ type: 'A', name }] }), port, '127.0.0.1');
    const [message] = await once(socket, 'message', { signal: AbortSignal.timeout(20_000) });
    return (dnsPacket.decode(message) as dnsPacket.DecodedPacket & { rcode: string }).rcode;
  } finally {
    socket.close();
  }
}

/** Runs with a server that is closed in the end, come what may. */
async function withUnstarted(corefile: string, run: (running: TestServer) => Promise<void>): Promise<void> {
  const running = testServer(corefile);
  try {
    await run(running);
  } finally {
    await running.close();
  }
}

async function withServer(corefile: string, run: (running: TestServer) => Promise<void>): Promise<void> {
  await withUnstarted(corefile, async (running) => {
    await running.server.start();
    await run(running);
  });
}

test('reload: the new configuration takes the place of the old, on the same sockets', async () => {
  await withServer(whoami('example.org'), async (running) => {
    const [before] = running.server.banner;
    assert.equal(await ask(running, 'example.org'), 'NOERROR');
    assert.equal(await ask(running, 'example.net'), 'REFUSED');
    running.corefile = whoami('example.net');
    await running.server.reload();
    assert.equal(await ask(running, 'example.org'), 'REFUSED');
    assert.equal(await ask(running, 'example.net'), 'NOERROR');
    assert.equal(running.server.banner[0]?.split(':')[1], before?.split(':')[1]);
    assert.deepEqual(running.lines(), ['[INFO] Reloading', '[INFO] Reloading complete']);
  });
});

const badCases = [
  { name: 'does not parse', corefile: '. {\n  chache\n}\n', error: /Corefile:2: unknown directive "chache"/ },
  { name: 'cannot be set up', corefile: `${whoami('.')}${whoami('.')}`, error: /it is already defined/ },
  {
    name: 'wants HTTP where it answers DNS',
    corefile: 'example.net:1053 {\n  bind 127.0.0.1\n  whoami\n  ready localhost:1053\n}\n',
    error: /^ConfigError: Corefile:4: ready: localhost:1053 is where dns:\/\/127\.0\.0\.1:1053 answers DNS/,
  },
  {
    name: 'cannot serve HTTP',
    corefile: 'example.net:0 {\n  bind 127.0.0.1\n  health [fe80::1%nowhere]:8080\n}\n',
    error: /^ConfigError: Corefile:3: health: listen tcp \[fe80::1%nowhere\]:8080: /,
  },
];

for (const { name, corefile, error } of badCases) {
  test(`reload: a configuration that ${name} leaves the old one running, and is counted`, async () => {
    await withServer(whoami('example.org'), async (running) => {
      const { fingerprint } = running.server;
      running.corefile = corefile;
      await assert.rejects(running.server.reload(), error);
      assert.equal(await ask(running, 'example.org'), 'NOERROR');
      assert.equal(running.server.fingerprint, fingerprint);
      assert.match(running.lines().at(-1) ?? '', /^\[ERROR\] Restart failed: /);
      assert.match(await running.metrics.expose(), /^coredns_reload_failed_total 1$/m);
    });
  });
}

test('stop: what was set up last stops first, so that debug still shows what errors has held back', async () => {
  let lines: TestServer['lines'] = () => [];
  const corefile = '.:0 {\n bind 127.0.0.1\n debug\n errors {\n  consolidate 1h .* debug\n }\n}\n';
  await withServer(corefile, async (running) => {
    lines = running.lines;
    assert.equal(await ask(running, 'example.org'), 'SERVFAIL');
  });
  assert.match(lines().at(-1) ?? '', /^\[DEBUG\] plugin\/errors: 1 errors like '\.\*' occurred in last 1h/);
});

test('reload: one that is asked for during the start waits for it', async () => {
  await withUnstarted(whoami('example.org'), async ({ server, lines }) => {
    const starting = server.start(() => assert.deepEqual(lines(), []));
    await Promise.all([starting, server.reload()]);
    assert.deepEqual(lines(), ['[INFO] Reloading', '[INFO] Reloading complete']);
  });
});

test('reload: several at once are done one after the other, the last one as the files then are', async () => {
  await withServer(whoami('example.org'), async (running) => {
    running.corefile = '. {\n';
    const first = running.server.reload();
    const second = running.server.reload();
    await assert.rejects(first);
    running.corefile = whoami('example.net');
    await Promise.allSettled([second]);
    await running.server.reload();
    assert.equal(await ask(running, 'example.net'), 'NOERROR');
  });
});

test('start: what cannot listen leaves nothing open', async (t) => {
  const blocker = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  t.after(() => blocker.close());
  await once(blocker, 'listening');
  const corefile = `example.org:${blocker.address().port} {\n  bind 127.0.0.1\n  whoami\n}\n`;
  await withUnstarted(corefile, async ({ server }) => {
    await assert.rejects(
      server.start(),
      /^ConfigError: Corefile:1: listen udp 127\.0\.0\.1:\d+: address already in use/,
    );
    assert.deepEqual(server.banner, []);
  });
});

test('recover: a fault outside of any query is said and counted, and queries are answered', async () => {
  await withServer(whoami('example.org'), async (running) => {
    running.server.recover(new Error('boom'));
    assert.match(running.lines()[0] ?? '', /^\[ERROR\] Recovered from panic: Error: boom/);
    assert.match(await running.metrics.expose(), /^coredns_panics_total 1$/m);
    assert.equal(await ask(running, 'example.org'), 'NOERROR');
  });
});

test('recover: under debug it ends the process', async () => {
  await withServer(whoami('example.org').replace('whoami', 'debug\n  whoami'), async (running) => {
    running.server.recover('boom');
    assert.equal(running.lines()[0], '[ERROR] boom', 'this test’s fatal only logs');
  });
});
