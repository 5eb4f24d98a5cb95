import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { parseCorefile } from '../../corefile/parse.ts';
import { FLAG_TC, RCODE_SERVFAIL, setFlags } from '../../wire/header.ts';
import { CLASS_ANY, CLASS_CH, TYPE_A, TYPE_AAAA, TYPE_ANY, TYPE_MX, TYPE_TXT } from '../../wire/types.ts';
import type { Outcome, Query } from '../contract.ts';
import { register } from '../register.ts';
import { FakeProcess, type FakeQueryOptions, fakeBlock, fakeNext, fakeQuery, fakeReply } from '../testing.ts';
import { template } from './template.ts';

const NEXT: Outcome = { response: undefined, rcode: 0, source: 'next' };

/** What comes of queries to a block with these directives; `next` counts the queries that go on. */
function start(directives: string, zones = '.') {
  const options = { env: {}, defaultPort: 53, directiveNames: ['template'] };
  const { blocks } = parseCorefile(`${zones} {\n${directives}\n}`, 'Corefile', options);
  const [setUp] = register(template).configure(blocks[0]);
  const process = new FakeProcess();
  const next = fakeNext(NEXT);
  const handler = setUp.run(fakeBlock({ process }))?.(next) ?? assert.fail('no handler');
  return { ask: async (query: FakeQueryOptions) => handler(fakeQuery(query)), process };
}

/** Owner, TTL, type and data of each record of a section, read by another decoder. */
function shown({ response }: Outcome) {
  const message = dnsPacket.decode(Buffer.from(response?.bytes ?? assert.fail('no response')));
  const [answers, authorities, additionals] = [message.answers, message.authorities, message.additionals].map(
    (section) =>
      (section ?? []).map((record) =>
        'ttl' in record ? `${record.name} ${record.ttl} ${record.class} ${record.type} ${textOf(record.data)}` : '',
      ),
  );
  return { answers, authorities, additionals };
}

function textOf(data: unknown): string {
  if (Array.isArray(data)) return data.map(String).join('|');
  if (typeof data === 'object' && data !== null) return Object.values(data).join(' ');
  return String(data);
}

const IP = `template IN A example {
 match ^ip-(?P<a>10)-(?P<b>[0-9]+)[.]example[.]$ ^(?P<a>[0-9]+)[.](?P<b>[0-9]+)[.]x[.]example[.]$
 answer "{{ .Name }} 60 IN A {{ .Group.a }}.{{ .Group.b }}.0.1"
 fallthrough
}`;
const answerCases = [
  { name: 'groups by name', qname: 'IP-10-7.Example.', want: ['ip-10-7.example 60 IN A 10.7.0.1'], directives: IP },
  { name: 'the second pattern', qname: '3.4.x.example.', want: ['3.4.x.example 60 IN A 3.4.0.1'], directives: IP },
  {
    name: 'everything by number',
    directives:
      'template IN TXT {\n match (b)(c)?\n answer "a. TXT \\"{{ index .Match 0 }} {{ index .Match 1 }} [{{ index .Group `2` }}]{{ index .Group `1` }}\\""\n}',
    qname: 'abd.',
    qtype: TYPE_TXT,
    want: ['a 3600 IN TXT b b []b'],
  },
  {
    name: 'all that is known of a query',
    directives:
      'template IN TXT b.example {\n answer "{{ .Zone }} 1 {{ .Class }} {{ .Type }} {{ .Name }} {{ .Regex }} {{ .Remote }} {{ .Question.Name }} {{ .Question.Qtype }} {{ .Message.Id }} {{ .Message.RecursionDesired }} {{ len .Message.Question }}"\n}',
    qname: 'A.b.Example.',
    qtype: TYPE_TXT,
    want: ['b.example 1 IN TXT a.b.example.|.*|192.0.2.53|A.b.Example.|16|4660|true|1'],
  },
  {
    name: 'several templates on several lines',
    directives:
      'template IN A {\n answer "{{ .Name }} A 192.0.2.1" "{{ .Name }} A 192.0.2.2"\n answer "{{ .Name }} 5 A 192.0.2.3"\n}',
    qname: 'a.',
    want: ['a 3600 IN A 192.0.2.1', 'a 3600 IN A 192.0.2.2', 'a 5 IN A 192.0.2.3'],
  },
  {
    name: 'parseInt',
    directives:
      'template IN A {\n match ^ip0a([a-f0-9]{2})\n answer "{{ .Name }} 60 IN A 10.0.0.{{ parseInt (index .Match 1) 16 8 }}"\n}',
    qname: 'ip0aff.example.',
    want: ['ip0aff.example 60 IN A 10.0.0.255'],
  },
  {
    name: 'what prints nothing is no record',
    directives:
      'template IN A {\n answer "{{ if eq .Zone `x.` }}{{ .Name }} A 192.0.2.1{{ end }}" "{{ .Name }} A 192.0.2.2"\n}',
    qname: 'a.',
    want: ['a 3600 IN A 192.0.2.2'],
  },
  {
    name: 'the first of several records that one template prints',
    directives: 'template IN A {\n answer "{{ .Name }} A 192.0.2.1\n{{ .Name }} A 192.0.2.2"\n}',
    qname: 'a.',
    want: ['a 3600 IN A 192.0.2.1'],
  },
  { name: 'no answer at all', directives: 'template IN A {\n rcode NOERROR\n}', qname: 'a.', want: [] },
  {
    name: 'a query of type ANY has the type of the template',
    directives: 'template IN MX {\n answer "{{ .Name }} 1 {{ .Class }} {{ .Type }} 10 mx.example."\n}',
    qname: 'a.',
    qtype: TYPE_ANY,
    want: ['a 1 IN MX 10 mx.example'],
  },
  {
    name: 'a query of class ANY has the class of the template',
    directives: 'template CH A {\n answer "{{ .Name }} 1 {{ .Class }} A 192.0.2.1"\n}',
    qname: 'a.',
    qclass: CLASS_ANY,
    want: ['a 1 CH A 192.0.2.1'],
  },
];
for (const { name, directives, want, ...query } of answerCases) {
  test(`answer: ${name}`, async () => {
    const outcome = await start(directives).ask(query);
    assert.equal(outcome.source, 'template');
    assert.deepEqual(shown(outcome).answers, want);
  });
}

