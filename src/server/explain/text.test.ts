import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExplainedLine, ExplainedName, ExplainedWay } from './explain.ts';
import type { Asked } from './reached.ts';
import { nameLines, outcomeLine } from './text.ts';

const servers = ['dns://169.254.20.10:53', 'dns://10.96.0.10:53'];
const asking: ExplainedLine = {
  text: 'forward . 10.96.0.11',
  at: 'Corefile:3',
  upstreams: [{ upstream: '10.96.0.11:53', over: 'TCP' }],
};
const way: ExplainedWay = { servers, zone: 'cluster.local.', at: 'Corefile:1', lines: [asking] };
const name: ExplainedName = { qname: 'a.cluster.local.', ways: [way], cached: undefined };

function withAsked(...asked: Asked[]): ExplainedName {
  return { ...name, ways: [{ ...way, lines: [{ ...asking, asked }] }] };
}

const nxdomain: Asked = { upstream: '10.96.0.11:53', over: 'TCP', tookMs: 1.26, rcode: 'NXDOMAIN', answers: [] };
const answered: Asked = { ...nxdomain, rcode: 'NOERROR', answers: ['a.cluster.local. 5 IN A 192.0.2.1'] };
const failed: Asked = { upstream: '10.96.0.11:53', over: 'TCP', tookMs: 2000, error: 'i/o timeout' };

const WAY = `   dns://169.254.20.10:53 dns://10.96.0.10:53: block of cluster.local. (Corefile:1)
      forward . 10.96.0.11 (Corefile:3)
         asks 10.96.0.11:53 over TCP`;

const entry = { servers, dnssecOk: false, checkingDisabled: false, rcode: 'NOERROR', answers: ['a. 7 IN A 192.0.2.1'] };

const cases: readonly { name: string; explained: ExplainedName; earlier?: readonly ExplainedName[]; want: string }[] = [
  { name: 'a way', explained: name, want: `1. a.cluster.local. A\n${WAY}` },
  {
    name: 'the way of an earlier name',
    explained: withAsked(nxdomain),
    earlier: [{ ...name, ways: [] }, name],
    want: `3. a.cluster.local. A
   the same way as 2
   asked 10.96.0.11:53 over TCP, 1.3 ms: NXDOMAIN, no records`,
  },
  {
    name: 'no block, and one without directives',
    explained: {
      ...name,
      ways: [
        { servers, zone: undefined, at: undefined, lines: [] },
        { ...way, lines: [] },
      ],
    },
    want: `1. a.cluster.local. A
   dns://169.254.20.10:53 dns://10.96.0.10:53: no server block is for it: REFUSED
   dns://169.254.20.10:53 dns://10.96.0.10:53: block of cluster.local. (Corefile:1): none of its directives answers: REFUSED`,
  },
  {
    name: 'what came back',
    explained: withAsked(answered, failed),
    want: `1. a.cluster.local. A\n${WAY}
   asked 10.96.0.11:53 over TCP, 1.3 ms: NOERROR
      a.cluster.local. 5 IN A 192.0.2.1
   asked 10.96.0.11:53 over TCP, 2000.0 ms: no answer: i/o timeout`,
  },
  {
    name: 'nothing in the cache',
    explained: { ...name, cached: [] },
    want: `1. a.cluster.local. A\n${WAY}\n   in the cache: nothing`,
  },
  {
    name: 'answers in the cache, one of them stale',
    explained: {
      ...name,
      cached: [
        { ...entry, ageS: 3, remainingS: 7 },
        { ...entry, dnssecOk: true, checkingDisabled: true, answers: [], ageS: 12, remainingS: -2 },
      ],
    },
    want: `1. a.cluster.local. A\n${WAY}
   in the cache of dns://169.254.20.10:53 dns://10.96.0.10:53: NOERROR, for 7 s more, stored 3 s ago
      a. 7 IN A 192.0.2.1
   in the cache of dns://169.254.20.10:53 dns://10.96.0.10:53: NOERROR for queries with DO and CD, stale since 2 s, stored 12 s ago`,
  },
];

for (const { name: title, explained, earlier = [], want } of cases) {
  test(`text: ${title}`, () => {
    assert.equal(nameLines(explained, earlier.length, earlier, 'A').join('\n'), want);
  });
}

const outcomes: readonly { name: string; names: readonly ExplainedName[]; want: string | undefined }[] = [
  { name: 'nobody was asked', names: [name, name], want: undefined },
  { name: 'no answer', names: [withAsked(nxdomain), withAsked(failed)], want: 'none of them has an answer' },
  {
    name: 'the first has one',
    names: [withAsked(failed, answered), withAsked(nxdomain)],
    want: 'a pod takes the answer for a.cluster.local., after the first query',
  },
  {
    name: 'a later one has one',
    names: [withAsked(nxdomain), name, withAsked(answered)],
    want: 'a pod takes the answer for a.cluster.local., after 3 queries',
  },
];
for (const { name: title, names, want } of outcomes) {
  test(`outcome: ${title}`, () => assert.equal(outcomeLine(names), want));
}
