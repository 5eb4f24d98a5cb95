import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes } from '../../wire/bytes.ts';
import { nameToText, ROOT_NAME } from '../../wire/name.ts';
import { wireName } from '../../wire/testing/build.ts';
import { clusterPath, completed, fixedPath, type SearchPath } from './search-path.ts';

/** The base, and the domains that it is tried with. */
function searched(path: SearchPath, qname: string): string[] | undefined {
  const search = path(wireName(qname));
  if (search === undefined) return undefined;
  return [concatBytes([search.base, ROOT_NAME]), ...search.domains].map((name) => nameToText(name, 0));
}

const fixed = fixedPath(['a.example.org.', 'example.org.'].map(wireName));
const fixedCases = [
  { qname: 'www.a.example.org.', want: ['www.', 'a.example.org.', 'example.org.', '.'] },
  { qname: 'WWW.b.A.example.ORG.', want: ['WWW.b.', 'a.example.org.', 'example.org.', '.'] },
  { qname: 'a.example.org.', want: undefined },
  { qname: 'www.example.org.', want: undefined },
  { qname: 'wwwa.example.org.', want: undefined },
  { qname: '.', want: undefined },
];
for (const { qname, want } of fixedCases) {
  test(`a search list: ${qname}`, () => assert.deepEqual(searched(fixed, qname), want));
}

test('no search list', () => assert.equal(searched(fixedPath([]), 'www.example.org.'), undefined));

const LIST = (namespace: string) => [`${namespace}.svc.cluster.local.`, 'svc.cluster.local.', 'cluster.local.'];
const pods = clusterPath(['cluster.local.', 'k8s.cluster.local.'].map(wireName), [wireName('corp.example.')]);
const clusterCases = [
  { qname: 'www.default.svc.cluster.local.', want: ['www.', ...LIST('default'), 'corp.example.', '.'] },
  {
    qname: 'WWW.example.org.Team-a.SVC.cluster.local.',
    want: [
      'WWW.example.org.',
      'Team-a.SVC.cluster.local.',
      'svc.cluster.local.',
      'cluster.local.',
      'corp.example.',
      '.',
    ],
  },
  {
    qname: 'www.default.svc.k8s.cluster.local.',
    want: [
      ...['www.', 'default.svc.k8s.cluster.local.', 'svc.k8s.cluster.local.', 'k8s.cluster.local.'],
      ...['corp.example.', '.'],
    ],
  },
  { qname: 'default.svc.cluster.local.', want: undefined },
  { qname: 'svc.cluster.local.', want: undefined },
  { qname: '10-0-0-1.default.pod.cluster.local.', want: undefined },
  { qname: 'www.example.org.cluster.local.', want: undefined },
  { qname: 'www.default.svc.example.org.', want: undefined },
];
for (const { qname, want } of clusterCases) {
  test(`a cluster: ${qname}`, () => assert.deepEqual(searched(pods, qname), want));
}

test('a cluster: the namespace and what is above it', () => {
  const cluster = pods(wireName('www.a.default.svc.cluster.local.'))?.cluster ?? assert.fail();
  const { namespace, services } = cluster;
  assert.deepEqual(
    [namespace, services].map((name) => nameToText(name, 0)),
    LIST('default').slice(0, 2),
  );
});

test('a name of 255 bytes can be tried, a longer one cannot', () => {
  const base = concatBytes(Array.from({ length: 3 }, () => Uint8Array.of(63, ...new Uint8Array(63).fill(0x61))));
  const domain = (bytes: number) => concatBytes([Uint8Array.of(bytes, ...new Uint8Array(bytes).fill(0x62)), ROOT_NAME]);
  assert.equal(completed(base, domain(61))?.length, 255);
  assert.equal(completed(base, domain(62)), undefined);
});

test('any name: base and first domain are the name', () => {
  const label = fc.uint8Array({ minLength: 1, maxLength: 20 });
  const tails = ['svc.cluster.local.', 'a.svc.cluster.local.', 'a.example.org.', 'example.org.', '.'].map(wireName);
  fc.assert(
    fc.property(fc.array(label, { maxLength: 8 }), fc.constantFrom(...tails), (labels, tail) => {
      const qname = concatBytes([...labels.map((bytes) => Uint8Array.of(bytes.length, ...bytes)), tail]);
      for (const path of [fixed, pods]) {
        const search = path(qname);
        if (search !== undefined) assert.deepEqual(completed(search.base, search.domains[0]), qname);
      }
    }),
  );
});
