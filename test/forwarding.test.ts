/** Upstreams that misbehave in every way, and what a client gets nevertheless. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  all,
  answer,
  closeAtOnce,
  closeMidMessage,
  drop,
  garbage,
  truncatedOverUdp,
  wrongId,
  wrongQuestion,
  wrongSource,
} from './peers/behaviours.ts';
import { type Behaviour, ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askTcp, askUdp, type Server } from './support/client.ts';
import { buildQuery, FLAGS } from './support/message.ts';
import { scrape } from './support/metrics.ts';
import { type Nodens, startNodens } from './support/nodens.ts';
import { freePort } from './support/ports.ts';
import { type Bench, DEADLINE_MS, GOOD, QNAME, startBench, withBench } from './support/upstream-bench.ts';
import { eventually } from './support/wait.ts';

describe('what goes up', () => {
  let bench: Bench;
  before(async () => {
    bench = await startBench([answer(GOOD)]);
  });
  after(() => bench?.stop());

  const queries = [
    { name: 'plain', parts: { qname: QNAME } },
    { name: 'no recursion', parts: { qname: QNAME, flags: 0 } },
    { name: 'AD and CD', parts: { qname: QNAME, flags: FLAGS.RD | FLAGS.AD | FLAGS.CD } },
    { name: 'capitals', parts: { qname: 'wWw.eXample.ORG' } },
    { name: 'EDNS with DO', parts: { qname: QNAME, edns: { udpPayloadBytes: 1400, flags: 0x8000 } } },
    {
      name: 'options of every kind',
      parts: {
        qname: QNAME,
        edns: { options: [3, 8, 10, 65001].map((code) => ({ code, data: Buffer.from('0001180001020300', 'hex') })) },
      },
    },
  ];
  for (const { name, parts } of queries) {
    test(`is what came in, but for the id: ${name}`, async () => {
      for (const ask of [askUdp, askTcp]) {
        const query = buildQuery(parts);
        const response = await ask(bench.nodens, query);
        const received = bench.upstreams[0].received.at(-1);
        assert.deepEqual(received?.bytes.subarray(2), query.subarray(2));
        assert.equal(response.id, query.readUInt16BE(0));
        assert.equal(received?.protocol, ask === askUdp ? 'udp' : 'tcp');
      }
    });
  }

  test('ids and source ports cannot be guessed', async () => {
    const earlier = bench.upstreams[0].received.length;
    for (let i = 0; i < 1200; i++) await askUdp(bench.nodens, { qname: QNAME, id: 1 });
    const queries = bench.upstreams[0].received.slice(earlier);
    const ids = new Set(queries.map(({ id }) => id));
    const ports = new Set(queries.map(({ sourcePort }) => sourcePort));
    assert.ok(ids.size >= 1150, `${ids.size} ids in 1200 queries`);
    assert.ok(ports.size >= 10, `${ports.size} source ports in 1200 queries`);
  });
});

describe('an upstream that does wrong', () => {
  let bad: ScriptedUpstream;
  let good: ScriptedUpstream;
  let nodens: Nodens;
  /** nodens with no other upstream than the bad one. */
  let alone: Server;

  before(async () => {
    [bad, good] = await Promise.all([ScriptedUpstream.start(), ScriptedUpstream.start()]);
    good.otherwise((exchange) => answer(`${exchange.query.qname} 60 A 192.0.2.1`)(exchange));
    nodens = await startNodens({
      corefile: `
.:{PORT} {
    bind 127.0.0.1
    forward . ${bad.endpoint} ${good.endpoint} {
        policy sequential
        max_fails 0
    }
}
.:{PORT2} {
    bind 127.0.0.1
    forward . ${bad.endpoint} {
        max_fails 0
    }
}
`,
    });
    alone = { address: nodens.address, port: nodens.ports.PORT2 };
  });
  after(() => Promise.all([nodens, bad, good].map((server) => server?.stop())));

  const lie = { answers: ['lie.example.org 60 A 203.0.113.66'] };
  const echo: Behaviour = ({ query, send }) => send(query.bytes);
  const wrongs = [
    { name: 'a wrong id', behaviour: wrongId(lie), asks: [askUdp, askTcp] },
    { name: 'a wrong question', behaviour: wrongQuestion(lie), asks: [askUdp, askTcp] },
    { name: 'a wrong source port', behaviour: wrongSource(lie), asks: [askUdp] },
    { name: 'the query itself', behaviour: echo, asks: [askUdp, askTcp] },
    { name: 'silence', behaviour: drop, asks: [askUdp, askTcp] },
    { name: 'garbage', behaviour: garbage, asks: [askUdp, askTcp] },
    { name: 'the end in the middle of a message', behaviour: closeMidMessage(lie), asks: [askTcp] },
    { name: 'the end at once', behaviour: closeAtOnce, asks: [askTcp] },
  ];
  describe('alone, and beside a good one', { concurrency: 32 }, () => {
    for (const [index, { name, behaviour, asks }] of wrongs.entries()) {
      for (const ask of asks) {
        const qname = `${ask.name}-${index}.example.org`.toLowerCase();

        test(`${name} (${ask.name}): another upstream answers`, async () => {
          bad.on(qname, 'A', behaviour);
          const response = await ask(nodens, { qname });
          assert.deepEqual([response.rcode, response.answers], ['NOERROR', [`${qname} 60 A 192.0.2.1`]]);
        });

        test(`${name} (${ask.name}): alone, SERVFAIL within the deadline`, async () => {
          bad.on(qname, 'A', behaviour);
          const response = await ask(alone, { qname }, DEADLINE_MS);
          assert.deepEqual([response.rcode, response.question, response.answers], ['SERVFAIL', `${qname} A IN`, []]);
        });
      }
    }
  });

  for (const [index, { name, behaviour, asks }] of wrongs.slice(0, 4).entries()) {
    for (const ask of asks) {
      test(`${name} (${ask.name}): the wait goes on for the right answer`, async () => {
        const qname = `${ask.name}-right-${index}.example.org`.toLowerCase();
        bad.on(qname, 'A', all(behaviour, answer(`${qname} 60 A 192.0.2.7`)));
        assert.deepEqual((await ask(alone, { qname })).answers, [`${qname} 60 A 192.0.2.7`]);
        assert.equal(bad.queries(qname), 1);
      });
    }
  }
});

