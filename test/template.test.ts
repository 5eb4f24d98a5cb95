/** The directive `template` as clients see it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answer, reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askTcp, askUdp, type Server } from './support/client.ts';
import type { QueryParts, Response } from './support/message.ts';
import { scrape } from './support/metrics.ts';
import { launchNodens, type Nodens, startNodens } from './support/nodens.ts';

const EDE = 15; // RFC 8914
let upstream: ScriptedUpstream;
let nodens: Nodens;
let uncached: Server;

before(async () => {
  upstream = await ScriptedUpstream.start();
  upstream
    .otherwise((exchange) => answer(`${exchange.query.qname} 300 A 192.0.2.99`)(exchange))
    .on('target.example.net', 'A', answer('target.example.net 300 A 192.0.2.1', 'target.example.net 300 A 192.0.2.2'))
    .on('target.example.net', 'AAAA', answer('target.example.net 300 AAAA 2001:db8::1'))
    .on('gone.example.net', 'A', reply({ rcode: 'NXDOMAIN' }));
  nodens = await startNodens({
    corefile: `
.:{PORT} {
    bind 127.0.0.1
    metadata
    prometheus 127.0.0.1:{METRICS}
    errors
    cache
    template IN A example.org {
        match "^ip-(?P<a>[0-9]+)-(?P<b>[0-9]+)-(?P<c>[0-9]+)-(?P<d>[0-9]+)[.]example[.]org[.]$"
        answer "{{ .Name }} 60 IN A {{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"
        fallthrough
    }
    template IN PTR 192.0.2.0/24 {
        match ^(?P<d>[0-9]*)[.](?P<c>[0-9]*)[.](?P<b>[0-9]*)[.](?P<a>[0-9]*)[.]in-addr[.]arpa[.]$
        answer "{{ .Name }} 60 IN PTR ip-{{ .Group.a }}-{{ .Group.b }}-{{ .Group.c }}-{{ .Group.d }}.example.org."
    }
    template IN AAAA example.org {
        rcode NOERROR
    }
    template ANY ANY invalid {
        rcode NXDOMAIN
        authority "invalid. 60 {{ .Class }} SOA ns.invalid. hostmaster.invalid. (1 60 60 60 60)"
        ederror 21 "Blocked according to RFC2606"
    }
    template IN ANY alias.example {
        answer "{{ .Name }} 60 IN CNAME {{ slice .Name 0 (len (index .Match 0)) }}target.example.net."
        match ^
    }
    template IN ANY lost.example {
        answer "{{ .Name }} 60 IN CNAME gone.example.net."
    }
    template IN ANY again.example {
        answer "{{ .Name }} 60 IN CNAME ip-192-0-2-7.example.org."
    }
    template IN ANY round.example {
        answer "{{ .Name }} 60 IN CNAME {{ .Name }}"
    }
    template IN A broken.example {
        answer "{{ .Nosuch }}"
    }
    template IN A many.example {
        answer ${Array.from({ length: 60 }, (_, i) => `"{{ .Name }} 60 A 198.51.100.${i + 1}"`).join(' ')}
    }
    forward . ${upstream.endpoint}
}
.:{PORT2} {
    bind 127.0.0.1
    template IN A refused.example {
        rcode REFUSED
        ederror 18
    }
    template IN A failing.example {
        rcode SERVFAIL
    }
    template IN TXT example.org {
        answer "{{ .Name }} 0 TXT {{ .Remote }} {{ .Message.RecursionDesired }} {{ printf \\"%q\\" .Zone }}"
    }
    template IN A example.org {
        match ^only[.]
        answer "{{ .Name }} A 192.0.2.3"
    }
    forward . ${upstream.endpoint}
}
`,
  });
  uncached = { address: nodens.address, port: nodens.ports.PORT2 };
});
after(async () => {
  await nodens?.stop();
  await upstream?.stop();
});

/** The answers without their TTLs: those of a cache run down. */
const bare = ({ answers }: Response) => answers.map((record) => record.replace(/ \d+/, ''));

function extendedError({ opt }: Response): string | undefined {
  const data = opt?.options.find(({ code }) => code === EDE)?.data;
  return data && `${data.readUInt16BE(0)} ${data.toString('utf8', 2)}`.trim();
}

describe('answers', { concurrency: true }, () => {
  const cases: { query: QueryParts; rcode?: string; want: string[]; at?: 'uncached' }[] = [
    { query: { qname: 'ip-10-1-2-3.example.org' }, want: ['ip-10-1-2-3.example.org A 10.1.2.3'] },
    { query: { qname: 'IP-10-1-2-4.Example.ORG' }, want: ['ip-10-1-2-4.example.org A 10.1.2.4'] },
    { query: { qname: 'www.example.org' }, want: ['www.example.org A 192.0.2.99'] },
    { query: { qname: 'www.example.org', qtype: 'AAAA' }, want: [] },
    {
      query: { qname: '7.2.0.192.in-addr.arpa', qtype: 'PTR' },
      want: ['7.2.0.192.in-addr.arpa PTR ip-192-0-2-7.example.org'],
    },
    { query: { qname: 'x.invalid', qtype: 'MX' }, rcode: 'NXDOMAIN', want: [] },
    { query: { qname: 'x.lost.example' }, want: ['x.lost.example CNAME gone.example.net'] },
    {
      query: { qname: 'again.example' },
      want: ['again.example CNAME ip-192-0-2-7.example.org', 'ip-192-0-2-7.example.org A 192.0.2.7'],
    },
    { query: { qname: 'refused.example' }, rcode: 'REFUSED', want: [], at: 'uncached' },
    { query: { qname: 'failing.example' }, rcode: 'SERVFAIL', want: [], at: 'uncached' },
    { query: { qname: 'other.example.org' }, rcode: 'SERVFAIL', want: [], at: 'uncached' },
    { query: { qname: 'only.example.org' }, want: ['only.example.org A 192.0.2.3'], at: 'uncached' },
    {
      query: { qname: 'a.example.org', qtype: 'TXT', flags: 0 },
      want: ['a.example.org TXT 127.0.0.1falseexample.org.'],
      at: 'uncached',
    },
  ];
  for (const { query, rcode = 'NOERROR', want, at } of cases) {
    for (const ask of [askUdp, askTcp]) {
      test(`${ask.name} ${query.qname} ${query.qtype ?? 'A'}`, async () => {
        const response = await ask(at === undefined ? nodens : uncached, query);
        assert.equal(response.rcode, rcode);
        assert.deepEqual(bare(response), want);
      });
    }
  }
});

