/** Changing and ending what responders serve, while queries come in: none is lost. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answer, delayed } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askUdp, type Server, UdpClient } from './support/client.ts';
import { type LoadOptions, startLoad } from './support/load.ts';
import { readResponse } from './support/message.ts';
import { scrape } from './support/metrics.ts';
import { type Nodens, type NodensOptions, startNodens } from './support/nodens.ts';
import { eventually } from './support/wait.ts';

const HIT = 'known.example.org';
/** How long the upstream takes, so that misses are under way at any moment. */
const UPSTREAM_MS = 20;
/** Queries of which every tenth is a miss. */
const LOAD: LoadOptions = {
  protocols: ['udp', 'udp', 'udp', 'udp'],
  outstanding: 8,
  qname: (client, count) => (count % 10 === 0 ? `n${client}-${count}.example.org` : HIT),
};

let upstream: ScriptedUpstream;

before(async () => {
  upstream = await ScriptedUpstream.start();
  const any = delayed(UPSTREAM_MS, (exchange) => answer(`${exchange.query.qname} 60 A 192.0.2.1`)(exchange));
  upstream.otherwise(any);
});
after(() => upstream.stop());

function block(key: string, more = ''): string {
  return `${key} {\n bind 127.0.0.1 ::1\n cache\n ${more}\n forward . ${upstream.endpoint}\n}\n`;
}
const BASE = () => block('.:{PORT}', 'prometheus 127.0.0.1:{METRICS}');
const second = ({ ports }: Nodens): Server => ({ address: '::1', port: ports.PORT2 });

/** Has another Corefile read; gives a wait for the end of that. */
function startReload(nodens: Nodens, corefile: string): () => Promise<unknown> {
  const reloads = () => nodens.stdout().split('Reloading complete').length;
  const before = reloads();
  nodens.writeCorefile(corefile);
  nodens.kill('SIGUSR1');
  return () => eventually('the reload', () => reloads() > before);
}

/** While the process stands still, fills the sockets of a server with queries; gives a wait for all answers. */
async function fillQueues(server: Server, clientCount: number) {
  const clients = await Promise.all(Array.from({ length: clientCount }, () => UdpClient.open(server)));
  const each = 20;
  for (const [index, client] of clients.entries()) {
    for (let i = 0; i < each; i++) client.send({ qname: i % 4 === 0 ? `q${index}-${i}.example.org` : HIT });
  }
  return async () => {
    for (const client of clients) {
      for (let i = 0; i < each; i++) assert.equal(readResponse(await client.receive()).rcode, 'NOERROR');
      client.close();
    }
  };
}

for (const responders of [1, 2]) {
  const start = (options: Partial<NodensOptions> = {}) =>
    startNodens({ corefile: BASE(), flags: ['-responders', String(responders)], ...options });

  describe(`${responders} responders: no query is lost`, () => {
    test('by ten reloads, with a listener that comes and goes', async (t) => {
      const nodens = await start();
      t.after(() => nodens.stop());
      const load = startLoad(nodens, LOAD);
      for (let round = 1; round <= 10; round++) {
        await startReload(nodens, round % 2 === 0 ? BASE() : BASE() + block('.:{PORT2}'))();
        const before = load.count();
        await eventually('more answers', () => load.count() > before + 200);
      }
      assert.deepEqual(await load.stop(), ['NOERROR']);
      const samples = await scrape(nodens.ports.METRICS);
      assert.equal(samples.value('coredns_dns_responses_total', { rcode: 'NOERROR' }), load.count());
      assert.equal(samples.value('nodens_responder_restarts_total'), 0);
      assert.equal(samples.value('nodens_ring_dropped_total'), 0);
    });

    test('by the end of a listener: what waits in its sockets is answered', async (t) => {
      const nodens = await start();
      t.after(() => nodens.stop());
      for (let round = 0; round < 3; round++) {
        await startReload(nodens, BASE() + block('.:{PORT2}'))();
        await askUdp(second(nodens), { qname: HIT });
        const load = startLoad(nodens, LOAD);
        nodens.kill('SIGSTOP');
        const untilAnswered = await fillQueues(second(nodens), 8);
        const untilReloaded = startReload(nodens, BASE());
        nodens.kill('SIGCONT');
        await untilAnswered();
        await untilReloaded();
        assert.deepEqual(await load.stop(), ['NOERROR']);
      }
    });

    test('by SIGTERM: what waits in the sockets is answered', async () => {
      for (let round = 0; round < 3; round++) {
        const nodens = await start();
        await askUdp(nodens, { qname: HIT });
        nodens.kill('SIGSTOP');
        const untilAnswered = await fillQueues(nodens, 8);
        nodens.kill('SIGTERM');
        nodens.kill('SIGCONT');
        await untilAnswered();
        assert.deepEqual(await nodens.untilExit(), { code: 0, signal: null });
        assert.equal(nodens.stderr(), '');
      }
    });

    test('by SIGTERM, until the lame-duck time is over', async () => {
      const lameduck = 'health 127.0.0.1:{HEALTH} {\n lameduck 4s\n }';
      const nodens = await start({ corefile: block('.:{PORT}', lameduck) });
      const load = startLoad(nodens, LOAD);
      await eventually('some answers', () => load.count() > 100);
      nodens.kill('SIGTERM');
      await nodens.untilOutput(/Going into lameduck mode for 4s/);
      const before = load.count();
      await eventually('answers while lame', () => load.count() > before + 300);
      assert.deepEqual(await load.stop(), ['NOERROR']);
      assert.deepEqual(await nodens.untilExit(), { code: 0, signal: null });
    });

    test('by the end of one of two processes on one port', async (t) => {
      const corefile = block('.:{PORT}');
      let leaving = await start({ corefile });
      const { ports } = leaving;
      for (let round = 0; round < 2; round++) {
        const staying = await start({ corefile, ports });
        t.after(() => staying.stop());
        await staying.untilOutput(/on ::1/);
        const load = startLoad(staying, {
          ...LOAD,
          protocols: Array.from({ length: 16 }, () => 'udp'),
          outstanding: 2,
        });
        await eventually('some answers', () => load.count() > 200);
        leaving.kill('SIGTERM');
        assert.deepEqual(await leaving.untilExit(), { code: 0, signal: null });
        const before = load.count();
        await eventually('answers of the other one', () => load.count() > before + 200);
        assert.deepEqual(await load.stop(), ['NOERROR']);
        leaving = staying;
      }
    });
  });
}
