/** The manifests of `deploy/`: against each other, against what nodens takes, and as kubectl builds them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { kubectlKustomize, kustomize, type Manifest, overlayDirectory } from './support/kustomize.ts';
import {
  argumentsOf,
  type Container,
  checkContainer,
  type DaemonSet,
  daemonSets,
  environmentOf,
  find,
  specOf,
} from './support/manifests.ts';

const root = join(import.meta.dirname, '..');
const LINK_LOCAL = '169.254.20.10';
const SERVICE = '10.96.0.10';
const TWO = ['NET_ADMIN', 'NET_BIND_SERVICE'];
const CLUSTER_SCOPED = ['SecurityContextConstraints'];
const HTTP_DIRECTIVES = new Map([
  ['/health', 'health'],
  ['/ready', 'ready'],
]);

/** What sets an overlay apart. */
type Overlay = {
  readonly name: string;
  readonly daemonSets: readonly string[];
  /** Addresses that its blocks listen on; of none: all. */
  readonly addresses: readonly string[];
  readonly capabilities: readonly string[];
  readonly user: number;
  readonly hostPaths: readonly string[];
};
const usual = { daemonSets: ['node-local-dns'], capabilities: TWO, user: 65532, hostPaths: [] };
const overlays: readonly Overlay[] = [
  { ...usual, name: 'standard', addresses: [LINK_LOCAL, SERVICE] },
  { ...usual, name: 'link-local', addresses: [LINK_LOCAL] },
  {
    ...usual,
    name: 'ha',
    addresses: [LINK_LOCAL, SERVICE],
    daemonSets: ['node-local-dns-first', 'node-local-dns-second'],
  },
  { ...usual, name: 'cilium', addresses: [], capabilities: ['NET_BIND_SERVICE'] },
  { ...usual, name: 'restricted', addresses: [LINK_LOCAL, SERVICE] },
  {
    ...usual,
    name: 'iptables-legacy',
    addresses: [LINK_LOCAL, SERVICE],
    capabilities: [...TWO, 'NET_RAW'],
    user: 0,
    hostPaths: ['/run/xtables.lock'],
  },
];

test('every overlay is looked at', () => {
  assert.deepEqual(readdirSync(join(root, 'deploy/overlays')).sort(), overlays.map(({ name }) => name).sort());
});

const sorted = (manifests: readonly Manifest[]) =>
  manifests.toSorted((a, b) => (`${a.kind} ${a.metadata.name}` < `${b.kind} ${b.metadata.name}` ? -1 : 1));

