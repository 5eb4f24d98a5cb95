/** Which hits responders answer, and which go through the chain because a directive or the query wants it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { answer, hold, inTurn, reply } from './peers/behaviours.ts';
import { type Behaviour, ScriptedUpstream } from './peers/scripted-upstream.ts';
import { TcpClient, UdpClient } from './support/client.ts';
import { buildQuery, type QueryParts, type Response } from './support/message.ts';
import { scrape } from './support/metrics.ts';
import { type Nodens, startNodens } from './support/nodens.ts';
import { resolverCpuMicroseconds } from './support/threads.ts';
import { eventually } from './support/wait.ts';

const QNAME = 'www.example.org';
const ROUNDS = 8;
const ROUND_QUERIES = 40;
/** A query that the resolver answers takes it 50 µs and more of CPU time; one that it does not see, none. */
const RESOLVED_MICROSECONDS = 10;
const EDE = 15; // RFC 8914
const STALE_ANSWER = 3;

let upstream: ScriptedUpstream;

before(async () => {
  upstream = await ScriptedUpstream.start();
  upstream
    .otherwise((exchange) => answer(`${exchange.query.qname} 300 A 192.0.2.1`)(exchange))
    .on('six.example.org', 'AAAA', answer('six.example.org 300 AAAA 2001:db8::1'))
    .on('servfail.example.org', 'A', reply({ rcode: 'SERVFAIL' }))
    .on('many.example.org', 'A', reply({ answers: addresses('many.example.org', 60) }))
    .on('huge.example.org', 'A', reply({ answers: addresses('huge.example.org', 255) }));
});
after(() => upstream.stop());

