import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCorefile } from '../corefile/parse.ts';
import { clusterDnsOf } from './cluster-dns.ts';
import { textOf } from './line.ts';
import { checkResolved, fillTemplate, type Pillars } from './template.ts';

const usual: Pillars = {
  clusterDns: { address: '10.96.0.11' },
  localDns: '169.254.20.10 10.96.0.10',
  upstreamServers: [],
  fallback: 'node',
};
const UPSTREAMS = ['192.0.2.1', '192.0.2.2:5353'];
const TCP = '.:53 {\n    forward . __PILLAR__UPSTREAM__SERVERS__ {\n            force_tcp\n    }\n}\n';
const ASSUMING = 'Did not find TCP upstream block to replace, assuming upstreams already use UDP.';

const cases: {
  name: string;
  input: string;
  pillars?: Partial<Pillars>;
  want: string;
  /** Where each line comes from; by default they are in order. */
  lines?: number[];
  warnings?: string[];
}[] = [
  { name: 'the cluster DNS', input: 'forward . __PILLAR__CLUSTER__DNS__', want: 'forward . 10.96.0.11' },
  { name: 'local addresses', input: 'bind __PILLAR__LOCAL__DNS__', want: 'bind 169.254.20.10 10.96.0.10' },
  { name: 'the old name of an address', input: 'bind __PILLAR__DNS__SERVER__ x', want: 'bind  x' },
  {
    name: 'everywhere, comments too',
    input: '# __PILLAR__CLUSTER__DNS____PILLAR__CLUSTER__DNS__\nx',
    want: '# 10.96.0.1110.96.0.11\nx',
  },
  { name: 'none but those known', input: '__PILLAR__DNS__DOMAIN__:53 {', want: '__PILLAR__DNS__DOMAIN__:53 {' },
  {
    name: 'no upstreams: resolv.conf, over TCP as before',
    input: TCP,
    want: '.:53 {\n    forward . /etc/resolv.conf {\n            force_tcp\n    }\n}\n',
  },
  {
    name: 'upstreams are asked over UDP',
    input: TCP,
    pillars: { upstreamServers: UPSTREAMS },
    want: '.:53 {\n    forward . 192.0.2.1 192.0.2.2:5353\n}\n',
    lines: [1, 2, 5, 6],
  },
  {
    name: 'another indentation than that of node-cache stays as it is',
    input: TCP.replace('            force', '        force'),
    pillars: { upstreamServers: UPSTREAMS },
    want: '.:53 {\n    forward . 192.0.2.1 192.0.2.2:5353 {\n        force_tcp\n    }\n}\n',
    warnings: [`t:2: ${ASSUMING}`],
  },
  {
    name: 'upstreams over UDP in the template',
    input: TCP.concat('x {\n    forward . __PILLAR__UPSTREAM__SERVERS__\n}'),
    pillars: { upstreamServers: ['192.0.2.1'] },
    want: '.:53 {\n    forward . 192.0.2.1\n}\nx {\n    forward . 192.0.2.1\n}',
    lines: [1, 2, 5, 6, 7, 8],
    warnings: [`t:7: ${ASSUMING}`],
  },
  {
    name: 'the cluster DNS answers the rest',
    input: TCP,
    pillars: { fallback: 'cluster' },
    want: '.:53 {\n    forward . 10.96.0.11 {\n            force_tcp\n    }\n}\n',
  },
  {
    name: 'upstreams go before that',
    input: TCP,
    pillars: { fallback: 'cluster', upstreamServers: ['192.0.2.1'] },
    want: '.:53 {\n    forward . 192.0.2.1\n}\n',
    lines: [1, 2, 5, 6],
  },
  {
    name: 'the cluster DNS has nowhere to stand',
    input: '. {\n forward . 192.0.2.1\n}',
    pillars: { fallback: 'cluster' },
    want: '. {\n forward . 192.0.2.1\n}',
    warnings: ['t:1: -fallback cluster changes nothing: __PILLAR__UPSTREAM__SERVERS__ does not stand in the template'],
  },
  {
    name: 'an unknown cluster DNS is left for the check',
    input: 'forward . __PILLAR__CLUSTER__DNS__ __PILLAR__UPSTREAM__SERVERS__',
    pillars: { clusterDns: { problem: 'no' }, fallback: 'cluster', localDns: undefined },
    want: 'forward . __PILLAR__CLUSTER__DNS__ __PILLAR__CLUSTER__DNS__',
  },
];
for (const { name, input, pillars, want, lines, warnings = [] } of cases) {
  test(`fillTemplate: ${name}`, () => {
    const filled = fillTemplate(input, 't', { ...usual, ...pillars });
    assert.equal(textOf(filled.lines), want);
    const places = lines ?? want.split('\n').map((_, index) => index + 1);
    assert.deepEqual(
      filled.lines.map(({ at }) => at),
      places.map((line) => ({ file: 't', line })),
    );
    assert.deepEqual(filled.warnings, warnings);
  });
}

