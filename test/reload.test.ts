/** Changing the configuration and ending the process while queries come in. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { answer, hold } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askTcp, askUdp, TcpClient, UdpClient } from './support/client.ts';
import { startLoad } from './support/load.ts';
import { readResponse } from './support/message.ts';
import { scrape } from './support/metrics.ts';
import { type Nodens, startNodens } from './support/nodens.ts';
import { eventually } from './support/wait.ts';

const QNAME = 'www.example.org';
const RELOADED = /\[INFO\] Reloading complete/g;

let upstreams: ScriptedUpstream[];

before(async () => {
  upstreams = await Promise.all([ScriptedUpstream.start(), ScriptedUpstream.start()]);
  for (const [index, upstream] of upstreams.entries()) {
    upstream.otherwise((exchange) => answer(`${exchange.query.qname} 60 A 192.0.2.${index + 1}`)(exchange));
  }
});
after(() => Promise.all(upstreams.map((upstream) => upstream.stop())));

/** A configuration that forwards to one of the two upstreams. */
function corefile(upstream: number, more = ''): string {
  return `.:{PORT} {
    bind 127.0.0.1
    errors
    cache 60
    prometheus 127.0.0.1:{METRICS}
    ${more}
    forward . ${upstreams[upstream].endpoint}
}
`;
}

async function addressOf(nodens: Nodens, qname = QNAME): Promise<string | undefined> {
  return (await askUdp(nodens, { qname })).answers[0]?.split(' ').at(-1);
}

function reloads(nodens: Nodens): number {
  return [...nodens.stdout().matchAll(RELOADED)].length;
}

const isRefused = (error: Error): boolean => error.message.includes('ECONNREFUSED');

