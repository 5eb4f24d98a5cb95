/** How `forward` uses its upstreams: connections, policies, health, and its options. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answer, drop, hold, inTurn, reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askUdp } from './support/client.ts';
import { FLAGS } from './support/message.ts';
import { scrape } from './support/metrics.ts';
import { startNodens } from './support/nodens.ts';
import { freePort } from './support/ports.ts';
import { DEADLINE_MS, GOOD, QNAME, startBench, withBench } from './support/upstream-bench.ts';
import { eventually } from './support/wait.ts';

describe('TCP connections to an upstream', () => {
  test('are few, and carry many queries at the same time', () => {
    const slow = hold(answer(GOOD));
    return withBench([slow.behaviour], 'force_tcp', async ({ nodens, upstreams }) => {
      const asked = Array.from({ length: 100 }, (_, id) => askUdp(nodens, { qname: QNAME, id }));
      await eventually('all queries to arrive', () => slow.held === 100);
      slow.release();
      const answers = await Promise.all(asked);
      assert.deepEqual([...new Set(answers.map(({ rcode }) => rcode))], ['NOERROR']);
      assert.ok(upstreams[0].connectionCount <= 4, `${upstreams[0].connectionCount} connections for 100 queries`);
    });
  });

  test('that the upstream has closed are replaced without a failure', () =>
    withBench([answer(GOOD)], 'force_tcp', async ({ nodens, upstreams }) => {
      for (let i = 0; i < 5; i++) {
        assert.deepEqual((await askUdp(nodens, { qname: QNAME })).answers, [GOOD]);
        upstreams[0].closeConnections();
      }
      assert.equal(upstreams[0].connectionCount, 5);
      const samples = await scrape(nodens.ports.METRICS);
      assert.equal(samples.value('coredns_proxy_healthcheck_failures_total') ?? 0, 0);
    }));

  test('do not storm an upstream that has lost them all', () => {
    const slow = hold(answer(GOOD));
    return withBench([inTurn(slow.behaviour)], 'force_tcp', async ({ nodens, upstreams }) => {
      const asked = Array.from({ length: 50 }, (_, id) => askUdp(nodens, { qname: QNAME, id }));
      await eventually('all queries to arrive', () => slow.held === 50);
      upstreams[0].closeConnections();
      slow.release();
      const answers = await Promise.all(asked);
      assert.ok(answers.every(({ rcode }) => rcode === 'NOERROR' || rcode === 'SERVFAIL'));
      assert.ok(upstreams[0].connectionCount <= 8, `${upstreams[0].connectionCount} connections`);
      assert.deepEqual((await askUdp(nodens, { qname: QNAME })).answers, [GOOD]);
    });
  });
});

describe('choosing an upstream', () => {
  async function spread(options: string, queries: number): Promise<number[]> {
    const bench = await startBench([answer(GOOD), answer(GOOD), answer(GOOD)], options);
    for (let i = 0; i < queries; i++) await askUdp(bench.nodens, { qname: QNAME });
    await bench.stop();
    return bench.upstreams.map((upstream) => upstream.queries(QNAME));
  }

  test('sequential: the first, as long as it answers', async () => {
    assert.deepEqual(await spread('policy sequential', 12), [12, 0, 0]);
  });
  test('round_robin: all equally', async () => {
    assert.deepEqual(await spread('policy round_robin', 12), [4, 4, 4]);
  });
  test('random: all', async () => {
    const counts = await spread('policy random', 60);
    assert.ok(
      counts.every((count) => count > 0),
      `${counts}`,
    );
  });
  test('random is the default', async () => {
    const counts = await spread('max_fails 2', 60);
    assert.ok(
      counts.every((count) => count > 0),
      `${counts}`,
    );
  });

  test('one that is down is left out, counted, and comes back', async () => {
    const port = await freePort();
    const good = await ScriptedUpstream.start();
    good.on(QNAME, undefined, answer(GOOD));
    const nodens = await startNodens({
      corefile: `.:{PORT} {
    bind 127.0.0.1
    prometheus 127.0.0.1:{METRICS}
    forward . 127.0.0.1:${port} ${good.endpoint} {
        policy sequential
        health_check 20ms
    }
}
`,
    });
    assert.deepEqual((await askUdp(nodens, { qname: QNAME })).answers, [GOOD]);
    const failures = async () =>
      (await scrape(nodens.ports.METRICS)).value('coredns_proxy_healthcheck_failures_total', {
        to: `127.0.0.1:${port}`,
      });
    await eventually('three failed health checks', async () => ((await failures()) ?? 0) >= 3);
    const back = await ScriptedUpstream.start({ port });
    back.on(QNAME, undefined, answer(`${QNAME} 60 A 192.0.2.2`));
    const answered = async () => (await askUdp(nodens, { qname: QNAME })).answers[0]?.endsWith('192.0.2.2');
    await eventually('the first upstream to be used again', answered);
    await nodens.stop();
    await Promise.all([good.stop(), back.stop()]);
  });

  test('a health check asks for `.` NS with RD', () =>
    withBench([drop], 'health_check 50ms', async ({ nodens, upstreams }) => {
      await askUdp(nodens, { qname: QNAME }, DEADLINE_MS);
      const probe = upstreams[0].received.find(({ qname }) => qname === '.');
      assert.deepEqual([probe?.qtype, probe?.flags, probe?.protocol], ['NS', FLAGS.RD, 'udp']);
    }));

  test('or for what it is told', () =>
    withBench([drop], 'health_check 50ms no_rec domain probe.example.org', async ({ nodens, upstreams }) => {
      await askUdp(nodens, { qname: QNAME }, DEADLINE_MS);
      const probe = upstreams[0].received.find(({ qname }) => qname === 'probe.example.org');
      assert.deepEqual([probe?.qtype, probe?.flags, probe?.protocol], ['NS', 0, 'udp']);
    }));
});

describe('options', () => {
  test('except: not forwarded, but FROM itself always is', async () => {
    const upstream = await ScriptedUpstream.start();
    const nodens = await startNodens({
      corefile: `.:{PORT} {
    bind 127.0.0.1
    forward example.org ${upstream.endpoint} {
        except internal.example.org example.org
    }
}
`,
    });
    const rcodes: Record<string, string> = {};
    for (const qname of ['example.org', 'a.internal.example.org', 'INTERNAL.example.org', 'example.com']) {
      rcodes[qname] = (await askUdp(nodens, { qname })).rcode;
    }
    await nodens.stop();
    await upstream.stop();
    assert.deepEqual(rcodes, {
      'example.org': 'NXDOMAIN',
      'a.internal.example.org': 'SERVFAIL',
      'INTERNAL.example.org': 'SERVFAIL',
      'example.com': 'SERVFAIL',
    });
  });

  test('max_concurrent: REFUSED beyond it, counted, and nobody is asked', () => {
    const slow = hold(answer(GOOD));
    return withBench([slow.behaviour], 'max_concurrent 2', async ({ nodens, upstreams }) => {
      const asked = [1, 2].map((id) => askUdp(nodens, { qname: QNAME, id }));
      await eventually('both to be in flight', () => slow.held === 2);
      assert.equal((await askUdp(nodens, { qname: QNAME })).rcode, 'REFUSED');
      slow.release();
      assert.deepEqual(
        (await Promise.all(asked)).map(({ rcode }) => rcode),
        ['NOERROR', 'NOERROR'],
      );
      assert.equal((await askUdp(nodens, { qname: QNAME })).rcode, 'NOERROR');
      assert.equal(upstreams[0].queries(QNAME), 3);
      assert.equal((await scrape(nodens.ports.METRICS)).value('coredns_forward_max_concurrent_rejects_total'), 1);
      assert.match(nodens.stdout(), /concurrent queries exceeded maximum 2/);
    });
  });

  test('failover: an rcode moves on to the next upstream, and the last one stands', async () => {
    const refusing = reply({ rcode: 'REFUSED' });
    await withBench([refusing, answer(GOOD)], 'policy sequential; failover REFUSED SERVFAIL', async ({ nodens }) => {
      assert.deepEqual((await askUdp(nodens, { qname: QNAME })).answers, [GOOD]);
    });
    await withBench(
      [refusing, reply({ rcode: 'SERVFAIL' })],
      'policy sequential; failover REFUSED SERVFAIL',
      async ({ nodens }) => {
        assert.equal((await askUdp(nodens, { qname: QNAME })).rcode, 'SERVFAIL');
      },
    );
  });

  test('next: an rcode moves on to the next forward of the block', async () => {
    const [first, second] = await Promise.all([ScriptedUpstream.start(), ScriptedUpstream.start()]);
    second.on(QNAME, undefined, answer(GOOD));
    const nodens = await startNodens({
      corefile: `.:{PORT} {
    bind 127.0.0.1
    forward . ${first.endpoint} {
        next NXDOMAIN
    }
    forward . ${second.endpoint}
}
`,
    });
    assert.deepEqual((await askUdp(nodens, { qname: QNAME })).answers, [GOOD]);
    assert.deepEqual([first.queries(QNAME), second.queries(QNAME)], [1, 1]);
    await nodens.stop();
    await Promise.all([first.stop(), second.stop()]);
  });

  test('nothing is left behind by a thousand queries to a silent upstream', () =>
    withBench([drop, answer(GOOD)], 'policy random; max_fails 0', async ({ nodens }) => {
      const asked = Array.from({ length: 300 }, (_, id) => askUdp(nodens, { qname: QNAME, id }, DEADLINE_MS));
      const rcodes = new Set((await Promise.all(asked)).map(({ rcode }) => rcode));
      assert.deepEqual([...rcodes], ['NOERROR']);
      const open = async () => ((await scrape(nodens.ports.METRICS)).value('process_open_fds') ?? 0) < 100;
      await eventually('the sockets to be given back', open);
    }));
});
