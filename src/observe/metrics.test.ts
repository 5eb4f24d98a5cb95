import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics, SIZE_BUCKETS, SLIM_BUCKETS, TIME_BUCKETS } from './metrics.ts';
import { addProcessMetrics } from './process-metrics.ts';
import { readExposition } from './testing.ts';

async function valuesOf(metrics: Metrics) {
  return Object.fromEntries(readExposition(await metrics.expose()).values);
}

test('a family without labels stands at 0 at once', async () => {
  const metrics = new Metrics();
  metrics.counter('a_total', 'A.');
  metrics.gauge('b', 'B.');
  metrics.histogram('c', 'C.', [], [1]);
  const want = { a_total: 0, b: 0, 'c_bucket{le="1"}': 0, 'c_bucket{le="+Inf"}': 0, c_sum: 0, c_count: 0 };
  assert.deepEqual(await valuesOf(metrics), want);
});

test('the same name is the same family, and the same labels the same series', async () => {
  const metrics = new Metrics();
  metrics.counter('a_total', 'A.', ['x', 'y']).labels('1', '2').inc();
  metrics.counter('a_total', 'A.', ['x', 'y']).labels('1', '2').inc(2);
  assert.deepEqual(await valuesOf(metrics), { 'a_total{x="1",y="2"}': 3 });
});

test('a name cannot be of two kinds', () => {
  const metrics = new Metrics();
  metrics.counter('a_total', 'A.');
  assert.throws(() => metrics.gauge('a_total', 'A.'), /already been registered/);
});

test('a wrong number of label values is an error', () => {
  const family = new Metrics().counter('a_total', 'A.', ['x', 'y']);
  assert.throws(() => family.labels('1'), { message: 'a_total has the labels {x,y}, got 1 values' });
});

test('labels are printed sorted and escaped', async () => {
  const metrics = new Metrics();
  metrics.gauge('a', 'A.', ['zone', 'server']).labels('a\\"\n.', 'dns://:53').set(1.5);
  assert.match(await metrics.expose(), /^a\{server="dns:\/\/:53",zone="a\\\\\\"\\n\."\} 1\.5$/m);
});

test('a histogram counts a value in the first bucket that is not below it', async () => {
  const metrics = new Metrics();
  const histogram = metrics.histogram('a', 'A.', ['x'], [0, 1, 2]).labels('1');
  for (const value of [0, 0.5, 1, 2, 2.5]) histogram.observe(value);
  assert.deepEqual(await valuesOf(metrics), {
    'a_bucket{le="0",x="1"}': 1,
    'a_bucket{le="1",x="1"}': 3,
    'a_bucket{le="2",x="1"}': 4,
    'a_bucket{le="+Inf",x="1"}': 5,
    'a_sum{x="1"}': 6,
    'a_count{x="1"}': 5,
  });
});

test('a removed series is gone, and starts at 0 when it is asked for again', async () => {
  const metrics = new Metrics();
  const family = metrics.counter('a_total', 'A.', ['x']);
  family.labels('1').inc();
  family.labels('2').inc();
  family.remove('1');
  assert.deepEqual(await valuesOf(metrics), { 'a_total{x="2"}': 1 });
  family.labels('1');
  assert.deepEqual(await valuesOf(metrics), { 'a_total{x="2"}': 1, 'a_total{x="1"}': 0 });
  family.reset();
  assert.deepEqual(await valuesOf(metrics), {});
});

test('sources add to what is counted here, each time anew, until they are taken away', async () => {
  const metrics = new Metrics();
  const counters = metrics.counter('a_total', 'A.', ['x']);
  const histograms = metrics.histogram('h', 'H.', [], [1]);
  counters.labels('1').inc(10);
  histograms.labels().observe(0.5);
  const removeSource = counters.addSource((labels) => {
    labels('1').inc(5);
    labels('2').inc(7);
  });
  counters.addSource((labels) => labels('2').inc());
  histograms.addSource((labels) => labels().add([2, 3, 9.5]));
  const all = { 'h_bucket{le="1"}': 3, 'h_bucket{le="+Inf"}': 6, h_sum: 10, h_count: 6 };
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(await valuesOf(metrics), { 'a_total{x="1"}': 15, 'a_total{x="2"}': 8, ...all });
  }
  removeSource();
  assert.deepEqual(await valuesOf(metrics), { 'a_total{x="1"}': 10, 'a_total{x="2"}': 1, ...all });
});

const bucketCases = [
  { name: 'time', buckets: TIME_BUCKETS, length: 16, first: 0.00025, last: 8.192 },
  { name: 'slim', buckets: SLIM_BUCKETS, length: 5, first: 0.00025, last: 2.5 },
  { name: 'size', buckets: SIZE_BUCKETS, length: 14, first: 0, last: 64000 },
];
for (const { name, buckets, length, first, last } of bucketCases) {
  test(`buckets: ${name}`, () => {
    assert.deepEqual([buckets.length, buckets[0], buckets.at(-1)], [length, first, last]);
  });
}

test('what every process exposes', async () => {
  const metrics = new Metrics();
  addProcessMetrics(metrics, { version: '1.2.3', revision: 'abc' });
  const { types, values } = readExposition(await metrics.expose());
  assert.equal(values.get(`coredns_build_info{goversion="${process.version}",revision="abc",version="1.2.3"}`), 1);
  assert.equal(values.get('coredns_panics_total'), 0);
  assert.equal(values.get('coredns_health_request_duration_seconds_count'), 0);
  for (const name of ['cpu_seconds_total', 'open_fds', 'max_fds', 'resident_memory_bytes', 'start_time_seconds']) {
    assert.ok((values.get(`process_${name}`) ?? 0) > 0, name);
  }
  assert.equal(types.get('process_cpu_seconds_total'), 'counter');
});
