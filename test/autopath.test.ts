/** The directive `autopath` as clients see it: one query where a search list makes them send eight. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { AutopathOutcome } from './autopath.scenario.ts';
import { answer, reply } from './peers/behaviours.ts';
import { GETADDRINFO_PROGRAMS } from './peers/getaddrinfo.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { makeTemporaryDirectory } from './support/child.ts';
import { askUdp, type Server } from './support/client.ts';
import { FLAGS, type Response } from './support/message.ts';
import { scrape } from './support/metrics.ts';
import { namespaceUnavailable, runInNamespace } from './support/namespace.ts';
import { launchNodens, type Nodens, startNodens } from './support/nodens.ts';
import { missing } from './support/programs.ts';

const SUFFIX = 'default.svc.cluster.local';
const nodata = reply({ authorities: ['cluster.local 30 SOA ns.dns.cluster.local host.cluster.local 1 30'] });

/** What is cached may be a second older than what is asked for next. */
const withoutTtls = ({ answers }: Response) => answers.map((text) => text.replace(/ \d+ /, ' TTL '));

describe('a block with autopath', () => {
  let cluster: ScriptedUpstream;
  let outside: ScriptedUpstream;
  let nodens: Nodens;
  let listed: Server;

  before(async () => {
    cluster = await ScriptedUpstream.start();
    outside = await ScriptedUpstream.start();
    const searchList = join(makeTemporaryDirectory('autopath'), 'resolv.conf');
    writeFileSync(searchList, 'nameserver 192.0.2.53\nsearch a.example b.example\n');
    const soa = 'cluster.local 30 SOA ns.dns.cluster.local host.cluster.local 1 30';
    cluster.otherwise(reply({ rcode: 'NXDOMAIN', authorities: [soa] }));
    for (const name of ['svc', 'default.svc', 'team-a.svc']) cluster.on(`${name}.cluster.local`, undefined, nodata);
    for (const service of [`kubernetes.${SUFFIX}`, 'web.team-a.svc.cluster.local']) {
      cluster.on(service, 'A', answer(`${service} 30 A 10.96.0.1`));
    }
    for (const name of ['www.example.org', 'other.example.org', 'x.corp', 'www.b.example']) {
      outside.on(name, 'A', answer(`${name} 300 A 192.0.2.80`));
    }
    outside.on('broken.example.org', 'A', reply({ rcode: 'SERVFAIL' }));
    nodens = await startNodens({
      corefile: `
cluster.local:{PORT} {
    bind 127.0.0.1
    prometheus 127.0.0.1:{METRICS}
    cache
    autopath @query
    forward . ${cluster.endpoint}
}
.:{PORT} {
    bind 127.0.0.1
    cache
    forward . ${outside.endpoint}
}
.:{PORT2} {
    bind 127.0.0.1
    autopath ${searchList}
    forward . ${outside.endpoint}
}
cluster.local:{PORT3} {
    bind 127.0.0.1
    dns64 {
        allow_ipv4
    }
    cache
    autopath @query
    forward . ${cluster.endpoint}
}
.:{PORT3} {
    bind 127.0.0.1
    cache
    forward . ${outside.endpoint}
}
`,
    });
    listed = { address: nodens.address, port: nodens.ports.PORT2 };
  });
  after(async () => {
    await nodens?.stop();
    await cluster?.stop();
    await outside?.stop();
  });

  test('@query: a name of the outside in one query, then from the cache', async () => {
    const qname = `WWW.example.org.${SUFFIX}`;
    for (let i = 0; i < 3; i++) {
      const response = await askUdp(nodens, { qname, edns: {} });
      assert.deepEqual([response.rcode, response.question], ['NOERROR', `${qname} A IN`]);
      // For no longer than the denials of the cluster DNS hold.
      assert.ok(response.ttls.every((ttl) => ttl > 0 && ttl <= 30));
      const records = [`${qname} TTL CNAME www.example.org`, 'www.example.org TTL A 192.0.2.80'];
      assert.deepEqual(withoutTtls(response), records);
    }
    const names = [
      `www.example.org.${SUFFIX}`,
      SUFFIX,
      'www.example.org.svc.cluster.local',
      'www.example.org.cluster.local',
    ];
    assert.deepEqual(
      names.map((name) => cluster.queries(name)),
      [1, 1, 1, 1],
    );
    assert.equal(outside.queries('www.example.org'), 1);
  });

  test('@query: another namespace asks for nothing that is in the cache', async () => {
    for (const namespace of ['default', 'team-a']) {
      const { answers } = await askUdp(nodens, { qname: `other.example.org.${namespace}.svc.cluster.local` });
      assert.equal(answers.length, 2);
    }
    const names = ['default.svc.cluster.local', 'team-a.svc.cluster.local', 'svc.cluster.local', 'cluster.local'];
    assert.deepEqual(
      names.map((name) => cluster.queries(`other.example.org.${name}`)),
      [1, 1, 1, 1],
    );
    assert.equal(outside.queries('other.example.org'), 1);
  });

  test('@query: of a name that does not exist nothing is asked twice, when the resolver asks for all of its search list', async () => {
    const base = 'missing.example.org';
    const tried = ['.default.svc.cluster.local', '.svc.cluster.local', '.cluster.local', ''].map((tail) => base + tail);
    for (const qname of tried) assert.equal((await askUdp(nodens, { qname })).rcode, 'NXDOMAIN');
    const counts = tried.map((name) => cluster.queries(name) + outside.queries(name));
    assert.deepEqual(counts, [1, 1, 1, 1]);
  });

  const cases = [
    { name: 'a Service', qname: `kubernetes.${SUFFIX}`, want: [`kubernetes.${SUFFIX} TTL A 10.96.0.1`] },
    {
      name: 'a Service of another namespace',
      qname: `web.team-a.${SUFFIX}`,
      want: [
        `web.team-a.${SUFFIX} TTL CNAME web.team-a.svc.cluster.local`,
        'web.team-a.svc.cluster.local TTL A 10.96.0.1',
      ],
    },
    { name: 'no such name', qname: `nowhere.example.org.${SUFFIX}`, rcode: 'NXDOMAIN', want: [] },
    { name: 'an upstream that fails', qname: `broken.example.org.${SUFFIX}`, rcode: 'SERVFAIL', want: [] },
    { name: 'a name outside', qname: 'www.example.org', want: ['www.example.org TTL A 192.0.2.80'] },
  ];
  for (const { name, qname, rcode = 'NOERROR', want } of cases) {
    test(`@query: ${name}`, async () => {
      const response = await askUdp(nodens, { qname });
      assert.deepEqual([response.rcode, withoutTtls(response)], [rcode, want]);
    });
  }

  test('@query: the second name of a resolver is not read as one in a namespace', async () => {
    const response = await askUdp(nodens, { qname: 'x.corp.org.svc.cluster.local' });
    assert.equal(response.rcode, 'NXDOMAIN');
    assert.deepEqual([cluster.queries('org.svc.cluster.local'), outside.queries('x.corp')], [1, 0]);
  });

  test('@query: dns64 translates what autopath has found', async () => {
    const translating: Server = { address: nodens.address, port: nodens.ports.PORT3 };
    outside
      .on('four.example.org', 'AAAA', nodata)
      .on('four.example.org', 'A', answer('four.example.org 300 A 192.0.2.4'));
    const qname = `four.example.org.${SUFFIX}`;
    for (let i = 0; i < 2; i++) {
      const response = await askUdp(translating, { qname, qtype: 'AAAA' });
      const records = [`${qname} TTL CNAME four.example.org`, 'four.example.org TTL AAAA 64:ff9b::c000:204'];
      assert.deepEqual([response.rcode, withoutTtls(response)], ['NOERROR', records]);
    }
    assert.deepEqual([outside.queries('four.example.org', 'AAAA'), outside.queries('four.example.org', 'A')], [1, 1]);
  });

  test('@query: what was completed is counted', async () => {
    const success = async () => {
      const { value } = await scrape(nodens.ports.METRICS);
      return value('coredns_autopath_success_total', { server: `dns://127.0.0.1:${nodens.port}` }) ?? 0;
    };
    const before = await success();
    await askUdp(nodens, { qname: `www.example.org.team-a.svc.cluster.local` });
    await askUdp(nodens, { qname: `nothing.example.org.team-a.svc.cluster.local` });
    assert.equal((await success()) - before, 1);
  });

  const listCases = [
    { qname: 'www.a.example', want: ['www.a.example 300 CNAME www.b.example', 'www.b.example 300 A 192.0.2.80'] },
    {
      qname: 'www.example.org.a.example',
      want: ['www.example.org.a.example 300 CNAME www.example.org', 'www.example.org 300 A 192.0.2.80'],
    },
    { qname: 'www.example.org', want: ['www.example.org 300 A 192.0.2.80'] },
    { qname: 'nowhere.a.example', rcode: 'NXDOMAIN', want: [] },
    { qname: 'broken.example.org.a.example', rcode: 'SERVFAIL', want: [] },
  ];
  for (const { qname, rcode = 'NOERROR', want } of listCases) {
    test(`a search list: ${qname}`, async () => {
      const response = await askUdp(listed, { qname });
      assert.deepEqual([response.rcode, response.question, response.answers], [rcode, `${qname} A IN`, want]);
    });
  }

  test('a search list: what is signed is authentic, but not behind an alias that is not', async () => {
    const answers = ['signed.b.example 300 A 192.0.2.1'];
    outside.on('signed.b.example', 'A', reply({ answers, flags: FLAGS.RA | FLAGS.AD }));
    const ask = (qname: string) => askUdp(listed, { qname, flags: FLAGS.RD | FLAGS.AD });
    assert.deepEqual([(await ask('signed.b.example')).ad, (await ask('signed.a.example')).ad], [true, false]);
  });
});

