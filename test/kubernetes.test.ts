/** node-cache's flags, template and ConfigMaps, against a cluster DNS, stub domains' servers and the node's own resolver. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { answer } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { makeTemporaryDirectory } from './support/child.ts';
import { askUdp } from './support/client.ts';
import { type ConfigMapMount, mountConfigMap } from './support/config-map.ts';
import { scrape } from './support/metrics.ts';
import { launchNodens, type Nodens, runNodens, startNodens } from './support/nodens.ts';
import { freePort } from './support/ports.ts';
import { eventually } from './support/wait.ts';

/** Twice the interval of looks that need no notification, and some. */
const TAKEN_OVER_MS = 30_000;
const CLUSTER_ADDRESS = '127.0.0.2';
const QNAMES = {
  service: 'web.default.svc.cluster.local',
  corp: 'www.corp.example',
  some: 'www.some.corp',
  hosts: 'host.minikube.internal',
  rest: 'www.example.org',
};

/** Each answers with an address of its own, so that one sees who was asked. */
const ADDRESSES = { cluster: '192.0.2.1', stub: '192.0.2.2', node: '192.0.2.3' };
type Who = keyof typeof ADDRESSES;

let upstreams: Record<Who, ScriptedUpstream>;
before(async () => {
  const start = async (who: Who, address: string) => {
    const upstream = await ScriptedUpstream.start({ address });
    return upstream.otherwise((exchange) => answer(`${exchange.query.qname} 0 A ${ADDRESSES[who]}`)(exchange));
  };
  const [cluster, stub, node] = await Promise.all([
    start('cluster', CLUSTER_ADDRESS),
    start('stub', '127.0.0.3'),
    start('node', '127.0.0.4'),
  ]);
  upstreams = { cluster, stub, node };
});
after(() => Promise.all(Object.values(upstreams).map((upstream) => upstream.stop())));

type NodeCache = Nodens & {
  readonly template: ConfigMapMount;
  readonly kubeDns: ConfigMapMount;
  readonly cluster: ConfigMapMount;
  readonly metricsPort: number;
  /** Waits until the server answers the name. */
  untilAskedOf(who: Who, qname: string): Promise<void>;
  faults(): Promise<number | undefined>;
};

type Options = {
  readonly template?: string;
  readonly kubeDns?: Readonly<Record<string, string>>;
  readonly cluster?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  readonly env?: Record<string, string | undefined>;
};

/** As `addons/dns/nodelocaldns` of Kubernetes has it, on loopback, where the cluster DNS has another port than 53. */
function usualTemplate(): string {
  return `cluster.local:{PORT} {
    errors
    cache {
            success 9984 30
            denial 9984 5
    }
    reload
    loop
    bind __PILLAR__LOCAL__DNS__
    forward . __PILLAR__CLUSTER__DNS__:${upstreams.cluster.port} {
            force_tcp
    }
    prometheus 127.0.0.1:{METRICS}
    health 127.0.0.1:{HEALTH}
}
.:{PORT} {
    errors
    cache 30
    reload
    bind __PILLAR__LOCAL__DNS__
    forward . __PILLAR__UPSTREAM__SERVERS__ {
            force_tcp
    }
    prometheus 127.0.0.1:{METRICS}
}
`;
}

const usualCluster = `.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        fallthrough in-addr.arpa ip6.arpa
    }
    forward . /etc/resolv.conf
}
`;

const stubDomains = (domains: readonly string[]): Record<string, string> => ({
  stubDomains: JSON.stringify(
    Object.fromEntries(domains.map((domain) => [domain, [upstreams.stub.endpoint]])),
    null,
    1,
  ),
});
const upstreamNameservers = () => ({ upstreamNameservers: JSON.stringify([upstreams.node.endpoint]) });