for (const overlay of overlays) {
  describe(overlay.name, () => {
    const directory = overlayDirectory(overlay.name);
    const manifests = kustomize(directory);
    const sets = daemonSets(manifests);

    test('kubectl builds the same', async (t) => {
      const built = await kubectlKustomize(directory);
      if (built === undefined) return t.diagnostic('no kubectl with kustomize 5 here: built by our own reader alone');
      assert.deepEqual(sorted(manifests), sorted(built));
    });

    test('has the objects that its pods need, in one namespace', () => {
      assert.deepEqual(
        sets.map(({ name }) => name),
        overlay.daemonSets,
      );
      const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      assert.equal(new Set(names).size, names.length, names.join());
      for (const { kind, metadata } of manifests) {
        assert.equal(metadata.namespace, CLUSTER_SCOPED.includes(kind) ? undefined : 'kube-system', kind);
      }
      for (const set of sets) checkReferences(set, manifests);
    });

    test('no more rights than needed', () => {
      for (const set of sets) checkRights(set, overlay);
    });

    test('runs on every node, before others, and says what it takes', () => {
      for (const { spec, pod, container } of sets) {
        assert.equal(pod.priorityClassName, 'system-node-critical');
        assert.equal(pod.dnsPolicy, 'Default');
        assert.equal(pod.enableServiceLinks, true);
        assert.deepEqual(spec.updateStrategy, { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%' } });
        assert.deepEqual(pod.tolerations.map(({ key, effect }) => key ?? effect).sort(), [
          'CriticalAddonsOnly',
          'NoExecute',
          'NoSchedule',
        ]);
        assert.deepEqual(Object.keys(container.resources.requests), ['cpu', 'memory']);
        assert.deepEqual(Object.keys(container.resources.limits), ['memory']);
        const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
        assert.equal(container.image, `nodens:${version}`);
      }
    });

    test('nodens takes its arguments and its Corefile, and serves where probes and monitoring look', async () => {
      for (const set of sets) {
        const { code, stdout, stderr } = await checkContainer(set, manifests);
        assert.deepEqual([code, stderr], [0, ''], `${stdout}`);
        checkPorts(set, stdout, overlay.addresses);
      }
    });

    test('no two pods of a node want the same port of the scheduler, or of HTTP', () => {
      const declared = sets.flatMap(({ container }) =>
        container.ports.map(({ protocol, containerPort }) => `${protocol} ${containerPort}`),
      );
      assert.equal(new Set(declared).size, declared.length);
      const http = sets.flatMap(({ container }) => httpPorts(container));
      assert.equal(new Set(http).size, http.length, http.join());
    });
  });
}

function checkReferences({ spec, pod, container }: DaemonSet, manifests: readonly Manifest[]): void {
  find(manifests, 'ServiceAccount', pod.serviceAccountName);
  for (const [name, value] of Object.entries(spec.selector.matchLabels)) {
    assert.equal(spec.template.metadata.labels[name], value);
  }
  const others = daemonSets(manifests).filter((other) => other.spec !== spec);
  for (const other of others) assert.notDeepEqual(other.spec.selector, spec.selector);
  // As node-cache's own manifest has it, so that this one takes its place.
  assert.equal(spec.selector.matchLabels['k8s-app'], 'node-local-dns');
  assert.deepEqual(container.volumeMounts.map(({ name }) => name).sort(), pod.volumes.map(({ name }) => name).sort());
  const upstream =
    argumentsOf(container)
      .find((arg) => arg.startsWith('-upstreamsvc='))
      ?.split('=')[1] ?? '';
  const service = specOf<{ selector: object; ports: { port: number; protocol: string }[] }>(
    find(manifests, 'Service', upstream),
  );
  assert.deepEqual(service.selector, { 'k8s-app': 'kube-dns' });
  assert.deepEqual(
    service.ports.map(({ port, protocol }) => `${port} ${protocol}`),
    ['53 UDP', '53 TCP'],
  );
}

function checkRights({ pod, container }: DaemonSet, { capabilities, user, hostPaths }: Overlay): void {
  const { securityContext } = container;
  assert.equal(securityContext.privileged, undefined);
  assert.equal(securityContext.allowPrivilegeEscalation, false);
  assert.equal(securityContext.readOnlyRootFilesystem, true);
  assert.deepEqual(securityContext.capabilities, { drop: ['ALL'], add: capabilities });
  assert.equal(pod.securityContext.runAsUser, user);
  assert.equal(pod.securityContext.runAsNonRoot, user === 0 ? undefined : true);
  assert.deepEqual(pod.securityContext.seccompProfile, { type: 'RuntimeDefault' });
  assert.deepEqual(
    pod.volumes.flatMap(({ hostPath }) => hostPath?.path ?? []),
    hostPaths,
  );
  for (const { name, readOnly } of container.volumeMounts) {
    const volume = pod.volumes.find((candidate) => candidate.name === name);
    assert.equal(readOnly ?? false, volume?.configMap !== undefined, `${name} is read-only if it is a ConfigMap`);
  }
  const written =
    argumentsOf(container)
      .find((arg) => arg.startsWith('-conf='))
      ?.split('=')[1] ?? '';
  const mount = container.volumeMounts.find(({ mountPath }) => written.startsWith(`${mountPath}/`));
  assert.notEqual(
    pod.volumes.find(({ name }) => name === mount?.name)?.emptyDir,
    undefined,
    `${written} can be written`,
  );
}

/** The ports of HTTP that the pod listens on. */
function httpPorts(container: Container): number[] {
  const { startupProbe, readinessProbe, livenessProbe, ports } = container;
  const probes = [startupProbe, readinessProbe, livenessProbe].map(({ httpGet }) => httpGet.port);
  const listen = argumentsOf(container).find((arg) => arg.startsWith('-metrics-listen-address='));
  const metrics = ports.filter(({ name }) => name === 'metrics').map(({ containerPort }) => containerPort);
  return [...new Set([...probes, ...metrics, Number(/\d+$/.exec(listen ?? '9353')?.[0])])];
}

/** The Corefile that is served listens where the manifest says. */
function checkPorts({ spec, pod, container }: DaemonSet, corefile: string, addresses: readonly string[]): void {
  const places = [...corefile.matchAll(/^ {4}bind (.*)$/gm)].map(([, bound]) => bound);
  const blocks = [...corefile.matchAll(/^\S+:53 \{$/gm)];
  assert.equal(blocks.length, 4, corefile);
  assert.deepEqual(places, addresses.length === 0 ? [] : blocks.map(() => addresses.join(' ')));
  for (const { httpGet } of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
    const directive = HTTP_DIRECTIVES.get(httpGet.path);
    assert.ok(
      corefile.includes(`    ${directive} ${httpGet.host ?? ''}:${httpGet.port}\n`),
      `${directive} in ${corefile}`,
    );
    assert.ok(httpGet.host === undefined ? !pod.hostNetwork : addresses.includes(httpGet.host), `host ${httpGet.host}`);
  }
  const metrics = container.ports.find(({ name }) => name === 'metrics')?.containerPort;
  assert.equal(corefile.match(new RegExp(`^ {4}prometheus :${metrics}$`, 'gm'))?.length, blocks.length);
  assert.equal(spec.template.metadata.annotations['prometheus.io/port'], String(metrics));
}

test('stub domains of kube-dns and zones of the cluster DNS are served as well', async () => {
  const manifests = kustomize(overlayDirectory('standard'));
  const configMaps = {
    'kube-dns': { stubDomains: '{"corp.example": ["10.1.2.3"]}', upstreamNameservers: '["192.0.2.53"]' },
    coredns: { Corefile: '.:53 {\n kubernetes cluster.local\n}\nlab.example:53 {\n forward . 10.9.9.9\n}\n' },
  };
  const { code, stdout, stderr } = await checkContainer(daemonSets(manifests)[0], manifests, configMaps);
  assert.equal(code, 0, stderr);
  // As node-cache says it, whose template of today asks them over UDP as well.
  assert.match(stderr, /^\/etc\/coredns\/Corefile\.base:\d+: Did not find TCP upstream block to replace, .*\n$/);
  assert.match(stdout, /^corp\.example\.:53 \{\n.*? {4}forward \. 10\.1\.2\.3\n/ms);
  assert.match(stdout, /^lab\.example\.:53 \{\n.*? {4}forward \. 10\.96\.77\.7 /ms);
  assert.match(stdout, /^\.:53 \{\n.*? {4}forward \. 192\.0\.2\.53\n/ms);
});

test('a cluster DNS whose ConfigMap has another name: the check says so, and the rest would be served', async () => {
  const manifests = kustomize(overlayDirectory('standard'));
  const { code, stdout, stderr } = await checkContainer(daemonSets(manifests)[0], manifests, {});
  assert.deepEqual([code, stdout.match(/^\S+ \{$/gm)?.length], [1, 4]);
  assert.match(stderr, /^ConfigMap of the cluster DNS: there is no Corefile in "\/etc\/coredns-upstream"; .*\n$/);
});

test('without a Service kube-dns one line says what is wrong', async () => {
  const manifests = kustomize(overlayDirectory('standard'));
  const [set] = daemonSets(manifests);
  const container = {
    ...set.container,
    args: set.container.args.map((arg) => arg.replace('KUBE_DNS_SERVICE', 'NO_SERVICE')),
  };
  const { code, stderr } = await checkContainer({ ...set, container }, manifests);
  assert.equal(code, 1);
  assert.equal(stderr, 'invalid localip specified - "$(NO_SERVICE_HOST)"\n');
});

const templates: readonly { readonly overlay: string; readonly like: (base: string) => string }[] = [
  { overlay: 'cilium', like: (base) => base.replaceAll(/^ {4}bind .*\n/gm, '').replaceAll(`${LINK_LOCAL}:`, ':') },
  {
    overlay: 'ha',
    like: (base) =>
      base.replace('8080', '{$HEALTH_PORT}').replace('8181', '{$READY_PORT}').replaceAll('9253', '{$METRICS_PORT}'),
  },
];
for (const { overlay, like } of templates) {
  test(`the Corefile of ${overlay} is that of the base but for its ports or addresses`, () => {
    const read = (path: string) => readFileSync(join(root, 'deploy', path, 'Corefile'), 'utf8').replace(/^#.*\n/, '');
    assert.equal(read(join('overlays', overlay)), like(read('base/shared')));
  });
}

test('cilium: its policy sends the queries for kube-dns to the ports of the pods', () => {
  const manifests = kustomize(overlayDirectory('cilium'));
  const { redirectFrontend, redirectBackend } = specOf<{
    redirectFrontend: object;
    redirectBackend: {
      localEndpointSelector: object;
      toPorts: readonly { name: string; port: string; protocol: string }[];
    };
  }>(find(manifests, 'CiliumLocalRedirectPolicy', 'node-local-dns'));
  const [{ spec, pod, container }] = daemonSets(manifests);
  assert.deepEqual(redirectFrontend, { serviceMatcher: { serviceName: 'kube-dns', namespace: 'kube-system' } });
  assert.deepEqual(redirectBackend.localEndpointSelector, spec.selector);
  assert.equal(pod.hostNetwork, undefined);
  for (const { name, port, protocol } of redirectBackend.toPorts) {
    assert.deepEqual(
      container.ports.find((candidate) => candidate.name === name),
      { name, containerPort: Number(port), protocol },
    );
  }
});

test('restricted: its constraints admit its pods, and its role lets them use these', () => {
  const manifests = kustomize(overlayDirectory('restricted'));
  const constraints: { readonly [field: string]: unknown } = {
    ...find(manifests, 'SecurityContextConstraints', 'node-local-dns'),
  };
  const [{ pod, container }] = daemonSets(manifests);
  const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } = container.securityContext;
  const wanted = {
    allowPrivilegedContainer: false,
    allowPrivilegeEscalation,
    readOnlyRootFilesystem,
    allowHostNetwork: pod.hostNetwork,
    allowHostPorts: true,
    allowHostDirVolumePlugin: false,
    requiredDropCapabilities: capabilities.drop,
    allowedCapabilities: capabilities.add,
    runAsUser: { type: 'MustRunAs', uid: pod.securityContext.runAsUser },
    seccompProfiles: ['runtime/default'],
    volumes: [...new Set(pod.volumes.flatMap((volume) => Object.keys(volume).filter((key) => key !== 'name')))].sort(),
  };
  assert.deepEqual({ ...constraints, ...wanted }, constraints);
  const role = find(manifests, 'Role', 'node-local-dns');
  assert.deepEqual(role.rules, [
    {
      apiGroups: ['security.openshift.io'],
      resources: ['securitycontextconstraints'],
      resourceNames: ['node-local-dns'],
      verbs: ['use'],
    },
  ]);
  const binding = find(manifests, 'RoleBinding', 'node-local-dns');
  assert.deepEqual(binding.subjects, [
    { kind: 'ServiceAccount', name: pod.serviceAccountName, namespace: 'kube-system' },
  ]);
  assert.deepEqual(binding.roleRef, { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'node-local-dns' });
});

describe('monitoring', () => {
  const directory = join(root, 'deploy/monitoring');
  const manifests = kustomize(directory);

  test('kubectl builds the same', async (t) => {
    const built = await kubectlKustomize(directory);
    if (built === undefined) return t.diagnostic('no kubectl with kustomize 5 here: built by our own reader alone');
    assert.deepEqual(sorted(manifests), sorted(built));
  });

  for (const { name } of overlays) {
    test(`the PodMonitor finds the pods of ${name}, and their port`, () => {
      const monitor = specOf<{
        jobLabel: string;
        selector: { matchLabels: Readonly<Record<string, string>> };
        podMetricsEndpoints: readonly { port: string }[];
      }>(find(manifests, 'PodMonitor', 'node-local-dns'));
      for (const { spec, container } of daemonSets(kustomize(overlayDirectory(name)))) {
        const { labels } = spec.template.metadata;
        assert.deepEqual({ ...labels, ...monitor.selector.matchLabels }, labels);
        assert.equal(labels[monitor.jobLabel], 'node-local-dns');
        const [{ port }] = monitor.podMetricsEndpoints;
        assert.ok(container.ports.some((candidate) => candidate.name === port));
      }
    });
  }
});

test('ha: each DaemonSet has its own ports in its environment', () => {
  const [first, second] = daemonSets(kustomize(overlayDirectory('ha'))).map(({ container }) =>
    environmentOf(container),
  );
  for (const name of ['HEALTH_PORT', 'READY_PORT', 'METRICS_PORT']) assert.notEqual(first[name], second[name]);
});
