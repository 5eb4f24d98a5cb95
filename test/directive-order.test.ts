/**
 * Which directive a query meets first, seen by clients: each block is written in the wrong order. (That
 * `acl` and `loadbalance` stand before `cache`, and `dnstap` before `rewrite`, is in their own tests.)
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { answer, reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { makeTemporaryDirectory } from './support/child.ts';
import { askUdp } from './support/client.ts';
import type { QueryParts, Response } from './support/message.ts';
import { scrape } from './support/metrics.ts';
import { type Nodens, startNodens } from './support/nodens.ts';

const CH = 3;
const NSID = 3; // RFC 5001
const SOA = 'test 300 SOA ns.test host.test 1 300';
let upstream: ScriptedUpstream;
let nodens: Nodens;

/** Each asks, twice where a hit is meant, and says what it got; `asked` is how often the upstream was asked for `qname`. */
type Case = {
  readonly name: string;
  /** Its own zone stands before it. */
  readonly block: readonly string[];
  readonly queries: readonly QueryParts[];
  readonly want: readonly (readonly string[])[];
  readonly asked: Readonly<Record<string, number>>;
  /** Queries that directives have asked the whole server. */
  readonly nested?: number;
  readonly output?: RegExp;
  readonly check?: (responses: readonly Response[]) => void;
};