test('all sections, the rcode and the extended error', async () => {
  const { ask } = start(`template IN A example {
 rcode NXDOMAIN
 answer "{{ .Name }} 1 A 192.0.2.1"
 additional "ns.example. 2 A 192.0.2.2"
 authority "{{ .Zone }} 3 IN NS ns.example."
 authority "{{ .Zone }} 4 IN SOA ns.{{ .Zone }} admin.{{ .Zone }} (1 2 3 4 5)"
 ederror 15 "not here"
}`);
  const outcome = await ask({ qname: 'a.example.', flags: 0x0110 });
  assert.deepEqual(shown(outcome), {
    answers: ['a.example 1 IN A 192.0.2.1'],
    additionals: ['ns.example 2 IN A 192.0.2.2'],
    authorities: ['example 3 IN NS ns.example', 'example 4 IN SOA ns.example admin.example 1 2 3 4 5'],
  });
  assert.equal(outcome.rcode, 3);
  assert.equal(outcome.response?.flags, 0x8513); // QR, AA, RD and CD as asked, NXDOMAIN
  assert.deepEqual(outcome.extendedError, { code: 15, text: 'not here' });
});

test('one answer for rcodes that make CoreDNS send two', async () => {
  const { ask } = start('template IN A {\n rcode REFUSED\n}');
  const { response, rcode } = await ask({});
  assert.deepEqual([response?.rcode, rcode], [5, 5]);
});

const wayCases = [
  {
    name: 'another zone',
    directives: 'template IN A example {\n rcode NXDOMAIN\n}',
    qname: 'a.example.org.',
    want: 'next',
  },
  { name: 'not at the edge of a label', directives: 'template IN A example {\n}', qname: 'xexample.', want: 'next' },
  {
    name: 'the zones of the block',
    directives: 'template IN A',
    zones: 'example',
    qname: 'a.example.',
    want: 'template',
  },
  { name: 'another type', directives: 'template IN A', qtype: TYPE_AAAA, want: 'next' },
  { name: 'any type', directives: 'template IN ANY', qtype: TYPE_AAAA, want: 'template' },
  { name: 'another class', directives: 'template IN A', qclass: CLASS_CH, want: 'next' },
  { name: 'any class', directives: 'template ANY A', qclass: CLASS_CH, want: 'template' },
  { name: 'a query for ANY', directives: 'template IN MX', qtype: TYPE_ANY, want: 'template' },
  { name: 'no match', directives: 'template IN A {\n match ^x\n}', want: '' },
  { name: 'no match, fallthrough', directives: 'template IN A {\n match ^x\n fallthrough\n}', want: 'next' },
  {
    name: 'no match, fallthrough of others',
    directives: 'template IN A {\n match ^x\n fallthrough example.net\n}',
    want: '',
  },
  {
    name: 'no match, fallthrough to the next template',
    directives: 'template IN A {\n match ^x\n fallthrough example.org\n}\ntemplate IN A',
    want: 'template',
  },
  {
    name: 'no match, the next template is not tried',
    directives: 'template IN A {\n match ^x\n}\ntemplate IN A',
    want: '',
  },
  { name: 'the first that is for it', directives: 'template IN MX {\n match ^x\n}\ntemplate IN A', want: 'template' },
  { name: 'rcode SERVFAIL', directives: 'template IN A {\n rcode SERVFAIL\n answer "{{ .Nosuch }}"\n}', want: '' },
];
for (const { name, directives, want, zones, ...query } of wayCases) {
  test(`who answers: ${name}`, async () => {
    const outcome = await start(directives, zones).ask(query);
    assert.equal(outcome.source, want);
    assert.equal(outcome.error, undefined);
    if (want === '') assert.deepEqual([outcome.rcode, outcome.response], [RCODE_SERVFAIL, undefined]);
  });
}

