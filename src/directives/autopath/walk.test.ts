import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { wireName } from '../../wire/testing/build.ts';
import { typeName } from '../../wire/types.ts';
import type { Outcome, Query } from '../contract.ts';
import { type FakeReplyOptions, fakeQuery, fakeReply } from '../testing.ts';
import { clusterPath, fixedPath, type SearchPath } from './search-path.ts';
import { walk } from './walk.ts';

const soa = (ttl: number) => `example. ${ttl} IN SOA ns.example. host.example. 1 2 3 4 ${ttl}`;
const NXDOMAIN: FakeReplyOptions = { rcode: 3, authority: [soa(30)] };
const NODATA: FakeReplyOptions = { authority: [soa(30)] };
const nobody = (rcode: number, rest: Partial<Outcome> = {}): Outcome => {
  return { response: undefined, rcode, source: '', ...rest };
};
const FAILED = nobody(2, { error: new Error('i/o timeout') });

/** What there is for names, of whatever type; NXDOMAIN for all others. */
type World = Readonly<Record<string, FakeReplyOptions | Outcome>>;

function outcomeOf(world: World, query: Query): Outcome {
  const given = world[query.qname] ?? NXDOMAIN;
  if ('source' in given) return given;
  const response = fakeReply(query, given);
  return { response, rcode: response.rcode, source: 'forward' };
}

/** The way of a name: what was asked down the chain, and with `?` in front what of the whole server. */
async function walked(path: SearchPath, qname: string, chain: World, server: World = {}) {
  const asked: string[] = [];
  const query = fakeQuery({
    qname,
    resolve: (nested) => {
      asked.push(`?${nested.request.qname} ${typeName(nested.qtype)}`);
      return outcomeOf(server, nested);
    },
  });
  const next = (part: Query) => {
    asked.push(part.request.qname);
    return Promise.resolve(outcomeOf(chain, part));
  };
  const search = path(wireName(qname)) ?? assert.fail('not to be completed');
  const outcome = await walk(query, search, path, next);
  const message = outcome.response && dnsPacket.decode(Buffer.from(outcome.response.bytes));
  const answers = message?.answers?.map((record) =>
    'data' in record && 'ttl' in record ? `${record.name} ${record.ttl} ${record.type} ${record.data}` : '',
  );
  return { asked, outcome, answers, question: message?.questions?.[0].name };
}

const fixed = fixedPath(['a.example.', 'b.example.'].map(wireName));
const NAME = 'www.a.example.';
const A = (owner: string, ttl = 60): FakeReplyOptions => ({ answer: [`${owner} ${ttl} IN A 192.0.2.1`] });
const answerOf = (owner: string, ttl = 60) => [`www.a.example ${ttl} CNAME ${owner}`, `${owner} ${ttl} A 192.0.2.1`];

const fixedCases: { name: string; chain: World; asked: string[]; rcode?: number; answers?: string[] }[] = [
  { name: 'the name is there', chain: { [NAME]: A(NAME) }, asked: [NAME], answers: ['www.a.example 60 A 192.0.2.1'] },
  {
    name: 'the next domain has it, for as long as it says',
    chain: { 'www.b.example.': A('www.b.example.', 3600) },
    asked: [NAME, 'www.b.example.'],
    answers: answerOf('www.b.example', 3600),
  },
  {
    name: 'the name as the program gave it',
    chain: { 'www.': A('www.') },
    asked: [NAME, 'www.b.example.', 'www.'],
    answers: answerOf('www'),
  },
  {
    name: 'no record of the type ends the search',
    chain: { 'www.b.example.': NODATA },
    asked: [NAME, 'www.b.example.'],
  },
  {
    name: 'so does an error that somebody has answered with',
    chain: { 'www.b.example.': { rcode: 2 } },
    asked: [NAME, 'www.b.example.'],
    rcode: 2,
  },
  {
    name: 'where nobody answers for no reason, the next domain is tried',
    chain: { [NAME]: nobody(5), 'www.b.example.': nobody(2), 'www.': A('www.') },
    asked: [NAME, 'www.b.example.', 'www.'],
    answers: answerOf('www'),
  },
  { name: 'nothing anywhere', chain: {}, asked: [NAME, 'www.b.example.', 'www.'], rcode: 3 },
];
for (const { name, chain, asked, rcode = 0, answers = [] } of fixedCases) {
  test(`a search list: ${name}`, async () => {
    const found = await walked(fixed, NAME, chain);
    assert.deepEqual(found.asked, asked);
    assert.deepEqual([found.outcome.rcode, found.answers], [rcode, answers]);
    assert.equal(found.question, 'www.a.example');
  });
}

const ends: { name: string; chain: World; want: Outcome }[] = [
  { name: 'a failure of the first name', chain: { [NAME]: FAILED }, want: FAILED },
  { name: 'a failure later on', chain: { 'www.b.example.': FAILED }, want: FAILED },
  { name: 'nobody answers, nor shall', chain: { [NAME]: nobody(5, { drop: true }) }, want: nobody(5, { drop: true }) },
  {
    name: 'nobody answers anything',
    chain: { [NAME]: nobody(5), 'www.b.example.': nobody(2), 'www.': nobody(4) },
    want: nobody(5),
  },
];
for (const { name, chain, want } of ends) {
  test(`a search list: ${name}`, async () => {
    assert.deepEqual((await walked(fixed, NAME, chain)).outcome, want);
  });
}

