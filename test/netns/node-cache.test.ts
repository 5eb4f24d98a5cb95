/** The manifest of node-cache with nothing but the image changed: its flags, its template, its ConfigMaps, on a real node. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { mountConfigMap } from '../support/config-map.ts';
import { readMetrics } from '../support/metrics.ts';
import { eventually } from '../support/wait.ts';
import { Cluster, clusterUnavailable } from './cluster.ts';
import { WHOAMI } from './dns-pod.ts';

const LINK_LOCAL = '169.254.20.10';
const CHANGED_MS = 30_000;

/** As cluster/addons/dns/nodelocaldns/nodelocaldns.yaml of Kubernetes has it. */
const MANIFEST = `__PILLAR__DNS__DOMAIN__:53 {
    errors
    cache {
            success 9984 30
            denial 9984 5
    }
    reload
    loop
    bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__
    forward . __PILLAR__CLUSTER__DNS__ {
            force_tcp
    }
    prometheus :9253
    health __PILLAR__LOCAL__DNS__:8080
    }
in-addr.arpa:53 {
    errors
    cache 30
    reload
    loop
    bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__
    forward . __PILLAR__CLUSTER__DNS__ {
            force_tcp
    }
    prometheus :9253
    }
.:53 {
    errors
    cache 30
    reload
    loop
    bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__
    forward . __PILLAR__UPSTREAM__SERVERS__
    prometheus :9253
    }
`;

const CLUSTER_COREFILE = `.:53 {
    kubernetes cluster.local in-addr.arpa ip6.arpa
    forward . /etc/resolv.conf
}
`;

test("node-cache's manifest with another image", { skip: clusterUnavailable('iptables-nft') }, async (t) => {
  const cluster = await Cluster.create(t, { proxy: 'iptables-nft' });
  const { node, pods, serviceAddress, upstreamAddress } = cluster;
  // What the manifest has its operator do with sed.
  const template = MANIFEST.replaceAll('__PILLAR__DNS__DOMAIN__', 'cluster.local')
    .replaceAll('__PILLAR__LOCAL__DNS__', LINK_LOCAL)
    .replaceAll('__PILLAR__DNS__SERVER__', serviceAddress);
  const mount = (name: string, keys: Record<string, string>) => mountConfigMap(join(node.directory, name), keys);
  const base = mount('coredns', { 'Corefile.base': template });
  const coredns = mount('coredns-upstream', { Corefile: CLUSTER_COREFILE });
  const nodens = await cluster.nodens({
    corefile: '',
    env: { KUBE_DNS_UPSTREAM_SERVICE_HOST: upstreamAddress },
    flags: [
      ...['-localip', `${LINK_LOCAL},${serviceAddress}`, '-upstreamsvc', 'kube-dns-upstream'],
      ...['-basecorefile', join(base.directory, 'Corefile.base'), '-corednscm', coredns.directory],
    ],
  });
  const [pod] = pods;
  const scrape = async (port: number) => {
    const program = `fetch('http://127.0.0.1:${port}/metrics').then((response) => response.text()).then(console.log)`;
    return readMetrics(await node.exec([process.execPath, '-e', program]));
  };
  for (const address of [LINK_LOCAL, serviceAddress]) {
    const { answer } = await cluster.dig(pod, [`@${address}`, WHOAMI, 'TXT']);
    assert.match(answer.join(), /"dns-\d"/);
    const rest = await cluster.dig(pod, [`@${address}`, 'www.example.org', 'A']);
    assert.match(rest.answer.join(), /192\.0\.2\.80/);
  }
  for (const port of [9253, 9353]) {
    const samples = await scrape(port);
    assert.equal(samples.value('coredns_nodecache_setup_errors_total'), 0);
    assert.equal(samples.value('nodens_node_address_held'), 2);
    for (const zone of ['cluster.local.', '.']) {
      // The probes of `loop` count as well.
      assert.ok((samples.value('coredns_dns_requests_total', { zone }) ?? 0) >= 2, samples.text);
    }
  }

  // An operator adds a stub domain to the cluster DNS, and the node asks it.
  coredns.update({ Corefile: `${CLUSTER_COREFILE}example.org:53 {\n    forward . 192.0.2.53\n}\n` });
  await eventually('the reload', () => nodens.stdout().includes('[INFO] Reloading complete'), CHANGED_MS);
  const { answer } = await cluster.dig(pod, ['www.example.org', 'A']);
  assert.match(answer.join(), /192\.0\.2\.80/);
  assert.equal((await scrape(9353)).value('coredns_dns_requests_total', { zone: 'example.org.' }), 1);
  assert.equal((await nodens.stop()).code, 0);
});
