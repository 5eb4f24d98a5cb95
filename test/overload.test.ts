/** Bounds: what happens to clients beyond them, and to those within. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answer, hold } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askTcp, askUdp, TcpClient, UdpClient } from './support/client.ts';
import { readResponse } from './support/message.ts';
import { scrape } from './support/metrics.ts';
import { startNodens } from './support/nodens.ts';
import { eventually } from './support/wait.ts';

describe('-max-inflight', () => {
  test('misses beyond it get SERVFAIL at once and are counted; hits and equal questions are answered on', async (t) => {
    const upstream = await ScriptedUpstream.start();
    t.after(() => upstream.stop());
    const slow = hold(answer());
    upstream.otherwise(slow.behaviour).on('known.example.org', 'A', answer('known.example.org 60 A 192.0.2.1'));
    const nodens = await startNodens({
      corefile: `.:{PORT} {\n bind 127.0.0.1\n cache\n prometheus 127.0.0.1:{METRICS}\n forward . ${upstream.endpoint}\n}`,
      flags: ['-max-inflight=20'],
    });
    t.after(() => nodens.stop());
    await askUdp(nodens, { qname: 'known.example.org' });

    const client = await UdpClient.open(nodens);
    for (let id = 0; id < 20; id++) client.send({ qname: `n${id}.example.org`, id });
    await eventually('the table to be full', () => slow.held === 20);
    for (let i = 0; i < 5; i++)
      assert.equal((await askUdp(nodens, { qname: `over${i}.example.org` })).rcode, 'SERVFAIL');
    assert.equal((await askTcp(nodens, { qname: 'over.example.org' })).rcode, 'SERVFAIL');
    for (let i = 0; i < 5; i++) assert.equal((await askUdp(nodens, { qname: 'known.example.org' })).rcode, 'NOERROR');
    const samples = await scrape(nodens.ports.METRICS);
    assert.equal(samples.value('nodens_inflight_queries'), 20);
    assert.equal(samples.value('nodens_inflight_shed_total'), 6);

    slow.release();
    for (let id = 0; id < 20; id++) assert.equal(readResponse(await client.receive()).rcode, 'NOERROR');
    assert.equal((await askUdp(nodens, { qname: 'over0.example.org' })).rcode, 'NOERROR');
    assert.equal((await scrape(nodens.ports.METRICS)).value('nodens_inflight_queries'), 0);
    client.close();
  });
});

describe('-max-tcp-connections', () => {
  test('connections beyond it are closed and counted; those within go on, and a freed place is given again', async (t) => {
    const nodens = await startNodens({
      corefile: '.:{PORT} {\n bind 127.0.0.1\n prometheus 127.0.0.1:{METRICS}\n whoami\n}',
      flags: ['-max-tcp-connections=3'],
    });
    t.after(() => nodens.stop());
    const clients = await Promise.all([1, 2, 3].map(() => TcpClient.open(nodens)));
    for (const client of clients) assert.equal((await client.ask({ qname: 'a.example.org' })).rcode, 'NOERROR');
    const fourth = await TcpClient.open(nodens);
    await fourth.untilClosed();
    assert.equal((await scrape(nodens.ports.METRICS)).value('nodens_tcp_rejected_connections_total'), 1);
    for (const client of clients) assert.equal((await client.ask({ qname: 'a.example.org' })).rcode, 'NOERROR');
    clients[0].close();
    const again = async () =>
      (await askTcp(nodens, { qname: 'a.example.org' }).catch(() => undefined))?.rcode === 'NOERROR';
    await eventually('a free place', again);
    for (const client of clients) client.close();
  });
});

describe('-cache-bytes', () => {
  test('more names than fit: memory stays bounded, and what is asked often stays', async (t) => {
    const upstream = await ScriptedUpstream.start();
    t.after(() => upstream.stop());
    const text = 'x'.repeat(200);
    upstream.otherwise((exchange) => answer(`${exchange.query.qname} 3600 TXT ${text}`)(exchange));
    const nodens = await startNodens({
      corefile: `.:{PORT} {\n bind 127.0.0.1\n cache {\n success 100000\n }\n prometheus 127.0.0.1:{METRICS}\n forward . ${upstream.endpoint}\n}`,
      flags: ['-cache-bytes=1MiB'],
    });
    t.after(() => nodens.stop());
    const client = await UdpClient.open(nodens);
    for (let i = 0; i < 8_000; i++) {
      if (i % 20 === 0) await client.ask({ qname: 'often.example.org', qtype: 'TXT' });
      await client.ask({ qname: `n${i}.example.org`, qtype: 'TXT' });
    }
    client.close();
    const samples = await scrape(nodens.ports.METRICS);
    const bytes = samples.value('nodens_cache_bytes') ?? Number.NaN;
    assert.ok(bytes > 500_000 && bytes <= 1_048_576, `${bytes}`);
    assert.ok((samples.value('coredns_cache_evictions_total') ?? 0) > 1_000);
    assert.equal(upstream.queries('often.example.org'), 1);
  });
});
