import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namesTried, type PodResolver, podResolver } from './pod-resolver.ts';

const pod = podResolver('web', 'cluster.local', ['example.org', 'svc.cluster.local']);
const long = 'a'.repeat(63);

const cases: readonly { name: string; asked: string; resolver?: PodResolver; want: readonly string[] }[] = [
  {
    name: 'few dots: the search list goes first',
    asked: 'db',
    want: ['db.web.svc.cluster.local.', 'db.svc.cluster.local.', 'db.cluster.local.', 'db.example.org.', 'db.'],
  },
  {
    name: 'as many dots as ndots: the name itself goes first',
    asked: 'a.b.c.d.e.f',
    resolver: { search: ['example.org'], ndots: 5 },
    want: ['a.b.c.d.e.f.', 'a.b.c.d.e.f.example.org.'],
  },
  { name: 'a final dot', asked: 'db.', want: ['db.'] },
  { name: 'the root', asked: '.', want: ['.'] },
  {
    name: 'escaped dots are none',
    asked: String.raw`a\.b\046c`,
    resolver: { search: ['example.org'], ndots: 1 },
    want: [String.raw`a\.b\046c.example.org.`, String.raw`a\.b\046c.`],
  },
  {
    name: 'search domains with and without final dot, the root, one twice',
    asked: 'db',
    resolver: { search: ['example.org.', 'example.org', '.'], ndots: 1 },
    want: ['db.example.org.', 'db.'],
  },
  {
    name: 'a name that grows too long is not asked for',
    asked: `${long}.${long}.${long}`,
    resolver: { search: [`${long}.org`], ndots: 5 },
    want: [`${long}.${long}.${long}.`],
  },
];

for (const { name, asked, resolver = pod, want } of cases) {
  test(`names tried: ${name}`, () => assert.deepEqual(namesTried(asked, resolver), want));
}
