import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAG_QR, FLAG_RA, FLAG_RD } from '../../wire/header.ts';
import { answering, outcomeOf, Rig } from './testing.ts';

const SOA = 'example.org. 60 SOA ns.example.org. root.example.org. 1 2 3 4 60';
const NXDOMAIN = { flags: FLAG_QR | FLAG_RD | FLAG_RA | 3, authority: [SOA] };

test('metrics: what is counted, and with which labels', async () => {
  const rig = new Rig('cache', {
    zones: ['example.org.', 'example.com.'],
    servers: ['dns://127.0.0.1:53', 'dns://:54'],
  });
  const server = 'dns://127.0.0.1:53';
  rig.upstream = (query) => outcomeOf(query, query.qname === 'a.example.org.' ? {} : NXDOMAIN);
  for (const [qname, times] of [
    ['a.example.org.', 4],
    ['b.example.org.', 2],
  ] as const) {
    for (let i = 0; i < times; i++) await rig.ask({ qname, server });
  }
  rig.upstream = answering({ question: 'x.example.org. A' });
  await rig.ask({ qname: 'c.example.org.', server });
  const end = 'view="",zones="example.org.,example.com."}';
  const labels = `{server="${server}",${end}`;
  const typed = (type: string, of = server) => `{server="${of}",type="${type}",${end}`;
  const want: [string, string, number | undefined][] = [
    ['coredns_cache_requests_total', labels, 7],
    ['coredns_cache_misses_total', labels, 3],
    ['coredns_cache_hits_total', typed('success'), 3],
    ['coredns_cache_hits_total', typed('denial'), 1],
    ['coredns_cache_drops_total', labels, 1],
    ['coredns_cache_prefetch_total', labels, 0],
    ['coredns_cache_served_stale_total', labels, 0],
    ['coredns_cache_evictions_total', typed('success'), 0],
    ['coredns_cache_entries', typed('success'), 1],
    ['coredns_cache_entries', typed('denial'), 1],
    ['coredns_cache_entries', typed('denial', 'dns://:54'), 1],
    ['nodens_cache_refused_total', labels, 0],
    ['nodens_cache_capacity_bytes', '', 256 * 1024],
    ['nodens_cache_bytes', '', rig.process.cacheStore.usedBytes],
  ];
  for (const [name, which, value] of want) assert.equal(await rig.metric(name, which), value, `${name} ${which}`);
  assert.ok(rig.process.cacheStore.usedBytes > 0);
});

test('Do better: eviction by SIEVE, counted, and entries stay right', async () => {
  const rig = new Rig('cache {\n success 1024\n}', { storeBytes: 1024 * 1024 });
  rig.upstream = (query) => outcomeOf(query, { answer: [`${query.qname} 60 A 192.0.2.1`] });
  await rig.ask({ qname: 'often.example.org.' });
  for (let i = 0; i < 1500; i++) {
    await rig.ask({ qname: `h${i}.example.org.` });
    await rig.ask({ qname: 'often.example.org.' });
  }
  assert.equal(rig.asked.length, 1501, 'what is asked for all the time is never evicted');
  assert.equal(await rig.metric('coredns_cache_entries', 'type="success"'), 1024);
  assert.equal(await rig.metric('coredns_cache_evictions_total', 'type="success"'), 1501 - 1024);
});

test('an answer that is too large for the cache is passed on, and counted', async () => {
  const rig = new Rig('cache', { storeBytes: 64 * 1024 });
  const answer = Array.from({ length: 100 }, (_, i) => `www.example.org. 60 A 192.0.2.${i}`);
  rig.upstream = answering({ answer });
  for (let i = 0; i < 2; i++) assert.equal((await rig.ask()).records.length, 100);
  assert.equal(rig.asked.length, 2);
  assert.equal(await rig.metric('nodens_cache_refused_total'), 2);
});

test('blocks share the memory but not the answers, and a reload gives it back', async () => {
  const rig = new Rig();
  const other = new Rig('cache', { beside: rig });
  await rig.ask();
  await other.ask();
  assert.equal(other.asked.length, 1);
  const { cacheStore } = rig.process;
  const both = cacheStore.usedBytes;
  await rig.block.stop();
  assert.equal(cacheStore.usedBytes, both / 2);
  assert.equal(await other.metric('coredns_cache_entries', 'type="success"'), 1);
  assert.equal((await other.ask()).source, 'cache');
  assert.equal(other.asked.length, 1);
  await rig.ask();
  assert.equal(cacheStore.usedBytes, both / 2, 'what comes in late is not stored');
});
