import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CacheStore } from '../../cache/store.ts';
import { parseCorefile } from '../../corefile/parse.ts';
import { COREDNS_DIRECTIVES } from '../../directives/order.ts';
import { FakeProcess } from '../../directives/testing.ts';
import { Metrics } from '../../observe/metrics.ts';
import { RequestMetrics } from '../../observe/request-metrics.ts';
import { fakeLog, readExposition } from '../../observe/testing.ts';
import { Poller } from '../../sys/poller.ts';
import { nameToText } from '../../wire/name.ts';
import { configure } from '../configure.ts';
import { Load } from '../load.ts';
import type { BlockPlan, Plan } from './plan.ts';
import { ZONE_CELLS } from './plan.ts';
import { planFor } from './planning.ts';

/** The plans for the listeners of a Corefile, whose sockets for responder r are 100, 200, … + r. */
function planned(t: TestContext, corefile: string, count = 1) {
  const poller = new Poller((error) => assert.fail(String(error)));
  const configuration = {
    fingerprint: '',
    readFingerprint: async () => '',
    reload: async () => undefined,
  };
  const process = new FakeProcess({ cacheStore: new CacheStore(2 ** 20), poller, configuration });
  const parsing = { env: {}, defaultPort: 1053, directiveNames: COREDNS_DIRECTIVES };
  const { blocks } = parseCorefile(corefile, 'Corefile', parsing);
  const load = new Load(configure(blocks), '', process, fakeLog().log);
  t.after(async () => {
    await load.stop();
    poller.close();
  });
  const listeners = [...load.targets.values()].map((target, i) => {
    return { id: i + 1, target, fds: Array.from({ length: count }, (_, responder) => 100 * (i + 1) + responder) };
  });
  const metrics = new Metrics();
  return { metrics, process, ...planFor(count, listeners, new RequestMetrics(metrics)) };
}

/** `zone`, or `zone *` for those with hits outside the chain; by listener. */
function zonesOf({ listeners }: Plan): string[][] {
  return listeners.map(({ zones }) =>
    zones.map(({ name, block }) => `${nameToText(name, 0)}${block >= 0 ? ' *' : ''}`).sort(),
  );
}