const cases: readonly Case[] = [
  {
    name: 'any before cache',
    block: ['forward . UPSTREAM', 'cache', 'any'],
    queries: [{ qname: 'a.any.test' }, { qname: 'a.any.test', qtype: 'ANY' }],
    want: [['a.any.test 300 A 192.0.2.1'], ['a.any.test 8482 HINFO {"cpu":"ANY obsoleted","os":"See RFC 8482"}']],
    asked: { 'a.any.test A': 1, 'a.any.test ANY': 0 },
  },
  {
    name: 'chaos before forward, and for class CH alone',
    block: ['forward . UPSTREAM', 'chaos v1'],
    queries: [{ qname: 'version.bind' }, { qname: 'version.bind', qtype: 'TXT', qclass: CH }],
    want: [['version.bind 300 A 192.0.2.1'], ['version.bind 0 TXT v1']],
    asked: { 'version.bind A': 1, 'version.bind TXT': 0 },
  },
  {
    name: 'dns64 before cache: what it makes is not kept, what it is made of is',
    block: ['forward . UPSTREAM', 'cache', 'dns64 {\n allow_ipv4\n}'],
    queries: [
      { qname: 'six.dns64.test', qtype: 'AAAA' },
      { qname: 'six.dns64.test', qtype: 'AAAA' },
      { qname: 'six.dns64.test' },
    ],
    want: [
      ['six.dns64.test 300 AAAA 64:ff9b::c000:201'],
      ['six.dns64.test 300 AAAA 64:ff9b::c000:201'],
      ['six.dns64.test 300 A 192.0.2.1'],
    ],
    asked: { 'six.dns64.test A': 1, 'six.dns64.test AAAA': 1 },
    nested: 2,
  },
  {
    name: 'cache before rewrite: names that become one are kept apart',
    block: ['forward . UPSTREAM', 'rewrite name suffix .twins.rewrite.test .one.rewrite.test answer auto', 'cache'],
    queries: [
      { qname: 'a.twins.rewrite.test' },
      { qname: 'a.one.rewrite.test' },
      { qname: 'a.twins.rewrite.test' },
      { qname: 'a.one.rewrite.test' },
    ],
    want: [
      ['a.twins.rewrite.test 300 A 192.0.2.1'],
      ['a.one.rewrite.test 300 A 192.0.2.1'],
      ['a.twins.rewrite.test 300 A 192.0.2.1'],
      ['a.one.rewrite.test 300 A 192.0.2.1'],
    ],
    asked: { 'a.one.rewrite.test A': 2, 'a.twins.rewrite.test A': 0 },
  },
  {
    name: 'rewrite before template and hosts',
    block: [
      'forward . UPSTREAM',
      'hosts {\n 192.0.2.8 new.named.test\n fallthrough\n}',
      'template IN A {\n match ^made\n answer "{{ .Name }} 60 IN A 192.0.2.9"\n fallthrough\n}',
      'rewrite name old.named.test new.named.test',
      'rewrite name plain.named.test made.named.test',
    ],
    queries: [{ qname: 'old.named.test' }, { qname: 'plain.named.test' }],
    want: [['old.named.test 3600 A 192.0.2.8'], ['plain.named.test 60 A 192.0.2.9']],
    asked: { 'old.named.test A': 0, 'new.named.test A': 0, 'plain.named.test A': 0 },
  },
  {
    name: 'template before hosts before forward',
    block: [
      'forward . UPSTREAM',
      'hosts {\n 192.0.2.8 both.local.test\n 192.0.2.8 hosts.local.test\n fallthrough\n}',
      'template IN A {\n match ^both\n answer "{{ .Name }} 60 IN A 192.0.2.9"\n fallthrough\n}',
    ],
    queries: [{ qname: 'both.local.test' }, { qname: 'hosts.local.test' }, { qname: 'none.local.test' }],
    want: [
      ['both.local.test 60 A 192.0.2.9'],
      ['hosts.local.test 3600 A 192.0.2.8'],
      ['none.local.test 300 A 192.0.2.1'],
    ],
    asked: { 'both.local.test A': 0, 'hosts.local.test A': 0, 'none.local.test A': 1 },
  },
  {
    name: 'cache before minimal before template: the low TTL of a section that is left out does not count',
    block: [
      'template IN A {\n answer "{{ .Name }} 60 IN A 192.0.2.9"\n authority "test 7 IN NS ns.test"\n}',
      'minimal',
      'cache',
    ],
    queries: [{ qname: 'a.minimal.test' }, { qname: 'a.minimal.test' }],
    want: [['a.minimal.test 60 A 192.0.2.9'], ['a.minimal.test 60 A 192.0.2.9']],
    asked: {},
    check: (responses) =>
      assert.deepEqual(
        responses.flatMap(({ authorities }) => authorities),
        [],
      ),
  },
  {
    name: 'local before dns64',
    block: ['forward . UPSTREAM', 'dns64 {\n allow_ipv4\n translate_all\n}', 'local'],
    queries: [{ qname: 'localhost.local64.test', qtype: 'AAAA' }],
    want: [['localhost.local64.test 604800 AAAA ::1']],
    asked: { 'localhost.local64.test A': 0, 'localhost.local64.test AAAA': 0 },
  },
  {
    name: 'bufsize before cache: hits are no larger than it says',
    block: ['forward . UPSTREAM', 'cache', 'bufsize 700'],
    queries: [
      { qname: 'a.bufsize.test', edns: {} },
      { qname: 'a.bufsize.test', edns: {} },
    ],
    want: [['a.bufsize.test 300 A 192.0.2.1'], ['a.bufsize.test 300 A 192.0.2.1']],
    asked: { 'a.bufsize.test A': 1 },
    check: (responses) =>
      assert.deepEqual(
        responses.map(({ opt }) => opt?.udpPayloadBytes),
        [700, 700],
      ),
  },
  {
    name: 'cache before header: hits have the flags of the cache',
    block: ['forward . UPSTREAM', 'header {\n response clear aa\n}', 'cache'],
    queries: [{ qname: 'a.header.test' }, { qname: 'a.header.test' }],
    want: [['a.header.test 300 A 192.0.2.1'], ['a.header.test 300 A 192.0.2.1']],
    asked: { 'a.header.test A': 1 },
    check: (responses) =>
      assert.deepEqual(
        responses.map(({ aa }) => aa),
        [false, true],
      ),
  },
  {
    name: 'errors before rewrite: it tells the name that was asked for',
    block: ['template IN A {\n answer "{{ .Nothing }}"\n}', 'rewrite name old.errors.test new.errors.test', 'errors'],
    queries: [{ qname: 'old.errors.test' }],
    want: [[]],
    asked: {},
    output: /^\[ERROR\] plugin\/errors: 2 old\.errors\.test\. A: /m,
  },
  {
    name: 'rewrite before autopath: what the name has become is completed',
    block: [
      'forward . UPSTREAM',
      'autopath RESOLV_CONF',
      'rewrite name suffix .old.autopath.test .pods.autopath.test answer auto',
    ],
    queries: [{ qname: 'www.old.autopath.test' }],
    want: [['www.old.autopath.test 300 CNAME www', 'www 300 A 192.0.2.1']],
    asked: { 'www.pods.autopath.test A': 1, 'www A': 1 },
  },
  {
    name: 'nsid before cache: hits say who answers',
    block: ['forward . UPSTREAM', 'cache', 'nsid node-1'],
    queries: [withNsid('a.nsid.test'), withNsid('a.nsid.test')],
    want: [['a.nsid.test 300 A 192.0.2.1'], ['a.nsid.test 300 A 192.0.2.1']],
    asked: { 'a.nsid.test A': 1 },
    check: (responses) => {
      for (const { opt } of responses) {
        const found = opt?.options.find(({ code }) => code === NSID);
        assert.equal(found?.data.toString(), 'node-1');
      }
    },
  },
];