describe('an upstream that is not there', { concurrency: 16 }, () => {
  test('nobody listens: another upstream answers, and one such alone gives SERVFAIL', async () => {
    const upstream = await ScriptedUpstream.start();
    upstream.on(QNAME, 'A', answer(GOOD));
    const closed = `127.0.0.1:${await freePort()}`;
    const nodens = await startNodens({
      corefile: `.:{PORT} {
    bind 127.0.0.1
    forward . ${closed} ${upstream.endpoint} {
        policy sequential
    }
}
.:{PORT2} {
    bind 127.0.0.1
    forward . ${closed}
}
`,
    });
    for (const ask of [askUdp, askTcp]) {
      assert.deepEqual((await ask(nodens, { qname: QNAME })).answers, [GOOD]);
      const alone: Server = { address: nodens.address, port: nodens.ports.PORT2 };
      assert.equal((await ask(alone, { qname: QNAME }, DEADLINE_MS)).rcode, 'SERVFAIL');
    }
    await nodens.stop();
    await upstream.stop();
  });

  test('a refusing upstream is not asked in a tight loop', () =>
    withBench([drop], undefined, async ({ nodens, upstreams }) => {
      await upstreams[0].stop();
      const cpuSeconds = async () => (await scrape(nodens.ports.METRICS)).value('process_cpu_seconds_total') ?? 0;
      const before = await cpuSeconds();
      assert.equal((await askUdp(nodens, { qname: QNAME }, DEADLINE_MS)).rcode, 'SERVFAIL');
      assert.ok((await cpuSeconds()) - before < 0.5);
    }));

  test('an upstream that comes back is used again', async () => {
    const port = await freePort();
    const first = await ScriptedUpstream.start({ port });
    first.on(QNAME, undefined, answer(GOOD));
    const nodens = await startNodens({ corefile: `.:{PORT} {\n bind 127.0.0.1\n forward . ${first.endpoint}\n}` });
    for (const ask of [askUdp, askTcp]) assert.deepEqual((await ask(nodens, { qname: QNAME })).answers, [GOOD]);
    await first.stop();
    assert.equal((await askUdp(nodens, { qname: QNAME }, DEADLINE_MS)).rcode, 'SERVFAIL');
    const second = await ScriptedUpstream.start({ port });
    second.on(QNAME, undefined, answer(GOOD));
    for (const ask of [askUdp, askTcp]) {
      const good = async () => (await ask(nodens, { qname: QNAME }).catch(() => undefined))?.rcode === 'NOERROR';
      await eventually('the upstream to be used again', good);
    }
    await nodens.stop();
    await second.stop();
  });
});