const failures = [
  {
    name: 'an unknown field',
    line: 'answer "{{ .Nosuch }}"',
    error:
      'template: answer:1:3: executing "answer" at <.Nosuch>: can\'t evaluate field Nosuch in type *template.templateData',
    metric:
      'coredns_template_template_failures_total{class="IN",section="answer",server="dns://:1053",template="{{.Nosuch}}",type="A",view="",zone="."} 1',
  },
  {
    name: 'no such group',
    line: 'additional "{{ index .Match 2 }}"',
    error:
      'template: additional:1:3: executing "additional" at <index .Match 2>: error calling index: index out of range: 2',
    metric:
      'coredns_template_template_failures_total{class="IN",section="additional",server="dns://:1053",template="{{index .Match 2}}",type="A",view="",zone="."} 1',
  },
  {
    name: 'no record',
    line: 'authority "{{ .Name }}"',
    error: 'template: authority: not a record: type is missing: www.example.org.',
    metric:
      'coredns_template_rr_failures_total{class="IN",section="authority",server="dns://:1053",template="{{.Name}}",type="A",view="",zone="."} 1',
  },
];
for (const { name, line, error, metric } of failures) {
  test(`a failure: ${name}`, async () => {
    const { ask, process } = start(`template IN A {\n ${line}\n}`);
    const outcome = await ask({});
    assert.deepEqual([outcome.rcode, outcome.response], [RCODE_SERVFAIL, undefined]);
    assert.equal(outcome.error?.message, error);
    const exposed = await process.metrics.expose();
    assert.ok(exposed.includes(metric), exposed);
    assert.match(
      exposed,
      /^coredns_template_matches_total\{class="IN",server="dns:\/\/:1053",type="A",view="",zone="\."\} 1$/m,
    );
  });
}

test('types without a mnemonic share one series', async () => {
  const { ask, process } = start('template IN ANY');
  for (const qtype of [65280, 65281, TYPE_MX]) await ask({ qtype });
  const exposed = await process.metrics.expose();
  assert.match(
    exposed,
    /^coredns_template_matches_total\{class="IN",server="dns:\/\/:1053",type="",view="",zone="\."\} 2$/m,
  );
  assert.match(exposed, /^coredns_template_matches_total\{[^}]*type="MX"[^}]*\} 1$/m);
});

test('.Meta has what directives before have left', async () => {
  const { ask } = start('template IN TXT {\n answer "a. TXT \\"{{ .Meta `trace/traceid` }}.{{ .Meta `none` }}\\""\n}');
  assert.deepEqual(shown(await ask({ qtype: TYPE_TXT })).answers, ['a 3600 IN TXT .']);
});

const ALIAS =
  'template IN ANY alias.example {\n answer "{{ .Name }} 60 CNAME target.example.net" "{{ .Name }} TXT b"\n}';
const resolve = (query: Query): Outcome => {
  const response = fakeReply(query, { answer: [`${query.qname} 30 IN A 192.0.2.9`], flags: 0x8180 });
  return { response, rcode: 0, source: 'forward' };
};
const aliasCases = [
  {
    name: 'its target is resolved',
    query: { qtype: TYPE_A, resolve },
    want: [
      'alias.example 60 IN CNAME target.example.net',
      'target.example.net 30 IN A 192.0.2.9',
      'alias.example 3600 IN TXT b',
    ],
  },
  {
    name: 'not for other types than addresses',
    query: { qtype: TYPE_MX, resolve: () => assert.fail('asked') },
    want: ['alias.example 60 IN CNAME target.example.net', 'alias.example 3600 IN TXT b'],
  },
  {
    name: 'whose target nobody knows',
    query: { qtype: TYPE_A },
    want: ['alias.example 60 IN CNAME target.example.net', 'alias.example 3600 IN TXT b'],
  },
];
for (const { name, query, want } of aliasCases) {
  test(`an alias: ${name}`, async () => {
    const outcome = await start(ALIAS).ask({ qname: 'alias.example.', ...query });
    assert.deepEqual(shown(outcome).answers, want);
    assert.deepEqual([outcome.rcode, outcome.response?.tc], [0, false]);
  });
}

test('an alias: what is truncated stays so', async () => {
  const truncated = (query: Query): Outcome => {
    const outcome = resolve(query);
    if (outcome.response !== undefined) setFlags(outcome.response.bytes, outcome.response.flags | FLAG_TC);
    return outcome;
  };
  const outcome = await start(ALIAS).ask({ qname: 'alias.example.', resolve: truncated });
  assert.equal(outcome.response?.tc, true);
});

test('concerns: the names in its zones', () => {
  const options = { env: {}, defaultPort: 53, directiveNames: ['template'] };
  const { blocks } = parseCorefile('. {\n template IN A a.example\n template IN A b.example\n}', 'Corefile', options);
  const [setUp] = register(template).configure(blocks[0]);
  assert.deepEqual(['x.a.example.', 'b.example.', 'c.example.'].map(setUp.concerns), [true, true, false]);
});