test('a name that would be too long is not tried', async () => {
  const labels = `${`${'x'.repeat(63)}.`.repeat(3)}${'x'.repeat(51)}.`;
  const path = fixedPath(['a.', 'longer.example.', 'b.'].map(wireName));
  const { asked } = await walked(path, `${labels}a.`, {});
  assert.deepEqual(asked, [`${labels}a.`, `${labels}b.`, labels]);
});

const pods = clusterPath([wireName('cluster.local.')], [wireName('corp.example.')]);
const NAMESPACE = 'default.svc.cluster.local.';
const POD_NAME = `www.example.org.${NAMESPACE}`;
const SERVICES = 'svc.cluster.local.';
/** The cluster DNS is asked about `org.svc.cluster.local.` first, so that nobody completes the second name. */
const IN_CLUSTER = [
  ...[POD_NAME, `?${NAMESPACE} A`, `?org.${SERVICES} A`, `?${SERVICES} A`],
  ...[`?www.example.org.${SERVICES} A`, '?www.example.org.cluster.local. A'],
];
const OUTSIDE = ['?www.example.org.corp.example. A', '?www.example.org. A'];
const KNOWN: World = { [NAMESPACE]: NODATA, [SERVICES]: NODATA, [`other.${SERVICES}`]: NODATA };
const WWW: World = { 'www.example.org.': A('www.example.org.', 3600) };
const found = (ttl: number) => [
  `${POD_NAME.slice(0, -1)} ${ttl} CNAME www.example.org`,
  `www.example.org ${ttl} A 192.0.2.1`,
];

type ClusterCase = {
  readonly name: string;
  readonly qname?: string;
  readonly chain?: World;
  readonly server: World;
  readonly asked: string[];
  readonly answers?: string[];
};
const clusterCases: ClusterCase[] = [
  {
    name: 'a Service: one question',
    chain: { [POD_NAME]: A(POD_NAME) },
    server: {},
    asked: [POD_NAME],
    answers: [`${POD_NAME.slice(0, -1)} 60 A 192.0.2.1`],
  },
  {
    name: 'a name of the outside, asked of the whole server, good for as long as the denials',
    server: { ...KNOWN, ...WWW },
    asked: [...IN_CLUSTER, ...OUTSIDE],
    answers: found(30),
  },
  {
    name: 'a denial without SOA holds for 5 s',
    chain: { [POD_NAME]: { rcode: 3 } },
    server: { ...KNOWN, ...WWW },
    asked: [...IN_CLUSTER, ...OUTSIDE],
    answers: found(5),
  },
  {
    name: 'a Service of another namespace, which is not to be completed in turn',
    qname: `web.other.${NAMESPACE}`,
    chain: { [`web.other.${SERVICES}`]: A(`web.other.${SERVICES}`) },
    server: KNOWN,
    asked: [`web.other.${NAMESPACE}`, `?${NAMESPACE} A`, `?other.${SERVICES} A`, `web.other.${SERVICES}`],
    answers: [
      'web.other.default.svc.cluster.local 30 CNAME web.other.svc.cluster.local',
      'web.other.svc.cluster.local 30 A 192.0.2.1',
    ],
  },
  {
    name: 'one that is given with svc',
    qname: `web.other.svc.${NAMESPACE}`,
    chain: { [`web.other.${SERVICES}`]: A(`web.other.${SERVICES}`) },
    server: KNOWN,
    asked: [
      ...[`web.other.svc.${NAMESPACE}`, `?${NAMESPACE} A`, `?svc.${SERVICES} A`, `?${SERVICES} A`],
      ...[`?web.other.svc.${SERVICES} A`, `?other.${SERVICES} A`, `web.other.${SERVICES}`],
    ],
    answers: [
      'web.other.svc.default.svc.cluster.local 30 CNAME web.other.svc.cluster.local',
      'web.other.svc.cluster.local 30 A 192.0.2.1',
    ],
  },
  {
    name: 'no such namespace: the second name that a resolver tries',
    qname: `www.example.org.${SERVICES}`,
    server: KNOWN,
    asked: [`www.example.org.${SERVICES}`, `?org.${SERVICES} A`, `?${SERVICES} A`],
  },
  {
    name: 'a cluster DNS that does not know about namespaces',
    server: WWW,
    asked: [
      ...[POD_NAME, `?${NAMESPACE} A`, `?${SERVICES} A`, `?org.${SERVICES} A`, `?${SERVICES} A`],
      ...[`www.example.org.${SERVICES}`, '?www.example.org.cluster.local. A', ...OUTSIDE],
    ],
    answers: found(30),
  },
  { name: 'the cluster DNS fails', server: { [NAMESPACE]: FAILED }, asked: [POD_NAME, `?${NAMESPACE} A`] },
  { name: 'it fails with an answer', server: { [NAMESPACE]: { rcode: 2 } }, asked: [POD_NAME, `?${NAMESPACE} A`] },
  {
    name: 'it fails later on: what could be completed in turn is not',
    server: { ...KNOWN, ...WWW, [`org.${SERVICES}`]: FAILED },
    asked: [
      ...[POD_NAME, `?${NAMESPACE} A`, `?org.${SERVICES} A`, `www.example.org.${SERVICES}`],
      ...['?www.example.org.cluster.local. A', ...OUTSIDE],
    ],
    answers: found(30),
  },
];
for (const { name, qname = POD_NAME, chain = {}, server, asked, answers = [] } of clusterCases) {
  test(`a cluster: ${name}`, async () => {
    const way = await walked(pods, qname, chain, server);
    assert.deepEqual(way.asked, asked);
    assert.deepEqual([way.outcome.rcode, way.answers], [answers.length > 0 ? 0 : 3, answers]);
  });
}