async function openNodeCache(start: typeof startNodens, options: Options): Promise<NodeCache> {
  const directory = makeTemporaryDirectory('node-cache');
  const names = ['PORT', 'METRICS', 'HEALTH'] as const;
  const free = new Set<number>();
  while (free.size <= names.length) free.add(await freePort());
  const [PORT, METRICS, HEALTH, metricsPort] = free;
  const ports = { PORT, METRICS, HEALTH };
  const filled = names.reduce(
    (text, name) => text.replaceAll(`{${name}}`, String(ports[name])),
    options.template ?? usualTemplate(),
  );
  const template = mountConfigMap(join(directory, 'template'), { 'Corefile.base': filled });
  const kubeDns = mountConfigMap(join(directory, 'kube-dns'), { ...upstreamNameservers(), ...options.kubeDns });
  const cluster = mountConfigMap(join(directory, 'cluster'), options.cluster ?? { Corefile: usualCluster });
  const nodens = await start({
    corefile: '',
    ports,
    env: { KUBE_DNS_UPSTREAM_SERVICE_HOST: CLUSTER_ADDRESS, ...options.env },
    flags: [
      ...['-localip', '127.0.0.1', '-setupinterface=false', '-setupiptables=false', '-dns.port', `${PORT}`],
      ...['-basecorefile', join(template.directory, 'Corefile.base'), '-upstreamsvc', 'kube-dns-upstream'],
      ...['-kubednscm', kubeDns.directory, '-corednscm', cluster.directory],
      ...['-metrics-listen-address', `127.0.0.1:${metricsPort}`, ...(options.flags ?? [])],
    ],
  });
  return Object.assign(nodens, {
    template,
    kubeDns,
    cluster,
    metricsPort,
    async untilAskedOf(who: Who, qname: string) {
      const isAsked = async () => (await addressOf(nodens, qname)) === ADDRESSES[who];
      await withOutput(nodens, eventually(`${qname} to be asked of ${who}`, isAsked, TAKEN_OVER_MS));
    },
    faults: async () =>
      (await scrape(metricsPort)).value('coredns_nodecache_setup_errors_total', { errortype: 'configmap' }),
  });
}

async function addressOf(nodens: Nodens, qname: string): Promise<string | undefined> {
  const { rcode, answers } = await askUdp(nodens, { qname });
  return answers[0]?.split(' ').at(-1) ?? rcode;
}

async function untilSaid(nodens: NodeCache, text: string): Promise<void> {
  const isSaid = () => (nodens.stdout() + nodens.stderr()).includes(text);
  await withOutput(nodens, eventually(`"${text}" in the output`, isSaid, TAKEN_OVER_MS));
}

/** A failure without what the server has said would be hard to follow. */
async function withOutput(nodens: Nodens, waiting: Promise<unknown>): Promise<void> {
  await waiting.catch((cause) => {
    throw new Error(`${cause.message}; it has said:\n${nodens.stdout()}${nodens.stderr()}`, { cause });
  });
}

function timesSaid(nodens: NodeCache, text: string): number {
  return nodens.stdout().split(text).length - 1;
}

