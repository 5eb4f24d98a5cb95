/** The test bed itself: whether the way of a query through it is the one of a real node, and whether nothing is left. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { missing } from '../support/programs.ts';
import { eventually } from '../support/wait.ts';
import { Cluster, clusterUnavailable } from './cluster.ts';
import { WHOAMI } from './dns-pod.ts';
import { DNSPERF_PROGRAMS, startDnsperf } from './dnsperf.ts';
import { namespaceOf, processesIn } from './host.ts';
import { PROXY_MODES } from './kube-proxy.ts';
import {
  conntrackCount,
  conntrackEntries,
  conntrackStatistics,
  flushConntrack,
  ipLink,
  iptablesRules,
  nftObjects,
} from './readers.ts';
import { startUdpLoad, UDP_LOAD_PROGRAMS } from './udp-load.ts';

// With one half each, that one server answers all of them by chance happens once in 2^39 runs.
const QUERIES = 40;
// A socket whose port is that of an earlier one shares its entry: of 40 ports out of 28,000, hardly ever more than two.
const ENTRIES_MIN = 30;

for (const proxy of PROXY_MODES) {
  test(`kube-proxy as ${proxy}: both DNS pods answer by the service IP, with an entry in conntrack for each query`, {
    skip: clusterUnavailable(proxy),
  }, async (t) => {
    const cluster = await Cluster.create(t, { proxy, ipv6: true });
    for (const host of [cluster.pods[0], cluster.node]) {
      for (const service of [cluster.serviceAddress, cluster.serviceAddress6, cluster.upstreamAddress]) {
        for (const protocol of ['+notcp', '+tcp']) {
          const what = `${host.name} ${service} ${protocol}`;
          await flushConntrack(cluster.node);
          const argv = Array.from({ length: QUERIES }, () => [`@${service}`, protocol, WHOAMI, 'TXT']).flat();
          const { text } = await cluster.dig(host, argv);
          const servers = [...text.matchAll(/TXT\s+"(dns-\d)"/g)].map(([, name]) => name);
          assert.equal(servers.length, QUERIES, what);
          assert.deepEqual([...new Set(servers)].sort(), ['dns-0', 'dns-1'], what);
          const count = await conntrackCount(cluster.node);
          assert.ok(count >= ENTRIES_MIN && count <= QUERIES, `${what}: ${count} entries`);
          const source = host === cluster.node ? cluster.node.addresses : host.addresses;
          const entries = await conntrackEntries(cluster.node, service.includes(':') ? ['-f', 'ipv6'] : []);
          const expected = `src=${source[service.includes(':') ? 6 : 4]} dst=${service} `;
          assert.ok(
            entries.every((entry) => entry.includes(expected)),
            `${what}: ${entries[0]}`,
          );
        }
      }
    }
  });
}

describe('the test bed', { skip: clusterUnavailable('nftables') }, () => {
  test('reads links, rules and statistics of a host', async (t) => {
    const cluster = await Cluster.create(t, { proxy: 'iptables-nft' });
    const link = await ipLink(cluster.node, 'pod0');
    assert.equal(link?.linkinfo?.info_kind, 'veth');
    assert.deepEqual(
      link?.addr_info.filter(({ family }) => family === 'inet').map(({ local }) => local),
      ['10.244.1.1'],
    );
    const objects = await nftObjects(cluster.node);
    assert.ok(objects.some(({ chain }) => chain?.name === 'KUBE-SERVICES'));
    assert.ok((await iptablesRules(cluster.node, 'nat')).some((rule) => rule.startsWith('-A KUBE-MARK-MASQ ')));
    assert.equal((await conntrackStatistics(cluster.node)).insert_failed, 0);
  });

  test('the iptables of the mode comes first on the node', async (t) => {
    const cluster = await Cluster.create(t, { proxy: 'iptables-legacy' });
    assert.match(await cluster.exec(cluster.node, ['iptables', '--version']), /legacy/);
    assert.match(await cluster.exec(cluster.node, ['ip6tables-save', '--version']), /legacy/);
  });

  test('nodens runs on the node, and the pods reach it there', async (t) => {
    const cluster = await Cluster.create(t, { proxy: 'nftables', pods: 2 });
    const corefile = '.:{PORT} {\n bind 10.244.1.1\n cache 30\n forward . 10.96.0.10\n}';
    const nodens = await cluster.nodens({ corefile });
    for (const pod of cluster.pods) {
      const { answer } = await cluster.dig(pod, ['@10.244.1.1', WHOAMI, 'TXT']);
      assert.match(answer.join(), /"dns-\d"/);
    }
    assert.equal((await nodens.stop()).code, 0);
    await assert.rejects(cluster.nodens({ corefile: '.:53 {\n nonsense\n}' }), /nodens does not serve: .*nonsense/s);
  });

  test('everything goes at the end, a program that was left running as well', async (t) => {
    const cluster = await Cluster.create(t, { proxy: 'nftables' });
    const hosts = [cluster.node, ...cluster.pods, ...cluster.dnsPods];
    const namespaces = hosts.map(({ pid }) => namespaceOf(pid));
    const left = cluster.pods[0].spawn(['sh', '-c', 'sleep 3000 & sleep 3000']);
    await eventually('both sleeps', () => processesIn(namespaces[1]).length >= 4);
    await cluster.close();
    assert.deepEqual(namespaces.flatMap(processesIn), []);
    await eventually('the end of the program', () => !left.running);
  });

  test('a bed that cannot be set up leaves nothing behind', async () => {
    const ends: (() => Promise<void>)[] = [];
    const owner = { after: (end: () => Promise<void>) => void ends.push(end) };
    const namespaces: (string | undefined)[] = [];
    // NSD takes no such port and ends; by then there are namespaces, links and rules.
    const failing = Cluster.create(owner, {
      proxy: 'nftables',
      dnsServerPort: Number.NaN,
      opened: (host) => void namespaces.push(namespaceOf(host.pid)),
    });
    await assert.rejects(failing, /nsd does not serve/);
    assert.equal(new Set(namespaces).size, 4);
    for (const end of ends) await end();
    assert.deepEqual(namespaces.flatMap(processesIn), []);
  });

  test('dnsperf says what came back', { skip: missing(...DNSPERF_PROGRAMS) }, async (t) => {
    const cluster = await Cluster.create(t, { proxy: 'nftables' });
    const whole = await startDnsperf(cluster.pods[0], { seconds: 0.5, rate: 200, clients: 2 }).finished();
    assert.ok(whole.sent > 20, whole.text);
    assert.deepEqual([whole.completed, whole.lost, whole.rcodes], [whole.sent, 0, { NOERROR: whole.sent }]);
    const cut = startDnsperf(cluster.pods[0], { seconds: 60, rate: 200, mode: 'tcp' });
    await eventually('connections', async () => (await conntrackEntries(cluster.node, ['-p', 'tcp'])).length > 0);
    const { sent, completed, lost, interrupted } = await cut.stop();
    assert.equal(completed + lost + interrupted, sent);
  });

  test('a load keeps account of every query', { skip: missing(...UDP_LOAD_PROGRAMS) }, async (t) => {
    const cluster = await Cluster.create(t, { proxy: 'nftables' });
    const load = await startUdpLoad(cluster.pods[0], { rate: 500, seconds: 60 });
    await eventually('answers', async () => (await conntrackCount(cluster.node)) > 100);
    await Promise.all(cluster.dnsServers.map((server) => server.stop()));
    const stoppedAtMs = performance.now();
    const before = await conntrackCount(cluster.node);
    await eventually('queries without an answer', async () => (await conntrackCount(cluster.node)) > before + 20);
    const result = await load.stop();
    assert.equal(result.sent, result.answered + result.lost);
    assert.ok(result.answered > 50 && result.lost > 10, JSON.stringify(result));
    assert.equal(result.lostAtMs.length, result.lost);
    assert.ok((result.lostAtMs.at(-1) ?? 0) > stoppedAtMs);
    assert.equal(
      result.periods.reduce((sum, { sent }) => sum + sent, 0),
      result.sent,
    );
    assert.deepEqual([result.unexpected, result.cached, result.failedSends], [0, 0, 0]);
  });
});