const block = (zones: string, ...lines: string[]) => `${zones} {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;

const zoneCases = [
  { name: 'a block with a cache', corefile: block('.', 'cache', 'whoami'), want: [['. *']] },
  { name: 'a block without one', corefile: block('.', 'whoami'), want: [['.']] },
  { name: 'a block without anything', corefile: block('.'), want: [['.']] },
  {
    name: 'some blocks of each kind',
    corefile: block('example.org', 'cache', 'whoami') + block('.', 'whoami') + block('a.example.org', 'whoami'),
    want: [['.', 'a.example.org.', 'example.org. *']],
  },
  {
    name: 'several zones of one block',
    corefile: block('example.org example.net', 'cache', 'whoami'),
    want: [['example.net. *', 'example.org. *']],
  },
  {
    name: 'two listeners',
    corefile: block('example.org:1053 example.net:1054', 'cache', 'whoami') + block('.:1054', 'whoami'),
    want: [['example.org. *'], ['.', 'example.net. *']],
  },
  {
    name: 'a zone that the block has on another port, within one that it has here',
    corefile: block('org:1053 example.org:1054', 'cache', 'whoami'),
    want: [['example.org. *', 'org. *'], ['example.org. *']],
  },
  {
    name: 'the same, but here another block has it',
    corefile: block('org:1053 example.org:1054', 'cache', 'whoami') + block('example.org:1053', 'whoami'),
    want: [['example.org.', 'org. *'], ['example.org. *']],
  },
  { name: 'a log of all', corefile: block('.', 'log', 'cache', 'whoami'), want: [['.']] },
  { name: 'a log of denials', corefile: block('.', 'log {', 'class denial', '}', 'cache', 'whoami'), want: [['.']] },
  {
    name: 'a log of errors and more',
    corefile: block('.', 'log {', 'class error', '}', 'log example.org', 'cache', 'whoami'),
    want: [['.']],
  },
  { name: 'a log of errors', corefile: block('.', 'log {', 'class error', '}', 'cache', 'whoami'), want: [['. *']] },
  {
    name: 'all that allows hits',
    corefile: block('.', 'errors', 'bufsize', 'prometheus :9253', 'reload', 'loop', 'health :8080', 'cache', 'whoami'),
    want: [['. *']],
  },
];
for (const { name, corefile, want } of zoneCases) {
  test(`plan: ${name}`, (t) => {
    assert.deepEqual(zonesOf(planned(t, corefile).plans[0]), want);
  });
}

const DEFAULTS = {
  keepTtl: false,
  maxUdpPayloadBytes: 65_535,
  countsRequests: false,
  errorsInChain: false,
  aaaaInChain: [],
};
const ruleCases: { name: string; lines: string[]; want: Partial<BlockPlan> }[] = [
  { name: 'nothing said', lines: [], want: { stale: undefined } },
  { name: 'bufsize', lines: ['bufsize 1400'], want: { maxUdpPayloadBytes: 1400 } },
  { name: 'the first bufsize', lines: ['bufsize 1400', 'bufsize 512'], want: { maxUdpPayloadBytes: 1400 } },
  { name: 'prometheus', lines: ['prometheus :9253'], want: { countsRequests: true } },
  { name: 'errors', lines: ['errors'], want: {} },
  { name: 'dns64', lines: ['dns64'], want: { aaaaInChain: [6] } },
  { name: 'dns64 for all', lines: ['dns64 {', 'allow_ipv4', '}'], want: { aaaaInChain: [4, 6] } },
  { name: 'a log of errors', lines: ['log {', 'class error', '}'], want: { errorsInChain: true } },
];
for (const { name, lines, want } of ruleCases) {
  test(`plan: rules: ${name}`, (t) => {
    const [{ blocks }] = planned(t, block('.', ...lines, 'cache', 'whoami')).plans;
    const [{ stores, prefetch, stale, shufflesAddresses, ...rules }] = blocks;
    assert.deepEqual({ ...rules, ...(Object.hasOwn(want, 'stale') && { stale }) }, { ...DEFAULTS, ...want });
  });
}

test('plan: how the cache answers', (t) => {
  const lines = ['cache {', 'keepttl', 'prefetch 3 30s 20%', 'serve_stale 1h verify 0s 30', '}', 'whoami'];
  const [{ blocks }] = planned(t, block('.', ...lines)).plans;
  const [{ keepTtl, prefetch, stale, stores }] = blocks;
  assert.deepEqual(
    { keepTtl, prefetch, stale },
    {
      keepTtl: true,
      prefetch: { amount: 3, windowMs: 30_000, percent: 20 },
      stale: { verify: true, responseTtl: 30 },
    },
  );
  assert.deepEqual([stores.staleSeconds, stores.prefersPositive], [3600, false]);
  assert.notEqual(stores.success, stores.denial);
});

test('plan: each responder has its own sockets and tallies, and can be sent them', (t) => {
  const corefile = block('a.example.org:1053 b.example.org:1054', 'cache', 'whoami') + block('.:1053', 'whoami');
  const { plans, sinks } = planned(t, corefile, 3);
  assert.deepEqual(
    plans.map(({ listeners }) => listeners.map(({ id, fd }) => [id, fd])),
    [0, 1, 2].map((responder) => [
      [1, 100 + responder],
      [2, 200 + responder],
    ]),
  );
  assert.equal(new Set(plans.map(({ tallies }) => tallies)).size, 3);
  assert.equal(sinks.length, 2);
  for (const plan of plans) {
    assert.equal(plan.tallies.byteLength, 2 * ZONE_CELLS * Float64Array.BYTES_PER_ELEMENT);
    assert.deepEqual(structuredClone(plan), plan);
    const starts = plan.listeners
      .flatMap(({ zones }) => zones.filter((zone) => zone.block >= 0))
      .map((zone) => zone.tally);
    assert.deepEqual(starts.toSorted(), [0, ZONE_CELLS]);
  }
});

test('plan: no series is made before there is something to count', async (t) => {
  const { sinks, metrics, process } = planned(t, block('.', 'prometheus :9253', 'cache', 'whoami'));
  const seriesOf = async (of: Metrics) =>
    [...readExposition(await of.expose()).values.keys()].filter((key) =>
      /^coredns_(cache_(hits|requests)|dns)/.test(key),
    );
  assert.deepEqual([...(await seriesOf(metrics)), ...(await seriesOf(process.metrics))], []);
  sinks[0].counters().requests.inc();
  assert.equal((await seriesOf(process.metrics)).filter((key) => key.startsWith('coredns_cache_requests')).length, 1);
  assert.notEqual(sinks[0].requests(), undefined);
});