describe('what the Corefile is made of', { concurrency: 4 }, () => {
  test('each name is asked of those who know it, and -conf and the metrics show it', async () => {
    const nodens = await openNodeCache(startNodens, {
      kubeDns: stubDomains(['corp.example']),
      cluster: {
        Corefile: `${usualCluster.replace('errors', 'hosts {\n 10.0.0.1 host.minikube.internal\n fallthrough\n }')}
some.corp:53 {
    forward . 10.1.2.3
}
`,
      },
    });
    await nodens.untilAskedOf('cluster', QNAMES.service);
    await nodens.untilAskedOf('stub', QNAMES.corp);
    await nodens.untilAskedOf('cluster', QNAMES.some);
    await nodens.untilAskedOf('cluster', QNAMES.hosts);
    await nodens.untilAskedOf('node', QNAMES.rest);
    assert.ok(upstreams.cluster.received.every(({ qname, protocol }) => qname !== QNAMES.some || protocol === 'tcp'));
    const written = readFileSync(nodens.corefilePath, 'utf8');
    assert.match(written, /^cluster\.local:\d+ \{\n/);
    assert.doesNotMatch(written, /__PILLAR__/);
    assert.match(
      written,
      new RegExp(`\ncorp.example:${nodens.port} {\n    errors\n    cache 30\n    bind 127.0.0.1\n`),
    );
    await untilSaid(
      nodens,
      `Updated Corefile with 1 custom stubdomains and upstream servers ${upstreams.node.endpoint}`,
    );

    const own = await scrape(nodens.metricsPort);
    assert.equal(own.value('coredns_build_info'), 1);
    const types = ['iptables', 'iptables_lock', 'interface_add', 'interface_check', 'configmap'];
    for (const errortype of types) assert.equal(own.value('coredns_nodecache_setup_errors_total', { errortype }), 0);
    assert.equal(
      (await scrape(nodens.ports.METRICS)).value('coredns_nodecache_setup_errors_total', { errortype: 'configmap' }),
      0,
    );
    await nodens.stop();
  });

  test('-fallback cluster: the cluster DNS answers the rest', async () => {
    const template = usualTemplate().replace('SERVERS__', `SERVERS__:${upstreams.cluster.port}`);
    const nodens = await openNodeCache(startNodens, {
      template,
      kubeDns: { upstreamNameservers: '[]' },
      flags: ['-fallback', 'cluster'],
    });
    await nodens.untilAskedOf('cluster', QNAMES.rest);
    await nodens.stop();
  });

  test('a -conf that cannot be written is said once, and all is served', async () => {
    const conf = '/sys/nodens-test/Corefile';
    const nodens = await openNodeCache(startNodens, { flags: ['-conf', conf, '-reloadwithsignal'] });
    await untilSaid(nodens, `[INFO] The Corefile cannot be written to ${conf}: `);
    nodens.kubeDns.update({ ...upstreamNameservers(), ...stubDomains(['corp.example']) });
    await nodens.untilAskedOf('stub', QNAMES.corp);
    assert.equal(timesSaid(nodens, 'it is kept in memory'), 1);
    assert.ok(!existsSync(conf));
    await nodens.stop();
  });

  test('a port of the metrics that is taken: DNS goes on', async () => {
    const other = createServer().listen({ port: 0, host: '127.0.0.1' });
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const nodens = await openNodeCache(startNodens, { flags: ['-metrics-listen-address', `127.0.0.1:${port}`] });
    await untilSaid(nodens, `[ERROR] Failed to start metrics handler: listen tcp 127.0.0.1:${port}: `);
    await nodens.untilAskedOf('cluster', QNAMES.service);
    await nodens.stop();
    other.close();
    await once(other, 'close');
  });
});

describe('what changes while it runs', { concurrency: 4 }, () => {
  test('the ConfigMap kube-dns: swapped, broken, put right, emptied, taken away', async () => {
    const nodens = await openNodeCache(startNodens, {});
    const file = join(nodens.kubeDns.directory, 'stubDomains');
    await nodens.untilAskedOf('node', QNAMES.corp);
    nodens.kubeDns.update({ ...upstreamNameservers(), ...stubDomains(['corp.example']) });
    await nodens.untilAskedOf('stub', QNAMES.corp);
    assert.equal(await nodens.faults(), 0);

    const said = `[ERROR] ConfigMap kube-dns: ${file}:1: invalid JSON: `;
    nodens.kubeDns.update({ ...upstreamNameservers(), stubDomains: '{"corp.example": [}' });
    await untilSaid(nodens, said);
    await nodens.untilAskedOf('stub', QNAMES.corp);
    assert.equal(await nodens.faults(), 1);

    nodens.kubeDns.update({ ...upstreamNameservers(), stubDomains: '{"corp.example": []}' });
    await untilSaid(nodens, `${file}:1: stub domain "corp.example" has no servers; name one, or remove the domain`);
    await nodens.untilAskedOf('stub', QNAMES.corp);
    assert.equal(await nodens.faults(), 2);
    assert.equal(timesSaid(nodens, said), 1);

    nodens.kubeDns.update(upstreamNameservers());
    await nodens.untilAskedOf('node', QNAMES.corp);
    nodens.kubeDns.update({ ...upstreamNameservers(), ...stubDomains(['corp.example']) });
    await nodens.untilAskedOf('stub', QNAMES.corp);

    nodens.kubeDns.remove();
    await untilSaid(nodens, `[ERROR] ConfigMap kube-dns: cannot read "${nodens.kubeDns.directory}": no such file`);
    await nodens.untilAskedOf('stub', QNAMES.corp);
    await nodens.untilAskedOf('node', QNAMES.rest);
    await nodens.stop();
  });

  test('the Corefile of the cluster DNS: a stub domain that an operator adds there, and its ConfigMap deleted', async () => {
    const nodens = await openNodeCache(startNodens, {});
    await nodens.untilAskedOf('node', QNAMES.some);
    nodens.cluster.update({ Corefile: `${usualCluster}some.corp:53 {\n    forward . 10.1.2.3\n}\n` });
    await nodens.untilAskedOf('cluster', QNAMES.some);
    nodens.cluster.update({ Corefile: `${usualCluster}some.corp:53 {\n` });
    await untilSaid(nodens, `[ERROR] ConfigMap of the cluster DNS: ${nodens.cluster.directory}/Corefile:`);
    nodens.cluster.update({});
    await untilSaid(nodens, `there is no Corefile in "${nodens.cluster.directory}"; what was read last stays in force`);
    await nodens.untilAskedOf('cluster', QNAMES.some);
    await nodens.stop();
  });

  test('the template: a variable that nobody knows leaves the last good one', async () => {
    const nodens = await openNodeCache(startNodens, {});
    const base = join(nodens.template.directory, 'Corefile.base');
    const good = readFileSync(base, 'utf8');
    const written = readFileSync(nodens.corefilePath, 'utf8');
    nodens.template.update({ 'Corefile.base': good.replace('cluster.local', '__PILLAR__DNS__DOMAIN__') });
    await untilSaid(
      nodens,
      `[ERROR] ${base}:1: __PILLAR__DNS__DOMAIN__ is left unresolved: nodens does not know it; whoever deploys the template must replace it; the last good configuration stays`,
    );
    await nodens.untilAskedOf('cluster', QNAMES.service);
    assert.equal(await nodens.faults(), 1);
    nodens.template.update({ 'Corefile.base': good.replace('cache 30', 'cache 0') });
    await untilSaid(nodens, `[ERROR] ${base}:18: cache: TTL must be `);
    assert.equal(await nodens.faults(), 2);
    assert.equal(readFileSync(nodens.corefilePath, 'utf8'), written);
    nodens.template.update({ 'Corefile.base': good.replaceAll('errors', 'errors\n    log') });
    await untilSaid(nodens, '[INFO] Reloading complete');
    await nodens.untilAskedOf('cluster', QNAMES.service);
    await nodens.stop();
  });

  test('a ConfigMap that is at fault at the start is read as soon as it is right', async () => {
    const nodens = await openNodeCache(startNodens, { kubeDns: { stubDomains: 'no' } });
    await untilSaid(nodens, `[ERROR] ConfigMap kube-dns: ${nodens.kubeDns.directory}/stubDomains:1: invalid JSON: `);
    nodens.kubeDns.update({ ...upstreamNameservers(), ...stubDomains(['corp.example']) });
    await nodens.untilAskedOf('stub', QNAMES.corp);
    await nodens.stop();
  });
});

describe('seeds of trouble', { concurrency: 4 }, () => {
  test('a stub domain equal to a zone of the template, and one within the cluster domain', async () => {
    const nodens = await openNodeCache(startNodens, {
      kubeDns: stubDomains(['cluster.local', 'corp.cluster.local']),
    });
    const [map, base] = [`${nodens.kubeDns.directory}/stubDomains`, `${nodens.template.directory}/Corefile.base:1`];
    const advice = 'it is left out; remove it from the one or the other';
    await untilSaid(
      nodens,
      `[ERROR] ${map}:2: stub domain "cluster.local" is a zone of the template already (${base}); ${advice}`,
    );
    await untilSaid(
      nodens,
      `[WARNING] ${map}:5: stub domain "corp.cluster.local" lies within the zone "cluster.local." (${base}); its names are asked of ${upstreams.stub.endpoint} instead`,
    );
    await nodens.untilAskedOf('cluster', QNAMES.service);
    await nodens.untilAskedOf('stub', 'www.corp.cluster.local');
    await nodens.stop();
  });

  test('a cluster DNS that cannot be reached', async () => {
    const port = await freePort(CLUSTER_ADDRESS);
    const template = usualTemplate()
      .replace(`DNS__:${upstreams.cluster.port}`, `DNS__:${port}`)
      .replace('    loop\n', '');
    const nodens = await openNodeCache(startNodens, { template });
    assert.equal(await addressOf(nodens, QNAMES.service), 'SERVFAIL');
    const [line] = await nodens.untilOutput(/\[ERROR\] plugin\/errors: 2 web\.default.* A: .*/);
    assert.match(line, new RegExp(`${CLUSTER_ADDRESS}:${port}.*refused`));
    await nodens.untilAskedOf('node', QNAMES.rest);
    await nodens.stop();
  });

  test('no kube-dns-upstream Service', async () => {
    const nodens = await openNodeCache(launchNodens, { env: { KUBE_DNS_UPSTREAM_SERVICE_HOST: undefined } });
    assert.equal((await nodens.untilExit()).code, 1);
    assert.equal(
      nodens.stderr(),
      `${nodens.template.directory}/Corefile.base:10: __PILLAR__CLUSTER__DNS__ is left unresolved: the environment has no KUBE_DNS_UPSTREAM_SERVICE_HOST; create the Service "kube-dns-upstream" and start the pod again, or name another one with -upstreamsvc\n`,
    );
  });

  const refused = [
    {
      name: 'no template',
      args: ['-basecorefile', '/no/Corefile.base'],
      error: 'Failed to read node-cache coreFile /no/Corefile.base - no such file or directory\n',
    },
    {
      name: 'a bad address',
      args: ['-localip', '169.254.20.10,x'],
      error: '[FATAL] Error parsing flags - invalid localip specified - "x", Exiting\n',
    },
    {
      name: 'a bad fallback',
      args: ['-fallback', 'both'],
      error: '[FATAL] Error parsing flags - -fallback must be cluster or node, got "both", Exiting\n',
    },
  ];
  for (const { name, args, error } of refused) {
    test(name, async () => {
      const { code, stderr } = await runNodens([...args, '-metrics-listen-address=']);
      assert.deepEqual({ code, stderr }, { code: 1, stderr: error });
    });
  }
});