describe('truncated answers', () => {
  const addresses = Array.from({ length: 30 }, (_, i) => `${QNAME} 60 A 192.0.2.${i + 1}`);
  const truncating = truncatedOverUdp({ answers: addresses }, addresses.slice(0, 2));

  test('pass with TC and what they hold, without a retry', () =>
    withBench([truncating], undefined, async ({ nodens, upstreams }) => {
      const response = await askUdp(nodens, { qname: QNAME });
      assert.deepEqual([response.tc, response.answers.length], [true, 2]);
      assert.equal(upstreams[0].connectionCount, 0);
      const whole = await askTcp(nodens, { qname: QNAME });
      assert.deepEqual([whole.tc, whole.answers.length], [false, 30]);
    }));

  test('with prefer_udp are asked for again over TCP', () =>
    withBench([truncating], 'prefer_udp', async ({ nodens, upstreams }) => {
      const response = await askUdp(nodens, { qname: QNAME, edns: { udpPayloadBytes: 4096 } });
      assert.deepEqual([response.tc, response.answers.length], [false, 30]);
      assert.deepEqual(
        upstreams[0].received.filter(({ qname }) => qname === QNAME).map(({ protocol }) => protocol),
        ['udp', 'tcp'],
      );
    }));

  test('do not exist with force_tcp', () =>
    withBench([truncating], 'force_tcp', async ({ nodens, upstreams }) => {
      const response = await askUdp(nodens, { qname: QNAME, edns: { udpPayloadBytes: 4096 } });
      assert.deepEqual([response.tc, response.answers.length], [false, 30]);
      assert.deepEqual(
        upstreams[0].received.map(({ protocol }) => protocol),
        ['tcp'],
      );
    }));

  test('prefer_udp asks over UDP for clients of TCP as well', () =>
    withBench([answer(GOOD)], 'prefer_udp', async ({ nodens, upstreams }) => {
      assert.deepEqual((await askTcp(nodens, { qname: QNAME })).answers, [GOOD]);
      assert.deepEqual(
        upstreams[0].received.map(({ protocol }) => protocol),
        ['udp'],
      );
    }));

  test('an answer that the offered size does not hold becomes an empty one with TC', () => {
    const many = Array.from({ length: 200 }, (_, i) => `${QNAME} 60 A 198.51.100.${i}`);
    return withBench([answer(...many)], undefined, async ({ nodens }) => {
      const response = await askUdp(nodens, { qname: QNAME });
      assert.deepEqual([response.tc, response.rcode], [true, 'NOERROR']);
      assert.equal((await askTcp(nodens, { qname: QNAME })).answers.length, 200);
    });
  });
});
