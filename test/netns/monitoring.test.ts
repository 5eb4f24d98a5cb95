/** The manifest of `deploy/` on a node, asked as the kubelet and Prometheus ask; and whether rules and dashboard ask for what is there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { kustomize } from '../support/kustomize.ts';
import { find, specOf } from '../support/manifests.ts';
import { readMetrics, type Samples } from '../support/metrics.ts';
import { readQuery } from '../support/promql.ts';
import { Cluster, clusterUnavailable } from './cluster.ts';
import { WHOAMI } from './dns-pod.ts';
import { fetchOn, overlayOf, probe, startPod } from './overlay.ts';

const skip = clusterUnavailable('nftables');
const LINK_LOCAL = '169.254.20.10';
/** Prometheus puts them to what it scrapes: the PodMonitor's, and `up`. */
const TARGET_LABELS = ['job', 'node'];
const OF_PROMETHEUS = ['up'];
/** Grafana's, in the place of a duration. */
const INTERVALS = /\$__rate_interval/g;

type Asked = { readonly where: string; readonly expr: string; readonly texts: readonly string[] };

const monitoring = join(import.meta.dirname, '../../deploy/monitoring');

/** The alerts, with the texts that name labels. */
function alerts(): Asked[] {
  const { groups } = specOf<{
    groups: readonly {
      rules: readonly { alert: string; expr: string; annotations: Readonly<Record<string, string>> }[];
    }[];
  }>(find(kustomize(monitoring), 'PrometheusRule', 'node-local-dns'));
  return groups.flatMap(({ rules }) =>
    rules.map(({ alert, expr, annotations }) => ({ where: alert, expr, texts: Object.values(annotations) })),
  );
}

type Panel = {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
};

function panels(): Asked[] {
  const dashboard: { readonly panels: readonly Panel[] } = JSON.parse(
    readFileSync(join(monitoring, 'dashboard.json'), 'utf8'),
  );
  return dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({
      where: title,
      expr: expr.replaceAll(INTERVALS, '5m'),
      texts: [legendFormat],
    })),
  );
}

describe('the standard overlay on a node', { skip }, () => {
  let ends: (() => Promise<void>)[] = [];
  let cluster: Cluster;
  let byPort: Map<number, Samples>;
  const overlay = overlayOf('standard');
  const [set] = overlay.sets;

  before(async () => {
    cluster = await Cluster.create({ after: (end) => void ends.push(end) }, { proxy: 'nftables' });
    const { serviceAddress, pods } = cluster;
    const nodens = await startPod(cluster, overlay, set);
    ends = [async () => void (await nodens.stop()), ...ends];
    for (const address of [LINK_LOCAL, serviceAddress]) {
      assert.match((await cluster.dig(pods[0], [`@${address}`, WHOAMI, 'TXT'])).answer.join(), /"dns-\d"/);
    }
    await cluster.dig(pods[0], ['www.example.org', 'A']);
    const ports = [9253, 9353];
    byPort = new Map(
      await Promise.all(
        ports.map(
          async (port) => [port, readMetrics(await fetchOn(cluster, `http://127.0.0.1:${port}/metrics`))] as const,
        ),
      ),
    );
  });
  after(async () => {
    for (const end of ends) await end();
  });

  test('its probes find it well', async () => {
    assert.deepEqual(await probe(cluster, set), ['200 OK\n', '200 OK\n', '200 OK\n']);
  });

  test("the ports of the manifest and of node-cache's flag tell the same metrics", () => {
    const [first, second] = [...byPort.values()].map(({ text }) => text.match(/^# TYPE .*$/gm) ?? []);
    assert.deepEqual(first, second);
    assert.ok(first.length > 40);
  });

  for (const [kind, asked] of [
    ['alert', alerts()],
    ['panel', panels()],
  ] as const) {
    for (const [i, { where, expr, texts }] of asked.entries()) {
      test(`${kind} ${i + 1}, ${where}: its metrics and labels are there`, () => {
        const samples = byPort.get(9253);
        const { selectors, resultLabels } = readQuery(expr);
        assert.ok(selectors.length > 0);
        for (const { metric, labels, groupedBy } of selectors) {
          if (OF_PROMETHEUS.includes(metric)) continue;
          const present = samples?.labelNames(metric);
          assert.ok(present !== undefined, `there is no ${metric}`);
          const absent = [...labels, ...groupedBy].filter((label) => ![...TARGET_LABELS, ...present].includes(label));
          assert.deepEqual(absent, [], `${metric} has ${present}`);
        }
        const named = texts.flatMap((text) =>
          [...text.matchAll(/\{\{ ?(?:\$labels\.)?(\w+) ?\}\}/g)].map(([, label]) => label),
        );
        assert.deepEqual(
          named.filter((label) => !(resultLabels ?? TARGET_LABELS).includes(label)),
          [],
        );
      });
    }
  }
});

test('what is no PromQL is seen', () => {
  assert.throws(() => readQuery('sum by (node (rate(coredns_panics_total[5m]))'), /no PromQL/);
  const { selectors, resultLabels } = readQuery('sum by (node) (rate(a_total{job="x"}[5m])) / max by (node) (b)');
  assert.deepEqual(resultLabels, ['node']);
  assert.deepEqual(selectors, [
    { metric: 'a_total', labels: ['job'], groupedBy: ['node'] },
    { metric: 'b', labels: [], groupedBy: ['node'] },
  ]);
});
