import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../wire/testing/prng.ts';
import { TYPE_A, TYPE_AAAA } from '../wire/types.ts';
import { Metrics } from './metrics.ts';
import { RequestMetrics } from './request-metrics.ts';
import { RequestTally, TALLY_CELLS } from './request-tally.ts';
import { readExposition } from './testing.ts';

const SERVER = 'dns://127.0.0.1:53';
const ZONE = 'example.org.';
const START = 5;

/** The expositions of the same queries, counted here and by a tally. */
async function both(count: (tally: RequestTally, zone: ReturnType<RequestMetrics['zone']>) => void) {
  const [direct, added] = [new Metrics(), new Metrics()];
  const cells = new Float64Array(START + TALLY_CELLS + 5);
  count(new RequestTally(cells, START), new RequestMetrics(direct).zone(SERVER, ZONE));
  new RequestMetrics(added).zone(SERVER, ZONE).add(cells, START, 'cache');
  const outside = [...cells.subarray(0, START), ...cells.subarray(START + TALLY_CELLS)];
  assert.ok(
    outside.every((cell) => cell === 0),
    'it keeps within its cells',
  );
  return { direct: await direct.expose(), added: await added.expose() };
}

test('request tally: counts what the resolver counts', async () => {
  const prng = new Prng(11);
  const { direct, added } = await both((tally, zone) => {
    for (let i = 0; i < 2000; i++) {
      const family = prng.pick([4, 6] as const);
      const qtype = prng.below(3) > 0 ? prng.below(300) : prng.below(0x10000);
      const dnssecOk = prng.below(4) === 0;
      // The edges of buckets as well.
      const requestBytes = prng.pick([0, 1, 100, 101, prng.below(512)]);
      const responseBytes = prng.pick([0, 511, 512, 1023, 1024, 65_535, prng.below(5000)]);
      const rcode = prng.below(16);
      const seconds = prng.pick([0, 2 ** -13, 2 ** -10, 0.25, 8, 16, 1000]);
      tally.count(family, qtype, dnssecOk, requestBytes, rcode, responseBytes);
      tally.took(seconds, 1);
      const query = { ...{ server: SERVER, family, qtype, dnssecOk, requestBytes }, protocol: 'udp' as const };
      zone.count(query, rcode, 'cache', responseBytes, seconds);
    }
  });
  // Series stand in the order in which they were first needed.
  assert.deepEqual(added.split('\n').sort(), direct.split('\n').sort());
});

test('request tally: nothing is shown of what never happened', async () => {
  const { added } = await both((tally) => {
    tally.count(6, TYPE_AAAA, false, 40, 3, 80);
    tally.took(0.5, 1);
  });
  const { values } = readExposition(added);
  const shown = [...values.keys()].filter((key) => /^coredns_dns_(requests|responses|do_requests)_total/.test(key));
  const zone = `server="${SERVER}"`;
  assert.deepEqual(shown, [
    `coredns_dns_requests_total{family="2",proto="udp",${zone},type="AAAA",view="",zone="${ZONE}"}`,
    `coredns_dns_responses_total{plugin="cache",rcode="NXDOMAIN",${zone},view="",zone="${ZONE}"}`,
  ]);
});

test('request tally: several queries that took as long', async () => {
  const { direct, added } = await both((tally, zone) => {
    const query = {
      server: SERVER,
      protocol: 'udp',
      family: 4,
      qtype: TYPE_A,
      dnssecOk: true,
      requestBytes: 40,
    } as const;
    for (let i = 0; i < 3; i++) {
      tally.count(4, TYPE_A, true, 40, 0, 100);
      zone.count(query, 0, 'cache', 100, 0.25);
    }
    tally.took(0.25, 3);
  });
  assert.equal(added, direct);
});
