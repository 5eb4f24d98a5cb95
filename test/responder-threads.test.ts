/** Responders as threads and descriptors of the process: they come and go with it, and hold it up at no end. */
import assert from 'node:assert/strict';
import { getPriority } from 'node:os';
import { describe, test } from 'node:test';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { UdpClient } from './support/client.ts';
import { scrape } from './support/metrics.ts';
import { launchNodens, type Nodens, startNodens } from './support/nodens.ts';
import { niceness, openDescriptors, workerCount } from './support/threads.ts';
import { eventually } from './support/wait.ts';

const flags = ['-responders', '4'];
const COREFILE = '.:{PORT} {\n bind 127.0.0.1\n cache\n prometheus 127.0.0.1:{METRICS}\n whoami\n}';
/** Far below what four threads take that nobody wakes: up to a second each. */
const SOON_MS = 3_500;

/** A module that says so when the process ends because its event loop has nothing left to do. */
const RAN_DRY = `data:text/javascript,${encodeURIComponent(`
  import { isMainThread } from 'node:worker_threads';
  if (isMainThread) process.once('beforeExit', () => console.error('ran dry'));
`)}`;

/** How long the process takes to end from now on, and how it ends. */
async function timeEnd(nodens: Nodens) {
  const startedAtMs = performance.now();
  const exit = await nodens.untilExit();
  return { ...exit, tookMs: performance.now() - startedAtMs };
}

function assertSoon({ tookMs, ...exit }: Awaited<ReturnType<typeof timeEnd>>, code: number): void {
  assert.deepEqual(exit, { code, signal: null });
  assert.ok(tookMs < SOON_MS, `took ${tookMs} ms`);
}

describe('the end', () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
    test(`${signal}: at once`, async () => {
      const nodens = await startNodens({ corefile: COREFILE, flags });
      nodens.kill(signal);
      assertSoon(await timeEnd(nodens), 0);
      assert.equal(nodens.stderr(), '');
    });
  }

  test('SIGTERM: the process ends when the stop is done, not before for want of anything to wait for', async () => {
    const ends = Array.from({ length: 8 }, async () => {
      const nodens = await startNodens({ corefile: COREFILE, flags, env: { NODE_OPTIONS: `--import=${RAN_DRY}` } });
      assert.deepEqual(await nodens.stop(), { code: 0, signal: null });
      assert.equal(nodens.stderr(), '');
    });
    await Promise.all(ends);
  });

  test('a second SIGINT: at once', async (t) => {
    const corefile = `${COREFILE.slice(0, -1)} health 127.0.0.1:{HEALTH} {\n lameduck 30s\n }\n}`;
    const nodens = await startNodens({ corefile, flags });
    t.after(() => nodens.stop('SIGKILL'));
    nodens.kill('SIGINT');
    await nodens.untilOutput(/lameduck/);
    nodens.kill('SIGINT');
    assertSoon(await timeEnd(nodens), 2);
    assert.match(nodens.stdout(), /SIGINT: Force quit/);
  });

  const failures = [
    { name: 'an address in use', corefile: '.:{PORT} {\n bind 127.0.0.1\n whoami\n}', error: /Corefile:1: .*in use/ },
    {
      name: 'an address of HTTP in use',
      corefile: '.:{PORT2} {\n bind 127.0.0.1\n whoami\n health 127.0.0.1:{PORT}\n}',
      error: /Corefile:4: health: .*in use/,
    },
    { name: 'a fault in the Corefile', corefile: '.:{PORT2} {\n cache 0\n}', error: /Corefile:2: cache: / },
  ];
  for (const { name, corefile, error } of failures) {
    test(`${name}: one line, exit code 1, at once`, async (t) => {
      const other = await ScriptedUpstream.start();
      t.after(() => other.stop());
      const nodens = await launchNodens({ corefile, flags, ports: { PORT: other.port } });
      await eventually('the line', () => nodens.stderr().includes('\n'));
      assertSoon(await timeEnd(nodens), 1);
      const lines = nodens.stderr().trimEnd().split('\n');
      assert.equal(lines.length, 1, nodens.stderr());
      assert.match(lines[0], error);
    });
  }
});

test('a fault in a Corefile from standard input: one line, exit code 1, at once', async () => {
  const prefix = ['sh', '-c', 'printf ".:1053 {\\n cache 0\\n}\\n" | "$0" "$@"'];
  const nodens = await launchNodens({ corefile: '', flags: [...flags, '-conf', 'stdin'], prefix });
  await eventually('the line', () => nodens.stderr().includes('\n'));
  assertSoon(await timeEnd(nodens), 1);
  assert.match(nodens.stderr(), /^stdin:2: cache: .*\n$/);
});

test('30 reloads leave no descriptor and no thread behind, and no responder has died', async (t) => {
  const nodens = await startNodens({ corefile: COREFILE, flags });
  t.after(() => nodens.stop());
  const client = await UdpClient.open(nodens);
  const reload = async (count: number) => {
    // Every other one has a second listener.
    const more = count % 2 === 0 ? '' : '\n.:{PORT2} {\n bind 127.0.0.1 ::1\n cache\n whoami\n}';
    nodens.writeCorefile(COREFILE + more);
    nodens.kill('SIGUSR1');
    await eventually(`reload ${count}`, () => nodens.stdout().split('Reloading complete').length > count);
    assert.equal((await client.ask({ qname: 'www.example.org' })).rcode, 'NOERROR');
  };
  for (let i = 1; i <= 4; i++) await reload(i);
  const [descriptors, threads] = [openDescriptors(nodens), workerCount(nodens)];
  for (let i = 5; i <= 34; i++) await reload(i);
  await eventually('all descriptors to be closed', () => openDescriptors(nodens) <= descriptors);
  assert.equal(workerCount(nodens), threads);
  const samples = await scrape(nodens.ports.METRICS);
  assert.equal(samples.value('nodens_responder_restarts_total'), 0);
  assert.equal(samples.value('nodens_udp_receive_drops_total'), 0);
  assert.equal(samples.value('nodens_udp_unsent_replies_total'), 0);
  assert.equal(samples.value('nodens_ring_dropped_total'), 0);
  client.close();
});

test('there are as many threads more as responders', async (t) => {
  const counts = [0, 1, 3];
  const all = await Promise.all(
    counts.map((count) => startNodens({ corefile: COREFILE, flags: ['-responders', String(count)] })),
  );
  t.after(() => Promise.all(all.map((nodens) => nodens.stop())));
  assert.deepEqual(all.map(workerCount), counts);
});

test('a core that all want is left to the responders', async () => {
  const own = getPriority();
  for (const [count, others] of [
    [2, Math.max(own, 10)],
    [0, own],
  ]) {
    const nodens = await startNodens({ corefile: COREFILE, flags: ['-responders', String(count)] });
    await eventually('all threads to be as nice as they should', () => {
      const nice = niceness(nodens);
      const areRight = nice.others.every((n) => n === others) && nice.responders.every((n) => n === own);
      return areRight && nice.responders.length === count;
    });
    await nodens.stop();
  }
});