test('a search list that cannot be read: an error at the start', async () => {
  const failing = await launchNodens({ corefile: '.:{PORT} {\n bind 127.0.0.1\n whoami\n autopath /no/such/file\n}' });
  assert.equal((await failing.untilExit()).code, 1);
  assert.match(failing.stderr(), /^.*Corefile:4: autopath: failed to parse "\/no\/such\/file": ENOENT.*\n$/);
});

const skip = missing(...GETADDRINFO_PROGRAMS) || namespaceUnavailable();
describe('resolvers of C libraries, with the search list of a pod', { skip }, () => {
  let outcome: AutopathOutcome;
  before(async () => {
    outcome = await runInNamespace<AutopathOutcome>(join(import.meta.dirname, 'autopath.scenario.ts'));
  });

  const found = {
    'www.example.org': ['192.0.2.80', '2001:db8::80'],
    'four.example.org': ['192.0.2.4'],
    'alias.example.org': ['192.0.2.80', '2001:db8::80'],
    kubernetes: ['10.96.0.1'],
    'web.other': ['10.96.0.2'],
    'nowhere.example.org': ['EAI_NONAME'],
  };
  /** Names tried without autopath; each for A and for AAAA. */
  const tried: Readonly<Record<string, number>> = { kubernetes: 1, 'web.other': 2 };
  for (const libc of ['glibc', 'musl'] as const) {
    for (const [name, addresses] of Object.entries(found)) {
      test(`${libc}: ${name}`, () => {
        const [completed, plain] = [outcome.with[libc][name], outcome.without[libc][name]];
        assert.deepEqual([completed.found, plain.found], [addresses, addresses]);
        const first = `${name}.${SUFFIX}`;
        assert.equal(plain.asked.length, 2 * (tried[name] ?? 4));
        // Of a name that does not exist the resolver wants to see for itself.
        if (name.startsWith('nowhere')) assert.deepEqual(completed.asked, plain.asked);
        else assert.deepEqual(completed.asked, [`${first} A`, `${first} AAAA`]);
      });
    }
  }

  test('nodens ended well', () => {
    assert.equal(outcome.exitCode, 0);
  });
});