function withNsid(qname: string): QueryParts {
  return { qname, edns: { options: [{ code: NSID, data: Buffer.alloc(0) }] } };
}

/** The zone of a case: that of its first query, without its first label. */
function zoneOf({ queries }: Case): string {
  return queries[0].qname.split('.').slice(-2).join('.');
}

before(async () => {
  upstream = await ScriptedUpstream.start();
  upstream.otherwise((exchange) => {
    const { qname, qtype } = exchange.query;
    if (qname === 'www.pods.autopath.test') return reply({ rcode: 'NXDOMAIN', authorities: [SOA] })(exchange);
    return (qtype === 'A' ? answer(`${qname} 300 A 192.0.2.1`) : reply({ authorities: [SOA] }))(exchange);
  });
  // The TTL of hits is the one that was stored, or a second that passes would count.
  const blocks = cases.map((one) => {
    const lines = one.block.map((line) => (line === 'cache' ? 'cache {\n keepttl\n}' : line));
    return `${zoneOf(one)}:{PORT} {\n${[...lines, 'log . "{name} seen"', 'prometheus 127.0.0.1:{METRICS}'].join('\n')}\n bind 127.0.0.1\n}`;
  });
  const resolvConf = join(makeTemporaryDirectory('directive-order'), 'resolv.conf');
  writeFileSync(resolvConf, 'search pods.autopath.test\n');
  const corefile = blocks.join('\n').replaceAll('UPSTREAM', upstream.endpoint).replaceAll('RESOLV_CONF', resolvConf);
  nodens = await startNodens({ corefile });
});
after(async () => {
  await nodens?.stop();
  await upstream?.stop();
});

for (const one of cases) {
  test(one.name, async () => {
    const responses: Response[] = [];
    for (const query of one.queries) responses.push(await askUdp(nodens, query));
    assert.deepEqual(
      responses.map(({ answers }) => answers),
      one.want,
    );
    for (const [question, count] of Object.entries(one.asked)) {
      const [qname, qtype] = question.split(' ');
      assert.equal(upstream.queries(qname, qtype), count, question);
    }
    one.check?.(responses);
    if (one.output) await nodens.untilOutput(one.output);
    // log and prometheus stand before all of them.
    const counted = (await scrape(nodens.ports.METRICS)).value('coredns_dns_requests_total', {
      zone: `${zoneOf(one)}.`,
    });
    const reached = one.queries.filter(({ qname }) => qname.endsWith(zoneOf(one)));
    assert.equal(counted, reached.length + (one.nested ?? 0));
    for (const { qname } of reached) await nodens.untilOutput(new RegExp(`^\\[INFO\\] ${qname}\\. seen$`, 'm'));
  });
}