describe('SIGUSR1', () => {
  test('takes the new configuration over, and no query is lost meanwhile', async () => {
    const nodens = await startNodens({ corefile: corefile(0) });
    const clients = startLoad(nodens);
    for (let round = 1; round <= 6; round++) {
      nodens.writeCorefile(corefile(round % 2));
      nodens.kill('SIGUSR1');
      await eventually(`reload ${round}`, () => reloads(nodens) === round);
      const before = clients.count();
      await eventually('more answers', () => clients.count() > before + 100);
    }
    assert.deepEqual(await clients.stop(), ['NOERROR']);
    assert.equal(await addressOf(nodens), '192.0.2.1');
    assert.match(nodens.stdout(), /\[INFO\] SIGUSR1: Reloading/);
    assert.equal((await nodens.stop()).code, 0);
  });

  test('the cache starts empty, the counters go on', async () => {
    const nodens = await startNodens({ corefile: corefile(0) });
    await addressOf(nodens, 'kept.example.org');
    nodens.writeCorefile(corefile(0));
    nodens.kill('SIGUSR1');
    await eventually('the reload', () => reloads(nodens) === 1);
    await addressOf(nodens, 'kept.example.org');
    assert.equal(upstreams[0].queries('kept.example.org'), 2);
    assert.equal((await scrape(nodens.ports.METRICS)).value('coredns_dns_requests_total', { proto: 'udp' }), 2);
    await nodens.stop();
  });

  test('what was in flight is answered', async () => {
    const slow = hold(answer('slow.example.org 60 A 192.0.2.9'));
    upstreams[0].on('slow.example.org', 'A', slow.behaviour);
    const nodens = await startNodens({ corefile: corefile(0) });
    const asked = [
      askUdp(nodens, { qname: 'slow.example.org' }),
      askTcp(nodens, { qname: 'slow.example.org', qtype: 'A' }),
    ];
    await eventually('the query', () => slow.held >= 1);
    nodens.writeCorefile(corefile(1));
    nodens.kill('SIGUSR1');
    await eventually('the reload', () => reloads(nodens) === 1);
    slow.release();
    for (const response of await Promise.all(asked))
      assert.equal(response.answers[0], 'slow.example.org 60 A 192.0.2.9');
    await nodens.stop();
  });

  test('a TCP connection lives on', async () => {
    const nodens = await startNodens({ corefile: corefile(0) });
    const client = await TcpClient.open(nodens);
    assert.equal((await client.ask({ qname: QNAME })).answers[0], `${QNAME} 60 A 192.0.2.1`);
    nodens.writeCorefile(corefile(1));
    nodens.kill('SIGUSR1');
    await eventually('the reload', () => reloads(nodens) === 1);
    assert.equal((await client.ask({ qname: QNAME })).answers[0], `${QNAME} 60 A 192.0.2.2`);
    client.close();
    await nodens.stop();
  });

  const broken = [
    { name: 'a syntax error', text: '.:{PORT} {\n    bind 127.0.0.1\n', error: /Corefile:\d+.*(brace|\}|end)/i },
    { name: 'an unknown directive', text: '.:{PORT} {\n    forwrad . 127.0.0.1\n}\n', error: /forwrad.*forward/ },
    { name: 'a bad argument', text: '.:{PORT} {\n    cache 0\n}\n', error: /Corefile:2: cache:/ },
    { name: 'no upstream', text: '.:{PORT} {\n    forward .\n}\n', error: /Corefile:2: forward:/ },
  ];
  for (const { name, text, error } of broken) {
    test(`${name}: the old configuration stays, and the reason is said`, async () => {
      const nodens = await startNodens({ corefile: corefile(0) });
      const clients = startLoad(nodens);
      nodens.writeCorefile(text);
      nodens.kill('SIGUSR1');
      const [line] = await nodens.untilOutput(/\[ERROR\] SIGUSR1: .*/);
      assert.match(line, error);
      assert.doesNotMatch(nodens.stdout() + nodens.stderr(), /\n {4}at /);
      assert.equal(await addressOf(nodens), '192.0.2.1');
      assert.deepEqual(await clients.stop(), ['NOERROR']);
      nodens.writeCorefile(corefile(1));
      nodens.kill('SIGUSR1');
      await eventually('the reload', () => reloads(nodens) === 1);
      assert.equal(await addressOf(nodens), '192.0.2.2');
      await nodens.stop();
    });
  }

  test('an address in use: the old configuration stays', async () => {
    const other = await startNodens({
      corefile: '.:{PORT} {\n bind 127.0.0.1\n whoami\n health 127.0.0.1:{HEALTH}\n}',
    });
    const nodens = await startNodens({ corefile: corefile(0), ports: { HEALTH: upstreams[0].port } });
    nodens.writeCorefile(corefile(1, 'prometheus 127.0.0.1:{HEALTH}').replace(/prometheus 127.0.0.1:{METRICS}\n/, ''));
    nodens.kill('SIGUSR1');
    await nodens.untilOutput(/\[ERROR\] SIGUSR1: .*(in use|EADDRINUSE)/i);
    assert.equal(await addressOf(nodens), '192.0.2.1');
    assert.ok((await scrape(nodens.ports.METRICS)).value('coredns_build_info'));
    await Promise.all([nodens.stop(), other.stop()]);
  });

  test('a block more, a block less', async () => {
    const nodens = await startNodens({ corefile: corefile(0) });
    const second = { address: '127.0.0.1', port: nodens.ports.PORT2 };
    nodens.writeCorefile(`${corefile(0)}\nexample.net:{PORT2} {\n    bind 127.0.0.1\n    whoami\n}\n`);
    nodens.kill('SIGUSR1');
    await eventually('the reload', () => reloads(nodens) === 1);
    assert.equal((await askUdp(second, { qname: 'a.example.net' })).rcode, 'NOERROR');
    nodens.writeCorefile(corefile(0));
    nodens.kill('SIGUSR1');
    await eventually('the reload', () => reloads(nodens) === 2);
    await eventually('the listener to close', () =>
      askTcp(second, { qname: 'a.example.net' }).then(() => false, isRefused),
    );
    assert.equal(await addressOf(nodens), '192.0.2.1');
    await nodens.stop();
  });
});