test('flags: authoritative, RD as asked, no recursion', async () => {
  const { aa, ra, rd, question } = await askUdp(uncached, { qname: 'ONLY.example.org' });
  assert.deepEqual([aa, ra, rd, question], [true, false, true, 'ONLY.example.org A IN']);
});

test('an extended error for clients that speak EDNS, and no OPT for others', async () => {
  const blocked = { qname: 'a.invalid', edns: { udpPayloadBytes: 1400 } };
  const response = await askUdp(nodens, blocked);
  assert.equal(extendedError(response), '21 Blocked according to RFC2606');
  assert.deepEqual([response.opt?.udpPayloadBytes, response.opt?.flags], [1400, 0]);
  assert.deepEqual(response.authorities.length, 1);
  assert.equal((await askUdp(nodens, { qname: 'b.invalid' })).opt, undefined);
  const refused = await askUdp(uncached, { qname: 'refused.example', edns: {} });
  assert.deepEqual([refused.rcode, extendedError(refused)], ['REFUSED', '18']);
});

test('an alias is followed through the cache, for both families', async () => {
  const alias = 'alias.example CNAME target.example.net';
  for (let i = 0; i < 2; i++) {
    const answers = bare(await askUdp(nodens, { qname: 'alias.example' }));
    assert.deepEqual(answers, [alias, 'target.example.net A 192.0.2.1', 'target.example.net A 192.0.2.2']);
  }
  assert.equal(upstream.queries('target.example.net', 'A'), 1);
  const answers = bare(await askUdp(nodens, { qname: 'alias.example', qtype: 'AAAA' }));
  assert.deepEqual(answers, [alias, 'target.example.net AAAA 2001:db8::1']);
  const others = bare(await askUdp(nodens, { qname: 'alias.example', qtype: 'MX' }));
  assert.deepEqual(others, [alias]);
});

test('an alias of itself ends', async () => {
  const answers = bare(await askTcp(nodens, { qname: 'round.example' }));
  assert.ok(answers.length >= 1 && answers.length < 40);
  assert.deepEqual([...new Set(answers)], ['round.example CNAME round.example']);
});

test('what does not fit is cut, and whole over TCP', async () => {
  const udp = await askUdp(nodens, { qname: 'many.example' });
  assert.deepEqual([udp.tc, udp.answers.length < 60], [true, true]);
  const tcp = await askTcp(nodens, { qname: 'many.example' });
  assert.deepEqual([tcp.tc, tcp.answers.length], [false, 60]);
});

test('a template that fails: SERVFAIL, a log line, a metric; hits are no matches', async () => {
  const { rcode, aa } = await askUdp(nodens, { qname: 'broken.example' });
  assert.deepEqual([rcode, aa], ['SERVFAIL', false]);
  await nodens.untilOutput(/\[ERROR\] plugin\/errors: 2 broken\.example\. A: template: answer:1:3: executing "answer"/);
  for (let i = 0; i < 3; i++) await askUdp(nodens, { qname: 'ip-10-9-9-9.example.org' });
  const metrics = await scrape(nodens.ports.METRICS);
  const server = `dns://127.0.0.1:${nodens.port}`;
  const labels = { server, zone: 'broken.example.', view: '', class: 'IN', type: 'A' };
  assert.equal(metrics.value('coredns_template_matches_total', labels), 1);
  const failure = { ...labels, section: 'answer', template: '{{.Nosuch}}' };
  assert.equal(metrics.value('coredns_template_template_failures_total', failure), 1);
  const ip = metrics.value('coredns_template_matches_total', { ...labels, zone: 'example.org.' });
  assert.ok(ip !== undefined && ip >= 1);
  await askUdp(nodens, { qname: 'ip-10-9-9-9.example.org' });
  const later = await scrape(nodens.ports.METRICS);
  assert.equal(later.value('coredns_template_matches_total', { ...labels, zone: 'example.org.' }), ip);
});

test('a template with a fault: an error at the start that names its line', async () => {
  const failing = await launchNodens({
    corefile: `.:{PORT} {
    bind 127.0.0.1
    template IN A {
        answer "{{ .Name }} A 192.0.2.1" "
            {{ nosuch }}"
    }
}`,
  });
  assert.equal((await failing.untilExit()).code, 1);
  assert.match(failing.stderr(), /^.*Corefile:5: template: answer: function "nosuch" not defined\n$/);
});
