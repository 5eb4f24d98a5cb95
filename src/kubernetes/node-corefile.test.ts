import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterZones } from './coredns.ts';
import { type KubeDns, NO_KUBE_DNS } from './kube-dns.ts';
import { textOf } from './line.ts';
import { type NodeInputs, type NodeSettings, nodeCorefile } from './node-corefile.ts';

const settings: NodeSettings = {
  template: '/t/Corefile.base',
  file: '/etc/Corefile',
  env: {},
  port: 53,
  localDns: '169.254.20.10',
  clusterDns: { address: '10.96.0.11' },
  fallback: 'node',
};

const CLUSTER = `cluster.local:53 {
    bind __PILLAR__LOCAL__DNS__
    forward . __PILLAR__CLUSTER__DNS__ {
        prefer_udp
    }
    prometheus :9253
}
`;
const REST = `.:53 {
    bind __PILLAR__LOCAL__DNS__
    forward . __PILLAR__UPSTREAM__SERVERS__
}
`;
const FILLED = `${CLUSTER}${REST}`
  .replaceAll('__PILLAR__LOCAL__DNS__', '169.254.20.10')
  .replace('__PILLAR__CLUSTER__DNS__', '10.96.0.11')
  .replace('__PILLAR__UPSTREAM__SERVERS__', '/etc/resolv.conf');

function kubeDns(...domains: string[]): KubeDns {
  const stubDomains = domains.map((domain, index) => {
    return { domain, servers: ['192.0.2.1', '192.0.2.2:54'], at: { file: '/k/stubDomains', line: index + 1 } };
  });
  return { stubDomains, upstreamServers: [] };
}

function cluster(...zones: string[]): ClusterZones {
  return { zones: zones.map((zone, index) => ({ zone, at: { file: '/c/Corefile', line: index + 1 } })), warnings: [] };
}

const STUB_BODY = `{
    errors
    cache 30
    bind 169.254.20.10
    forward . 192.0.2.1 192.0.2.2:54
}
`;
const CLUSTER_BODY = `{
    errors
    cache 30
    bind 169.254.20.10
    prometheus :9253
    forward . 10.96.0.11 {
        prefer_udp
    }
}
`;

const cases: {
  name: string;
  inputs?: Partial<NodeInputs>;
  settings?: Partial<NodeSettings>;
  want?: string;
  faults?: string[];
  warnings?: string[];
}[] = [
  { name: 'the template alone', want: FILLED },
  {
    name: 'stub domains',
    inputs: { kubeDns: kubeDns('corp.example', 'b.example') },
    want: `${FILLED}\ncorp.example:53 ${STUB_BODY}\nb.example:53 ${STUB_BODY}`,
  },
  {
    name: 'zones of the cluster DNS are asked as the template asks it, in one block',
    inputs: { cluster: cluster('some.corp.', 'node-1.') },
    want: `${FILLED}\nsome.corp.:53,\nnode-1.:53 ${CLUSTER_BODY}`,
  },
  {
    name: 'a template that asks the cluster DNS nowhere, on all addresses',
    inputs: { template: '.:1053 {\n    whoami\n}\n', cluster: cluster('some.corp.') },
    settings: { localDns: undefined, port: 1053 },
    want: '.:1053 {\n    whoami\n}\n\nsome.corp.:1053 {\n    errors\n    cache 30\n    forward . 10.96.0.11 {\n        force_tcp\n    }\n}\n',
  },
  {
    name: 'no second block for what the template, or a stub domain, has',
    inputs: {
      kubeDns: kubeDns('corp.example'),
      cluster: cluster('cluster.local.', 'x.cluster.local.', 'corp.example.'),
    },
    want: `${FILLED}\ncorp.example:53 ${STUB_BODY}`,
  },
  {
    name: 'but one within a zone that the template asks others for',
    inputs: {
      template: `${CLUSTER}${REST}example:53 {\n    forward . 192.0.2.1\n}\n`,
      cluster: cluster('example.', 'b.example.'),
    },
    want: `${FILLED}example:53 {\n    forward . 192.0.2.1\n}\n\nb.example.:53 ${CLUSTER_BODY}`,
  },
  {
    name: 'a stub domain equal to a zone of the template',
    inputs: { kubeDns: kubeDns('cluster.local', 'b.example') },
    want: `${FILLED}\nb.example:53 ${STUB_BODY}`,
    faults: [
      '/k/stubDomains:1: stub domain "cluster.local" is a zone of the template already (/t/Corefile.base:1); it is left out; remove it from the one or the other',
    ],
  },
  {
    name: 'a stub domain within the cluster domain',
    inputs: { kubeDns: kubeDns('a.cluster.local', 'local') },
    want: `${FILLED}\na.cluster.local:53 ${STUB_BODY}\nlocal:53 ${STUB_BODY}`,
    warnings: [
      '/k/stubDomains:1: stub domain "a.cluster.local" lies within the zone "cluster.local." (/t/Corefile.base:1); its names are asked of 192.0.2.1 192.0.2.2:54 instead',
    ],
  },
  {
    name: 'a reverse zone as stub domain is what one does',
    inputs: {
      template: `${CLUSTER.replace('cluster.local:53', 'cluster.local:53 in-addr.arpa:53')}${REST}`,
      kubeDns: kubeDns('10.in-addr.arpa'),
    },
    want: `${FILLED.replace('cluster.local:53', 'cluster.local:53 in-addr.arpa:53')}\n10.in-addr.arpa:53 ${STUB_BODY}`,
  },
  {
    name: 'the same zone on another port',
    inputs: { template: `${CLUSTER}${REST}corp.example:54 {\n}\n`, kubeDns: kubeDns('corp.example') },
    want: `${FILLED}corp.example:54 {\n}\n\ncorp.example:53 ${STUB_BODY}`,
  },
  {
    name: 'an unknown cluster DNS that the template does without',
    inputs: { template: REST, cluster: cluster('some.corp.', 'b.') },
    settings: { clusterDns: { problem: 'there is none' } },
    want: FILLED.slice(FILLED.indexOf('.:53 {')),
    faults: ['/c/Corefile:1: zones of the cluster DNS cannot be asked of it (some.corp. b.): there is none'],
  },
  {
    name: 'what the Corefile of the cluster DNS does not tell is passed on',
    inputs: { cluster: { zones: [], warnings: ['odd'] } },
    want: FILLED,
    warnings: ['odd'],
  },
];
for (const { name, inputs, want, faults = [], warnings = [], ...other } of cases) {
  test(`nodeCorefile: ${name}`, () => {
    const all = { template: `${CLUSTER}${REST}`, kubeDns: NO_KUBE_DNS, cluster: undefined, ...inputs };
    const made = nodeCorefile({ ...settings, ...other.settings }, all);
    assert.equal(textOf(made.lines), want);
    assert.deepEqual(made.faults, faults);
    assert.deepEqual(made.corefile.warnings, warnings);
  });
}