describe('the directive reload', () => {
  const watching = 'reload 2s 1s';

  test('sees a changed file by itself, counts failures, and tries a bad file once', async () => {
    const nodens = await startNodens({ corefile: corefile(0, watching) });
    await nodens.untilOutput(/\[INFO\] plugin\/reload: Running configuration SHA512 = [0-9a-f]{128}/);
    nodens.writeCorefile(corefile(1, `${watching}\n    cache 0`));
    await nodens.untilOutput(/\[ERROR\] plugin\/reload: Corefile changed but reload failed: .*cache/);
    assert.equal(await addressOf(nodens), '192.0.2.1');
    assert.equal((await scrape(nodens.ports.METRICS)).value('coredns_reload_failed_total'), 1);
    nodens.writeCorefile(corefile(1, watching));
    await eventually('the reload', () => reloads(nodens) === 1);
    assert.equal(await addressOf(nodens), '192.0.2.2');
    const samples = await scrape(nodens.ports.METRICS);
    assert.equal(samples.value('coredns_reload_failed_total'), 1);
    assert.equal(samples.value('coredns_reload_version_info', { hash: 'sha512' }), 1);
    await nodens.stop();
  });
});

describe('the end', { concurrency: 16 }, () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal}: what is in flight is answered, exit code 0`, async () => {
      const slow = hold(answer(`${signal}.example.org 60 A 192.0.2.9`));
      upstreams[0].on(`${signal}.example.org`, 'A', slow.behaviour);
      const nodens = await startNodens({ corefile: corefile(0) });
      const client = await TcpClient.open(nodens);
      const asked = [
        askUdp(nodens, { qname: `${signal}.example.org` }),
        client.ask({ qname: `${signal}.example.org` }),
      ];
      await eventually('the query', () => slow.held >= 1);
      await tick();
      nodens.kill(signal);
      await nodens.untilOutput(new RegExp(`\\[INFO\\] ${signal}: Shutting down`));
      slow.release();
      for (const response of await Promise.all(asked)) assert.equal(response.rcode, 'NOERROR');
      client.close();
      assert.deepEqual(await nodens.untilExit(), { code: 0, signal: null });
      assert.equal(nodens.stderr(), '');
    });
  }

  test('lameduck: not ready at once, answers and /health go on until it is over', async () => {
    const nodens = await startNodens({
      corefile: corefile(0, 'health 127.0.0.1:{HEALTH} {\n        lameduck 4s\n    }\n    ready 127.0.0.1:{READY}'),
    });
    const status = async (port: number, path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}/${path}`).catch(() => undefined);
      return response ? `${response.status} ${(await response.text()).trim()}` : 'closed';
    };
    await eventually('readiness', async () => (await status(nodens.ports.READY, 'ready')) === '200 OK');
    assert.equal(await status(nodens.ports.HEALTH, 'health'), '200 OK');
    const clients = startLoad(nodens);
    await eventually('some answers', () => clients.count() > 100);
    nodens.kill('SIGTERM');
    await nodens.untilOutput(/Going into lameduck mode for 4s/);
    assert.equal(await status(nodens.ports.READY, 'ready'), '503 Shutting down');
    assert.equal(await status(nodens.ports.HEALTH, 'health'), '200 OK');
    const before = clients.count();
    await eventually('answers while lame', () => clients.count() > before + 100);
    assert.deepEqual(await clients.stop(), ['NOERROR']);
    assert.deepEqual(await nodens.untilExit(), { code: 0, signal: null });
  });

  test('an upstream that never answers does not hold the end up', async () => {
    upstreams[0].on('never.example.org', 'A', () => undefined);
    const nodens = await startNodens({ corefile: corefile(0) });
    const client = await UdpClient.open(nodens);
    client.send({ qname: 'never.example.org' });
    await eventually('the query', () => upstreams[0].queries('never.example.org') > 0);
    nodens.kill('SIGTERM');
    assert.equal(readResponse(await client.receive()).rcode, 'SERVFAIL');
    assert.equal((await nodens.untilExit()).code, 0);
    client.close();
  });
});
