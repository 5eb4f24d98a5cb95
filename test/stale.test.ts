/** Answers past their time (RFC 8767) and answers renewed before it: `serve_stale` and `prefetch`. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { answer, drop, hold, inTurn, reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askUdp, type Server } from './support/client.ts';
import { scrape } from './support/metrics.ts';
import { type Nodens, startNodens } from './support/nodens.ts';
import { eventually } from './support/wait.ts';

const STALE_ANSWER = 3; // RFC 8914
const EDE = 15;
/** Long enough for an upstream that answers at once, on a busy machine. */
const VERIFY_MS = 2_000;
const SOA = 'example.org 60 SOA ns1.example.org hostmaster.example.org 1 60';

let upstream: ScriptedUpstream;
let nodens: Nodens;
let immediate: Server;
let verify: Server;
let prefetching: Server;

before(async () => {
  upstream = await ScriptedUpstream.start();
  const limits = 'success 1000 1\n denial 1000 1\n servfail 5s';
  nodens = await startNodens({
    corefile: `
.:{PORT} {
    bind 127.0.0.1
    prometheus 127.0.0.1:{METRICS}
    cache {
        ${limits}
        serve_stale 1h immediate
    }
    forward . ${upstream.endpoint}
}
.:{PORT2} {
    bind 127.0.0.1
    cache {
        ${limits}
        serve_stale 1h verify ${VERIFY_MS}ms
    }
    forward . ${upstream.endpoint}
}
.:{PORT3} {
    bind 127.0.0.1
    cache {
        success 1000 10
        prefetch 2 1m 90%
    }
    forward . ${upstream.endpoint}
}
`,
  });
  const { PORT2, PORT3 } = nodens.ports;
  [immediate, verify, prefetching] = [
    nodens,
    { address: '127.0.0.1', port: PORT2 },
    { address: '127.0.0.1', port: PORT3 },
  ];
});
after(async () => {
  await nodens?.stop();
  await upstream?.stop();
});

/** The extended error (RFC 8914) of a response's OPT record. */
function extendedError(response: Awaited<ReturnType<typeof askUdp>>): number | undefined {
  return response.opt?.options.find(({ code }) => code === EDE)?.data.readUInt16BE(0);
}

