/** Hits and misses part at the responder: what keeps the resolver busy delays no hit, and no burst of hits is too large. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { answer, drop } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { UdpClient } from './support/client.ts';
import { buildQuery, readResponse } from './support/message.ts';
import { scrape } from './support/metrics.ts';
import { type Nodens, startNodens } from './support/nodens.ts';
import { eventually } from './support/wait.ts';

const HIT = 'known.example.org';
/** What responders leave to the resolver, who says NOTIMP by itself. */
const STATUS = { qname: HIT, flags: 2 << 11 };
/** Enough to have the resolver read and build for some tenths of a second, in which it does nothing else. */
const MANY_BLOCKS = 3_000;
/** Beyond the room of the ring, which is for some 3,600 of them. */
const BURST_QUERIES = 6_000;
/** For what may need several rounds to be seen. */
const ROUNDS_TIMEOUT_MS = 60_000;

function corefile(endpoint: string): string {
  return `.:{PORT} {\n bind 127.0.0.1\n cache\n prometheus 127.0.0.1:{METRICS}\n forward . ${endpoint}\n}\n`;
}

/** A server whose upstream answers HIT, which is cached, and is silent about everything else. */
async function start(t: { after(step: () => unknown): void }, responders: number) {
  const upstream = await ScriptedUpstream.start();
  t.after(() => upstream.stop());
  upstream.otherwise(drop).on(HIT, 'A', answer(`${HIT} 3600 A 192.0.2.1`));
  const nodens = await startNodens({ corefile: corefile(upstream.endpoint), flags: ['-responders', `${responders}`] });
  t.after(() => nodens.stop('SIGKILL')); // Without waiting for what is still asked.
  const client = await UdpClient.open(nodens);
  t.after(() => client.close());
  assert.equal((await client.ask({ qname: HIT })).rcode, 'NOERROR');
  return { nodens, upstream, client };
}

async function openClients(t: { after(step: () => unknown): void }, nodens: Nodens, count: number) {
  const clients = await Promise.all(Array.from({ length: count }, () => UdpClient.open(nodens)));
  t.after(() => {
    for (const client of clients) client.close();
  });
  return clients;
}

for (const responders of [1, 2]) {
  describe(`${responders} responders`, () => {
    test('a flood of misses at a silent upstream: every hit is answered meanwhile', async (t) => {
      const { nodens, upstream, client } = await start(t, responders);
      const clients = await openClients(t, nodens, 4);
      for (let i = 0; i < 3_000; i++) {
        clients[i % clients.length].send({ qname: `n${i}.example.org` });
        if (i % 10 === 0) assert.equal((await client.ask({ qname: HIT })).rcode, 'NOERROR');
      }
      await eventually('the misses at the upstream', () => upstream.received.length > 100);
      for (let i = 0; i < 100; i++) assert.equal((await client.ask({ qname: HIT })).rcode, 'NOERROR');
      assert.equal(upstream.queries(HIT), 1);
    });

    test('1,000 hits at once are all answered', async (t) => {
      const { nodens } = await start(t, responders);
      const clients = await openClients(t, nodens, 8);
      const each = 125;
      for (let id = 0; id < each; id++) for (const client of clients) client.send({ qname: HIT, id });
      for (const client of clients) {
        const ids = new Set<number>();
        for (let i = 0; i < each; i++) ids.add(readResponse(await client.receive()).id);
        assert.equal(ids.size, each);
      }
      const samples = await scrape(nodens.ports.METRICS);
      const lost = ['nodens_udp_receive_drops_total', 'nodens_udp_unsent_replies_total', 'nodens_ring_dropped_total'];
      assert.deepEqual(
        lost.map((name) => samples.value(name)),
        lost.map(() => 0),
      );
      assert.equal(samples.value('coredns_cache_hits_total', { type: 'success' }), 8 * each);
    });

    test('hits are answered while the resolver does something else', async (t) => {
      const { nodens, upstream, client } = await start(t, responders);
      const [other] = await openClients(t, nodens, 1);
      let reloads = 0;
      await eventually(
        'hits before the answer of the resolver',
        async () => {
          keepBusy(nodens, upstream.endpoint, ++reloads);
          await eventually('the reload', () => nodens.stdout().split('[INFO] Reloading\n').length > reloads);
          let isAnswered = false;
          other.send(STATUS);
          const status = other.receive().then(() => {
            isAnswered = true;
          });
          let hits = 0;
          while (!isAnswered) {
            assert.equal((await client.ask({ qname: HIT })).rcode, 'NOERROR');
            hits++;
          }
          await status;
          await eventually('its end', () => nodens.stdout().split('Reloading complete').length > reloads);
          return hits > 20;
        },
        ROUNDS_TIMEOUT_MS,
      );
    });
  });
}

test('what the ring has no room for is counted, and the server goes on', async (t) => {
  const { nodens, upstream, client } = await start(t, 1);
  const clients = await openClients(t, nodens, 4);
  const dropped = async () => (await scrape(nodens.ports.METRICS)).value('nodens_ring_dropped_total') ?? 0;
  const query = buildQuery(STATUS);
  assert.equal(await dropped(), 0);
  let reloads = 0;
  await eventually(
    'queries that the ring had no room for',
    async () => {
      keepBusy(nodens, upstream.endpoint, ++reloads);
      await eventually('the reload', () => nodens.stdout().split('[INFO] Reloading\n').length > reloads);
      for (let i = 0; i < BURST_QUERIES; i++) {
        clients[i % clients.length].send(query);
        if (i % 64 === 0) await tick();
      }
      await eventually('its end', () => nodens.stdout().split('Reloading complete').length > reloads);
      return (await dropped()) > 0;
    },
    ROUNDS_TIMEOUT_MS,
  );
  assert.equal((await client.ask({ qname: HIT })).rcode, 'NOERROR');
  assert.equal((await client.ask(STATUS)).rcode, 'NOTIMP');
  const samples = await scrape(nodens.ports.METRICS);
  assert.equal(samples.value('nodens_responder_restarts_total'), 0);
});

/** Has the resolver read a huge Corefile, each time another one. */
function keepBusy(nodens: Nodens, endpoint: string, round: number): void {
  const block = (i: number) => `b${round}-${i}.example.org:{PORT} {\n bind 127.0.0.1\n errors\n}\n`;
  nodens.writeCorefile(corefile(endpoint) + Array.from({ length: MANY_BLOCKS }, (_, i) => block(i)).join(''));
  nodens.kill('SIGUSR1');
}
