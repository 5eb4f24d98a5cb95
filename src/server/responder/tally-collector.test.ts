import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Memory } from '../../cache/layout.ts';
import { CacheStore } from '../../cache/store.ts';
import type { HitCounters } from '../../directives/contract.ts';
import { Counter, Metrics } from '../../observe/metrics.ts';
import { type CountedQuery, RequestMetrics } from '../../observe/request-metrics.ts';
import { DatagramBatch } from '../../sys/datagrams.ts';
import { Prng } from '../../wire/testing/prng.ts';
import { PlainQuery } from './plain-query.ts';
import { ZONE_CELLS } from './plan.ts';
import { HitTally } from './tally.ts';
import { TallyCollector } from './tally-collector.ts';
import { loopbackPair, receiveAll } from './testing/hits-rig.ts';
import { randomQuery, randomQuestion } from './testing/random-hits.ts';

const SERVER = 'dns://127.0.0.1:53';
const ZONES = ['example.org.', '.', 'never.example.org.'];
const QUERIES = 600;
/** Binary fractions, so that sums do not depend on their order. */
const DURATIONS = [0, 2 ** -16, 2 ** -12, 2 ** -6, 1, 16];

function newCounters(): HitCounters {
  return {
    requests: new Counter(),
    successHits: new Counter(),
    denialHits: new Counter(),
    servedStale: new Counter(),
  };
}

test('tally: what it counts and the collector brings is what the chain would have counted', async (t) => {
  const prng = new Prng(77);
  const pair = loopbackPair(t);
  const batch = new DatagramBatch();
  const query = new PlainQuery(new Memory(new CacheStore(64 * 1024).buffer));

  const [counted, brought] = [new Metrics(), new Metrics()];
  const [requests, zones] = [new RequestMetrics(counted), new RequestMetrics(brought)];
  const wanted = ZONES.map(newCounters);
  const got = ZONES.map(newCounters);
  const tallies = new SharedArrayBuffer(8 * ZONE_CELLS * ZONES.length);
  const cells = new Float64Array(tallies);
  const tally = ZONES.map((_, i) => new HitTally(cells, i * ZONE_CELLS, true));
  const sinks = ZONES.map((zone, i) => ({ counters: () => got[i], requests: () => zones.zone(SERVER, zone) }));
  const collector = new TallyCollector(tallies, sinks);

  for (let done = 0; done < QUERIES; ) {
    const batchSize = 1 + prng.below(20);
    const seconds = prng.pick(DURATIONS);
    const unsettled = new Set<HitTally>();
    for (let i = 0; i < batchSize; i++, done++) {
      const message = randomQuery(prng, randomQuestion(prng), true);
      receiveAll(batch, pair, [message]);
      query.read(batch, 0);
      const zone = prng.below(2);
      const [isDenial, isStale] = [prng.below(2) === 0, prng.below(3) === 0];
      const [rcode, bytes, family] = [prng.below(16), prng.below(70_000), prng.pick([4, 6] as const)];
      const isFirst = tally[zone].count(query, family, isDenial, isStale, rcode, bytes);
      assert.equal(isFirst, !unsettled.has(tally[zone]));
      unsettled.add(tally[zone]);

      const { qtype, dnssecOk } = query;
      const asked: CountedQuery = {
        ...{ server: SERVER, protocol: 'udp', family, qtype, dnssecOk },
        requestBytes: message.length,
      };
      requests.zone(SERVER, ZONES[zone]).count(asked, rcode, 'cache', bytes, seconds);
      wanted[zone].requests.inc();
      (isDenial ? wanted[zone].denialHits : wanted[zone].successHits).inc();
      if (isStale) wanted[zone].servedStale.inc();
    }
    for (const one of unsettled) one.settle(seconds);
    if (prng.below(4) === 0) collector.collect();
  }
  collector.collect();
  collector.collect();
  // Series stand in the order in which they were first needed.
  const linesOf = async (metrics: Metrics) => (await metrics.expose()).split('\n').sort();
  assert.deepEqual(await linesOf(brought), await linesOf(counted));
  assert.deepEqual(got, wanted);
  assert.doesNotMatch(await brought.expose(), /never\.example\.org/);
});

test('tally: without `prometheus` there are hits alone', async (t) => {
  const pair = loopbackPair(t);
  const batch = new DatagramBatch();
  const query = new PlainQuery(new Memory(new CacheStore(64 * 1024).buffer));
  receiveAll(batch, pair, [randomQuery(new Prng(1), { qname: 'example.org.', qtype: 1 }, true)]);
  query.read(batch, 0);
  const tallies = new SharedArrayBuffer(8 * ZONE_CELLS);
  const tally = new HitTally(new Float64Array(tallies), 0, false);
  const counters = newCounters();
  assert.equal(tally.count(query, 4, false, true, 0, 100), false);
  new TallyCollector(tallies, [{ counters: () => counters, requests: () => undefined }]).collect();
  const { requests, successHits, denialHits, servedStale } = counters;
  assert.deepEqual([requests.value, successHits.value, denialHits.value, servedStale.value], [1, 1, 0, 1]);
});