function addresses(qname: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${qname} 300 A 198.51.100.${i + 1}`);
}

type Context = { after(step: () => unknown): void };

async function start(t: Context, directives: string): Promise<Nodens> {
  const forward = `forward . ${upstream.endpoint} {\n force_tcp\n max_fails 0\n }`;
  const corefile = `.:{PORT} {\n bind 127.0.0.1\n ${directives}\n ${forward}\n}\n`;
  const nodens = await startNodens({ corefile, flags: ['-responders', '2'] });
  t.after(() => nodens.stop());
  return nodens;
}

/** Asks for the same again and again, and tells whether the resolver had a part in every round of that. */
async function answeredBy(nodens: Nodens, client: UdpClient | TcpClient, query: QueryParts) {
  await client.ask(buildQuery(query));
  for (let round = 1; round <= ROUNDS; round++) {
    const before = resolverCpuMicroseconds(nodens);
    for (let i = 0; i < ROUND_QUERIES; i++) await client.ask(buildQuery(query));
    const each = (resolverCpuMicroseconds(nodens) - before) / ROUND_QUERIES;
    // In some rounds it has other things to do.
    if (each < RESOLVED_MICROSECONDS) return { by: 'a responder', asked: 1 + round * ROUND_QUERIES };
  }
  return { by: 'the chain', asked: 1 + ROUNDS * ROUND_QUERIES };
}

describe('hits are answered by', { concurrency: 4 }, () => {
  type Case = readonly [query: Partial<QueryParts>, by: 'a responder' | 'the chain', what: string];
  const cookie = { options: [{ code: 10, data: Buffer.alloc(8) }] };
  const cases: Record<string, Case[]> = {
    cache: [
      [{}, 'a responder', 'a plain query'],
      [{ edns: { flags: 0x8000 } }, 'a responder', 'EDNS with DO'],
      [{ qname: 'WWW.Example.org' }, 'a responder', 'other letters'],
      [{ qname: 'many.example.org' }, 'a responder', 'an answer that must be cut'],
      [{ qname: 'servfail.example.org' }, 'a responder', 'a failure of the upstream'],
      [{ qname: 'huge.example.org', edns: { udpPayloadBytes: 4096 } }, 'the chain', 'more than 4096 bytes'],
      [{ qtype: 'DS' }, 'the chain', 'DS'],
      [{ qclass: 3 }, 'the chain', 'class CH'],
      [{ edns: cookie }, 'the chain', 'a cookie'],
    ],
    'prometheus 127.0.0.1:{METRICS}\n errors\n bufsize 1232\n debug\n loop\n cache\n rewrite name a.example b.example':
      [[{}, 'a responder', 'these look at no hit, or responders do it for them']],
    'cache {\n prefetch 5\n serve_stale\n keepttl\n }': [[{}, 'a responder', 'whatever the cache does']],
    'loadbalance\n cache': [[{ qname: 'many.example.org' }, 'a responder', 'it shuffles addresses itself']],
    'loadbalance {\n prefer 192.0.2.0/24\n }\n cache': [[{}, 'the chain', 'the order is that of networks']],
    'dns64\n cache': [[{ qname: 'six.example.org', qtype: 'AAAA' }, 'a responder', 'it is for clients over IPv6']],
    'dns64 {\n allow_ipv4\n }\n cache': [
      [{}, 'a responder', 'it is for AAAA alone'],
      [{ qname: 'six.example.org', qtype: 'AAAA' }, 'the chain', 'it must see whether there is one'],
    ],
    'any\n chaos\n local\n nsid\n cancel\n header {\n set ra\n }\n minimal\n hosts {\n fallthrough\n }\n cache': [
      [{}, 'a responder', 'these have to do with other queries, or with misses'],
    ],
    'acl {\n allow\n }\n cache': [[{}, 'the chain', 'not all clients may have what others may']],
    'cache 60 example.org': [
      [{}, 'a responder', 'a name that is kept'],
      [{ qname: 'www.example.net' }, 'the chain', 'a name that is not kept'],
    ],
    errors: [[{}, 'the chain', 'there are no hits']],
    'log\n cache': [[{}, 'the chain', 'every query is logged']],
    'log example.net\n cache': [[{}, 'the chain', 'queries of some zone are logged']],
    'log . {\n class denial error\n }\n cache': [[{}, 'the chain', 'some hits are logged']],
    'log . {\n class error\n }\n cache': [
      [{}, 'a responder', 'no hit is logged'],
      [{ qname: 'servfail.example.org' }, 'the chain', 'but errors are'],
    ],
  };
  for (const [directives, some] of Object.entries(cases)) {
    test(directives.replace(/\s+/g, ' '), async (t) => {
      const nodens = await start(t, directives);
      const client = await UdpClient.open(nodens);
      t.after(() => client.close());
      for (const [query, by, what] of some) {
        assert.equal((await answeredBy(nodens, client, { qname: QNAME, ...query })).by, by, what);
      }
    });
  }

  test('the chain over TCP', async (t) => {
    const nodens = await start(t, 'cache');
    const client = await TcpClient.open(nodens);
    t.after(() => client.close());
    assert.equal((await answeredBy(nodens, client, { qname: QNAME })).by, 'the chain');
  });
});

describe('log', () => {
  const lines = (nodens: Nodens) => nodens.stdout().split('[INFO] 127.0.0.1:').length - 1;

  test('prints a line for each hit', async (t) => {
    const nodens = await start(t, 'log\n cache');
    const client = await UdpClient.open(nodens);
    for (let i = 0; i < 50; i++) await client.ask({ qname: QNAME });
    await eventually('the lines', () => lines(nodens) === 50);
    client.close();
  });

  test('class error: prints a line for each cached error, and none for hits', async (t) => {
    const nodens = await start(t, 'log . {\n class error\n }\n cache');
    const client = await UdpClient.open(nodens);
    for (let i = 0; i < 20; i++) {
      assert.equal((await client.ask({ qname: QNAME })).rcode, 'NOERROR');
      assert.equal((await client.ask({ qname: 'servfail.example.org' })).rcode, 'SERVFAIL');
    }
    await eventually('the lines', () => lines(nodens) === 20);
    client.close();
  });
});

test('bufsize caps what a responder sends, and the size that it sends back', async (t) => {
  const nodens = await start(t, 'bufsize 700\n cache');
  const client = await UdpClient.open(nodens);
  t.after(() => client.close());
  for (let i = 0; i < 3; i++) {
    const response = await client.ask({ qname: 'many.example.org', edns: { udpPayloadBytes: 4096 } });
    assert.deepEqual([response.opt?.udpPayloadBytes, response.tc], [700, true]);
    assert.ok(response.bytes.length > 680 && response.bytes.length <= 700);
  }
});

describe('what is over, or soon will be', { concurrency: 4 }, () => {
  const A = (qname: string, last = 1) => `${qname} 60 A 192.0.2.${last}`;
  const extendedError = ({ opt }: Response) => opt?.options.find(({ code }) => code === EDE)?.data.readUInt16BE(0);

  /** A cache that keeps answers for a second, and holds one of this name that is over by now, while `then` is what comes next. */
  async function startStale(t: Context, qname: string, how: string, then: Behaviour) {
    upstream.on(qname, 'A', inTurn(answer(A(qname)), then));
    const options = `success 1024 1\n denial 1024 1\n serve_stale 1h ${how}`;
    const nodens = await start(t, `prometheus 127.0.0.1:{METRICS}\n cache {\n ${options}\n }`);
    const client = await UdpClient.open(nodens);
    t.after(() => client.close());
    await client.ask({ qname });
    await sleep(1_100);
    return { nodens, client, count: async (name: string) => (await scrape(nodens.ports.METRICS)).value(name) };
  }

  test('serve_stale immediate: by a responder, with one refresh for all', async (t) => {
    const qname = 'immediate.example.org';
    const slow = hold(answer(A(qname, 2)));
    const { nodens, client, count } = await startStale(t, qname, 'immediate 7s', slow.behaviour);
    const stale = await client.ask({ qname, edns: {} });
    assert.deepEqual([stale.answers[0], extendedError(stale)], [`${qname} 7 A 192.0.2.1`, STALE_ANSWER]);
    await eventually('the refresh', () => slow.held === 1);
    const { by, asked } = await answeredBy(nodens, client, { qname });
    assert.equal(by, 'a responder');
    const plain = await client.ask({ qname });
    assert.deepEqual([plain.answers[0], plain.opt], [`${qname} 7 A 192.0.2.1`, undefined]);
    assert.equal(slow.held, 1);
    assert.equal(await count('coredns_cache_served_stale_total'), asked + 2);
    assert.equal(await count('coredns_cache_prefetch_total'), 1);
    slow.release();
    await eventually('the fresh answer', async () => (await client.ask({ qname })).answers[0]?.endsWith('.2'));
  });

  test('serve_stale verify: through the chain; after a failure by a responder, until it is time to ask again', async (t) => {
    const qname = 'verify.example.org';
    const then = inTurn(reply({ rcode: 'SERVFAIL' }), answer(A(qname, 2)));
    const { nodens, client, count } = await startStale(t, qname, 'verify 0s 0 6s', then);
    const stale = await client.ask({ qname, edns: {} });
    assert.deepEqual([stale.answers[0], extendedError(stale)], [`${qname} 0 A 192.0.2.1`, STALE_ANSWER]);
    assert.equal(upstream.queries(qname), 2);
    const { by, asked } = await answeredBy(nodens, client, { qname });
    assert.equal(by, 'a responder');
    assert.equal(upstream.queries(qname), 2);
    assert.equal(await count('coredns_cache_served_stale_total'), asked + 1);
    await eventually('the fresh answer', async () => (await client.ask({ qname })).answers[0]?.endsWith('.2'));
    assert.equal(upstream.queries(qname), 3);
  });

  test('prefetch: a responder answers, and one query goes to the upstream', async (t) => {
    const qname = 'prefetch.example.org';
    const slow = hold(answer(A(qname, 2)));
    upstream.on(qname, 'A', inTurn(answer(A(qname)), slow.behaviour));
    const nodens = await start(t, 'prometheus 127.0.0.1:{METRICS}\n cache {\n success 1024 10\n prefetch 5 1m 90%\n }');
    const client = await UdpClient.open(nodens);
    t.after(() => client.close());
    await eventually('the refresh', async () => (await client.ask({ qname })) && slow.held === 1);
    const { by } = await answeredBy(nodens, client, { qname });
    assert.equal(by, 'a responder');
    assert.equal(upstream.queries(qname), 2);
    assert.equal((await scrape(nodens.ports.METRICS)).value('coredns_cache_prefetch_total'), 1);
    slow.release();
    await eventually('the new answer', async () => (await client.ask({ qname })).answers[0]?.endsWith('.2'));
    assert.equal(upstream.queries(qname), 2);
  });
});