const unresolved: { name: string; input: string; pillars?: Partial<Pillars>; error: string }[] = [
  {
    name: 'no such Service',
    input: '. {\n\n forward . __PILLAR__CLUSTER__DNS__\n}',
    pillars: { clusterDns: clusterDnsOf({}, 'kube-dns-upstream') },
    error:
      't:3: __PILLAR__CLUSTER__DNS__ is left unresolved: the environment has no KUBE_DNS_UPSTREAM_SERVICE_HOST; create the Service "kube-dns-upstream" and start the pod again, or name another one with -upstreamsvc',
  },
  {
    name: 'no -localip',
    input: '. {\n bind __PILLAR__LOCAL__DNS__\n}',
    pillars: { localDns: undefined },
    error: 't:2: __PILLAR__LOCAL__DNS__ is left unresolved: give the addresses with -localip',
  },
  {
    name: 'not ours, in a key',
    input: '__PILLAR__DNS__DOMAIN__:53 {\n}',
    error:
      't:1: __PILLAR__DNS__DOMAIN__ is left unresolved: nodens does not know it; whoever deploys the template must replace it',
  },
  {
    name: 'a slip, in braces',
    input: '. {\n cache {\n  x __PILLAR__LOCL__DNS__\n }\n}',
    error:
      't:3: __PILLAR__LOCL__DNS__ is left unresolved: nodens does not know it; did you mean "__PILLAR__LOCAL__DNS__"?',
  },
  {
    name: 'several',
    input: '. {\n bind __PILLAR__A__\n bind __PILLAR__B__ __PILLAR__B__\n}',
    error:
      't:2: __PILLAR__A__ is left unresolved: nodens does not know it; whoever deploys the template must replace it\n' +
      't:3: __PILLAR__B__ is left unresolved: nodens does not know it; whoever deploys the template must replace it',
  },
  {
    name: 'in an imported file',
    input: 'import /imported',
    error:
      '/imported:2: __PILLAR__LOCAL__DNS__ is left unresolved: variables are replaced in the template alone, not in files that it imports',
  },
];
for (const { name, input, pillars, error } of unresolved) {
  test(`checkResolved: ${name}`, () => {
    const values = { ...usual, ...pillars };
    const { lines } = fillTemplate(input, 't', values);
    const readFile = () => '. {\n bind __PILLAR__LOCAL__DNS__\n}';
    const corefile = parseCorefile(textOf(lines), 't', { env: {}, defaultPort: 53, readFile });
    assert.throws(() => checkResolved(corefile, 't', values), { message: error });
  });
}

test('checkResolved: a comment does no harm', () => {
  const corefile = parseCorefile('. { # __PILLAR__NO__\n}', 't', { env: {}, defaultPort: 53 });
  checkResolved(corefile, 't', usual);
});

const services = [
  { env: { KUBE_DNS_SERVICE_HOST: '10.96.0.10' }, service: 'kube-dns', want: { address: '10.96.0.10' } },
  { env: { A_B_C_SERVICE_HOST: 'fd00::a' }, service: 'a-b-C', want: { address: 'fd00::a' } },
  {
    env: { X_SERVICE_HOST: 'dns.example.org' },
    service: 'x',
    want: {
      problem:
        'X_SERVICE_HOST is no IP address: "dns.example.org"; create the Service "x" and start the pod again, or name another one with -upstreamsvc',
    },
  },
];
for (const { env, service, want } of services) {
  test(`clusterDnsOf: ${service}`, () => assert.deepEqual(clusterDnsOf(env, service), want));
}