test('nodeCorefile: each word knows where it comes from', () => {
  const made = nodeCorefile(settings, {
    template: `\n${CLUSTER}${REST}`,
    kubeDns: kubeDns('a.example', 'b.example'),
    cluster: cluster('c.example.', 'd.example.'),
  });
  const placeOf = ({ file, line }: { file: string; line: number }) => `${file}:${line}`;
  const places = made.corefile.blocks.map(({ keys, directives }) => [
    ...keys.map(({ token }) => placeOf(token)),
    placeOf(directives.findLast(({ name }) => name.text === 'forward')?.name ?? { file: '', line: 0 }),
  ]);
  assert.deepEqual(places, [
    ['/t/Corefile.base:2', '/t/Corefile.base:4'],
    ['/t/Corefile.base:9', '/t/Corefile.base:11'],
    ['/k/stubDomains:1', '/k/stubDomains:1'],
    ['/k/stubDomains:2', '/k/stubDomains:2'],
    ['/c/Corefile:1', '/c/Corefile:2', '/t/Corefile.base:4'],
  ]);
});

const broken = [
  { name: 'an empty template', template: '\n# no\n', error: '/t/Corefile.base:1: the template has no server block' },
  {
    name: 'a slip',
    template: `${CLUSTER}.:53 {\n    frobnicate\n}`,
    error: '/t/Corefile.base:9: unknown directive "frobnicate"; "nodens -plugins" lists those there are',
  },
  {
    name: 'a variable that nobody knows',
    template: `${CLUSTER}__PILLAR__DNS__DOMAIN__:53 {\n}`,
    error:
      '/t/Corefile.base:8: __PILLAR__DNS__DOMAIN__ is left unresolved: nodens does not know it; whoever deploys the template must replace it',
  },
];
for (const { name, template, error } of broken) {
  test(`nodeCorefile: ${name}`, () => {
    const run = () => nodeCorefile(settings, { template, kubeDns: NO_KUBE_DNS, cluster: undefined });
    assert.throws(run, { message: error });
  });
}

test('nodeCorefile: a template that ends in a block without braces', () => {
  const template = `cluster.local\nbind 192.0.2.1\n`;
  const { corefile } = nodeCorefile(settings, { template, kubeDns: kubeDns('corp.example'), cluster: undefined });
  assert.deepEqual(
    corefile.blocks.map(({ keys, directives }) => [keys[0].zone, directives.length]),
    [
      ['cluster.local.', 1],
      ['corp.example.', 4],
    ],
  );
});