/** Each test uses names of its own, so that all wait at the same time for their entries to be over. */
describe('serve_stale', { concurrency: 16 }, () => {
  const A = (qname: string, last = 1) => `${qname} 60 A 192.0.2.${last}`;

  /** Has it cached, then waits until its second is over. */
  async function cacheAndExpire(server: Server, qname: string): Promise<void> {
    await askUdp(server, { qname });
    await sleep(2_100);
  }

  test('immediate: the old answer at once, with TTL 0 and EDE 3, and a query behind it', async () => {
    const qname = 'now.example.org';
    const slow = hold(answer(A(qname, 2)));
    upstream.on(qname, 'A', inTurn(answer(A(qname)), slow.behaviour));
    await cacheAndExpire(immediate, qname);
    const stale = await askUdp(immediate, { qname, edns: {} });
    assert.deepEqual([stale.answers, stale.aa, extendedError(stale)], [[`${qname} 0 A 192.0.2.1`], true, STALE_ANSWER]);
    await eventually('the query behind it', () => slow.held === 1);
    await askUdp(immediate, { qname });
    assert.equal(upstream.queries(qname), 2, 'one refresh at a time');
    slow.release();
    const fresh = async () => (await askUdp(immediate, { qname })).answers[0];
    await eventually('the fresh answer', async () => (await fresh()).endsWith('192.0.2.2'));
  });

  test('immediate: no OPT for those who sent none', async () => {
    const qname = 'plain.example.org';
    upstream.on(qname, 'A', inTurn(answer(A(qname)), drop));
    await cacheAndExpire(immediate, qname);
    const stale = await askUdp(immediate, { qname });
    assert.deepEqual([stale.answers, stale.opt], [[`${qname} 0 A 192.0.2.1`], undefined]);
  });

  test('immediate: a failed refresh does not hide the old answer, and is not repeated for each query', async () => {
    const qname = 'failed.example.org';
    upstream.on(qname, 'A', inTurn(answer(A(qname)), reply({ rcode: 'SERVFAIL' })));
    await cacheAndExpire(immediate, qname);
    for (let i = 0; i < 5; i++) {
      const stale = await askUdp(immediate, { qname });
      assert.deepEqual([stale.rcode, stale.answers], ['NOERROR', [`${qname} 0 A 192.0.2.1`]]);
      await eventually('the refresh', () => upstream.queries(qname) === 2);
    }
    assert.equal(upstream.queries(qname), 2);
  });

  test('immediate: a name that is gone is gone after the refresh', async () => {
    const qname = 'gone.example.org';
    upstream.on(qname, 'A', inTurn(answer(A(qname)), reply({ rcode: 'NXDOMAIN', authorities: [SOA] })));
    await cacheAndExpire(immediate, qname);
    assert.equal((await askUdp(immediate, { qname })).rcode, 'NOERROR');
    await eventually('NXDOMAIN', async () => (await askUdp(immediate, { qname })).rcode === 'NXDOMAIN');
  });

  test('immediate: a denial is served stale as well, and a name that appears is seen', async () => {
    const qname = 'new.example.org';
    upstream.on(qname, 'A', inTurn(reply({ rcode: 'NXDOMAIN', authorities: [SOA] }), answer(A(qname))));
    await cacheAndExpire(immediate, qname);
    assert.equal((await askUdp(immediate, { qname })).rcode, 'NXDOMAIN');
    await eventually('the answer', async () => (await askUdp(immediate, { qname })).rcode === 'NOERROR');
  });

  test('verify: the new answer, if it comes in time', async () => {
    const qname = 'verified.example.org';
    upstream.on(qname, 'A', inTurn(answer(A(qname)), answer(A(qname, 2))));
    await cacheAndExpire(verify, qname);
    const fresh = await askUdp(verify, { qname, edns: {} });
    assert.deepEqual([fresh.answers, extendedError(fresh)], [[`${qname} 1 A 192.0.2.2`], undefined]);
  });

  test('verify: the old one after the time-out, with EDE 3', async () => {
    const qname = 'silent.example.org';
    upstream.on(qname, 'A', inTurn(answer(A(qname)), drop));
    await cacheAndExpire(verify, qname);
    const stale = await askUdp(verify, { qname, edns: {} });
    assert.deepEqual([stale.answers, extendedError(stale)], [[`${qname} 0 A 192.0.2.1`], STALE_ANSWER]);
  });

  test('verify: the old one at once when the upstream fails', async () => {
    const qname = 'broken.example.org';
    upstream.on(qname, 'A', inTurn(answer(A(qname)), reply({ rcode: 'SERVFAIL' })));
    await cacheAndExpire(verify, qname);
    const stale = await askUdp(verify, { qname });
    assert.deepEqual([stale.rcode, stale.answers], ['NOERROR', [`${qname} 0 A 192.0.2.1`]]);
  });

  test('verify: an answer that comes too late is kept', async () => {
    const qname = 'late.example.org';
    const slow = hold(answer(A(qname, 2)));
    upstream.on(qname, 'A', inTurn(answer(A(qname)), slow.behaviour));
    await cacheAndExpire(verify, qname);
    assert.deepEqual((await askUdp(verify, { qname })).answers, [`${qname} 0 A 192.0.2.1`]);
    slow.release();
    await eventually('the late answer', async () => (await askUdp(verify, { qname })).answers[0].endsWith('192.0.2.2'));
  });
});

test('stale answers are counted', async () => {
  const samples = await scrape(nodens.ports.METRICS);
  const labels = { server: `dns://127.0.0.1:${nodens.port}`, zones: '.', view: '' };
  assert.ok((samples.value('coredns_cache_served_stale_total', labels) ?? 0) >= 5);
  assert.ok((samples.value('coredns_cache_prefetch_total', labels) ?? 0) >= 5);
});

describe('prefetch', { concurrency: 16 }, () => {
  test('asks again, once, for what is asked often and soon over; nobody waits for it', async () => {
    const qname = 'often.example.org';
    const slow = hold(answer(`${qname} 60 A 192.0.2.2`));
    upstream.on(qname, 'A', inTurn(answer(`${qname} 60 A 192.0.2.1`), slow.behaviour));
    await askUdp(prefetching, { qname });
    await eventually('the query behind a hit', async () => {
      const hit = await askUdp(prefetching, { qname });
      assert.equal(hit.answers[0].split(' ').at(-1), '192.0.2.1');
      return slow.held === 1;
    });
    for (let i = 0; i < 10; i++) await askUdp(prefetching, { qname });
    assert.equal(upstream.queries(qname), 2);
    assert.equal(upstream.received.findLast((query) => query.qname === qname)?.protocol, 'tcp');
    slow.release();
    const renewed = async () => (await askUdp(prefetching, { qname })).answers[0];
    assert.match(
      await eventually('the new answer', async () => (await renewed()).endsWith('.2') && (await renewed())),
      / (9|10) A/,
    );
  });

  test('leaves alone what is asked seldom', async () => {
    const qname = 'seldom.example.org';
    upstream.on(qname, 'A', answer(`${qname} 60 A 192.0.2.1`));
    await askUdp(prefetching, { qname });
    await sleep(1_100);
    await askUdp(prefetching, { qname });
    assert.equal(upstream.queries(qname), 1);
  });
});
