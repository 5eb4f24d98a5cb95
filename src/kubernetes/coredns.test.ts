import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readClusterZones } from './coredns.ts';

const directory = mkdtempSync(join(tmpdir(), 'coredns-'));
after(() => rmSync(directory, { recursive: true }));
mkdirSync(join(directory, 'custom'));
writeFileSync(join(directory, 'custom/a.server'), 'imported.example:53 {\n forward . 192.0.2.1\n}\n');
writeFileSync(join(directory, 'custom/a.override'), 'hosts {\n 192.0.2.1 override.example\n}\n');
writeFileSync(join(directory, 'NodeHosts'), '# nodes\n192.0.2.1 node-1 node-1.example # x\n\n192.0.2.2 node-2\n');

const CANNOT = 'cannot tell which zone its names are in, so the cluster DNS is not asked for them';

const cases: { name: string; input: string; want?: string[]; warnings?: string[] }[] = [
  { name: 'nothing', input: '' },
  { name: 'the root alone', input: '.:53 {\n errors\n forward . /etc/resolv.conf\n}' },
  {
    name: 'blocks of their own, in lower case',
    input: '.:53 {\n}\nsome.Corp:53 {\n forward . 10.1.2.3\n}\na.example b.example {\n}',
    want: ['3 some.corp.', '6 a.example.', '6 b.example.'],
  },
  { name: 'a network', input: '10.0.0.0/8 {\n}', want: ['1 10.in-addr.arpa.'] },
  {
    name: 'not on ports that the Service does not lead to, nor with other protocols',
    input: '.:5353 {\n}\na:5353 {\n}\nb:53 {\n}\ntls://c:5353 {\n}',
    want: ['3 a.'],
  },
  {
    name: 'zones of directives of the root, also of unknown ones',
    input: `. {
 kubernetes cluster.local in-addr.arpa {
  fallthrough
 }
 file /zones/db.example db.example
 forward corp.example 192.0.2.1
 forward . /etc/resolv.conf
 k8s_gateway gateway.example
 secondary second.example {
  transfer from 192.0.2.1
 }
 hosts /no/file hosts.example {
  192.0.2.1 www.hosts.example
 }
 template IN A template.example {
  rcode NXDOMAIN
 }
 frobnicate frob.example
}`,
    want: [
      '2 cluster.local.',
      '2 in-addr.arpa.',
      '5 db.example.',
      '6 corp.example.',
      '8 gateway.example.',
      '9 second.example.',
      '12 hosts.example.',
      '15 template.example.',
    ],
  },
  {
    name: 'inside of a zone nothing is of interest but the zone',
    input: 'a.example {\n hosts {\n 192.0.2.1 x.example\n }\n rewrite name y.example z.example\n}',
    want: ['1 a.example.'],
  },
  {
    name: 'names of hosts',
    input:
      '. {\n hosts {\n  192.0.2.1 host.minikube.internal other\n  2001:db8::1 v6.example\n  ttl 60\n  fallthrough x\n }\n}',
    want: ['3 host.minikube.internal.', '3 other.', '4 v6.example.'],
  },
  {
    name: 'names of a file of hosts, where the cluster DNS has it and here',
    input: '. {\n hosts /etc/coredns/NodeHosts {\n fallthrough\n }\n hosts NodeHosts\n}',
    want: ['NodeHosts:2 node-1.', 'NodeHosts:2 node-1.example.', 'NodeHosts:4 node-2.'],
  },
  {
    name: 'a file of hosts that is not here',
    input: '. {\n hosts /etc/hosts\n hosts /etc/coredns/No\n}',
    warnings: [
      `${directory}/Corefile:2: hosts: cannot read "/etc/hosts": "/etc/hosts" is not below /etc/coredns; mount it below ${directory} to have its names asked of the cluster DNS`,
      `${directory}/Corefile:3: hosts: cannot read "/etc/coredns/No": no such file or directory; mount it below ${directory} to have its names asked of the cluster DNS`,
    ],
  },
  {
    name: 'patterns of template',
    input:
      '. {\n template IN A {\n  match "^(.*)\\.pods\\.example\\.$"\n  match .*\n }\n template IN AAAA {\n  rcode NOERROR\n }\n}',
    want: ['3 pods.example.'],
    warnings: [`${directory}/Corefile:4: template: ${CANNOT}`],
  },
  {
    name: 'names of rewrite',
    input: `. {
 rewrite name a.example x.svc.cluster.local
 rewrite stop name exact b.example x.svc.cluster.local answer auto
 rewrite continue name suffix .c.example .svc.cluster.local
 rewrite name regex (.*)\\.d\\.example$ {1}.svc.cluster.local
 rewrite stop {
  name regex (.*)\\.e\\.example {1}.svc.cluster.local
  answer name (.*)\\.svc {1}.e.example
 }
 rewrite stop {
  name exact f.example g.example
 }
 rewrite name prefix test- prod-
 rewrite name substring .service.us.example.org service.us.consul
 rewrite name substring part other
 rewrite type ANY HINFO
 rewrite name
}`,
    want: [
      ...['2 a.example.', '3 b.example.', '4 c.example.', '5 d.example.', '11 f.example.'],
      '14 service.us.example.org.',
    ],
    warnings: [
      ...[7, 13, 15].map((line) => `${directory}/Corefile:${line}: rewrite: ${CANNOT}`),
      `${directory}/Corefile:14: rewrite: substring ".service.us.example.org": the cluster DNS is asked for names that end so, and not for others that have it`,
    ],
  },
  {
    name: 'imports, also as the cluster DNS names them',
    input: '. {\n import custom/*.override\n}\nimport /etc/coredns/custom/*.server\n',
    want: ['custom/a.override:2 override.example.', 'custom/a.server:1 imported.example.'],
  },
  {
    name: 'an import that is not here does not hide the rest',
    input: 'import /etc/other\nimport no/*.server\na.example {\n}',
    want: ['3 a.example.'],
    warnings: [
      `${directory}: cannot import "/etc/other": "/etc/other" is not below /etc/coredns; mount it below ${directory}`,
      `${directory}/Corefile:2: import: no files matching import glob pattern: no/*.server`,
    ],
  },
  { name: 'what is no name is passed over', input: '. {\n rewrite name a..b c\n kubernetes {$ZONE}\n}' },
];
for (const { name, input, want = [], warnings = [] } of cases) {
  test(`readClusterZones: ${name}`, () => {
    const read = readClusterZones(input, directory);
    const place = ({ file, line }: { file: string; line: number }) =>
      `${file}:${line}`.replace(`${directory}/`, '').replace('Corefile:', '');
    assert.deepEqual(
      read.zones.map(({ zone, at }) => `${place(at)} ${zone}`),
      want,
    );
    assert.deepEqual([...read.warnings].sort(), [...warnings].sort());
  });
}

test('readClusterZones: what cannot be parsed is an error', () => {
  assert.throws(() => readClusterZones('. {\n errors', directory), { message: /Corefile:2: unexpected end of file/ });
});
