import assert from 'node:assert/strict';
import { test } from 'node:test';
import { through } from './testing.ts';

// What the directives below are asked; undefined: the same as came.
const questionCases: { name: string; rules: string[]; qname: string; want: string | undefined }[] = [
  { name: 'exact', rules: ['name exact a.example b.example'], qname: 'a.example.', want: 'b.example.' },
  {
    name: 'exact is what is meant without a kind',
    rules: ['name a.example. b.example.'],
    qname: 'a.example.',
    want: 'b.example.',
  },
  { name: 'in any case', rules: ['name A.Example B.Example'], qname: 'a.EXAMPLE.', want: 'b.example.' },
  { name: 'exact: not below', rules: ['name a.example b.example'], qname: 'x.a.example.', want: undefined },
  { name: 'prefix: a dot is put behind it', rules: ['name prefix foo bar'], qname: 'foo.x.', want: 'bar.x.' },
  { name: 'prefix: so it is no part of a label', rules: ['name prefix foo bar'], qname: 'foox.', want: undefined },
  { name: 'prefix: several labels', rules: ['name prefix a.b c'], qname: 'A.b.x.', want: 'c.x.' },
  {
    name: 'suffix at the edge of a label',
    rules: ['name suffix .a.example .b.example'],
    qname: 'x.a.example.',
    want: 'x.b.example.',
  },
  {
    name: 'suffix with a dot in front: not the name itself',
    rules: ['name suffix .a.example .b.example'],
    qname: 'a.example.',
    want: undefined,
  },
  {
    name: 'suffix anywhere in a label',
    rules: ['name suffix a.example b.test'],
    qname: 'xa.example.',
    want: 'xb.test.',
  },
  {
    name: 'substring: a dot is put behind it',
    rules: ['name substring xx yy'],
    qname: 'axx.xx.xxb.',
    want: 'ayy.yy.xxb.',
  },
  { name: 'substring: nowhere', rules: ['name substring xx yy'], qname: 'xxa.', want: undefined },
  {
    name: 'regex',
    rules: ['name regex (.*)-(us-west-1)\\.example\\.org {1}.service.{2}.consul'],
    qname: 'ftp-us-west-1.example.org.',
    want: 'ftp.service.us-west-1.consul.',
  },
  {
    name: 'regex: unanchored, and the whole name is replaced',
    rules: ['name regex b c.example'],
    qname: 'abc.',
    want: 'c.example.',
  },
  {
    name: 'regex: on the lower-case name',
    rules: ['name regex ^([a-z]+)\\.example\\.$ {1}.test'],
    qname: 'WWW.example.',
    want: 'www.test.',
  },
  {
    name: 'regex: upper case in it matches nothing',
    rules: ['name regex ^WWW w'],
    qname: 'WWW.example.',
    want: undefined,
  },
  {
    name: 'regex: group 0 and one that took no part',
    rules: ['name regex (x)?(a)()\\.$ {0}{1}{2}.test'],
    qname: 'a.',
    want: 'a.a.test.',
  },
  {
    name: 'regex: a group put in is not read again',
    rules: ['name regex ^(.*)\\.(.*)\\.$ {1}.{2}.test'],
    qname: '{2}.b.',
    want: '{2}.b.test.',
  },
  { name: 'regex: what is no group stays', rules: ['name regex (a)() {1}{9}{01}'], qname: 'a.', want: 'a{9}{01}.' },
  {
    name: 'escapes',
    rules: ['name regex ^a\\\\\\.b\\.(.*)\\.$ c\\.d.{1}'],
    qname: 'a\\.b.example.',
    want: 'c\\.d.example.',
  },
  {
    name: 'an escaped dot at the end is no final one',
    rules: ['name a.example b\\.'],
    qname: 'a.example.',
    want: 'b\\..',
  },
  {
    name: 'stop: the first that applies',
    rules: ['name a.example b.example', 'name a.example c.example', 'name b.example d.example'],
    qname: 'a.example.',
    want: 'b.example.',
  },
  {
    name: 'what does not apply is passed over',
    rules: ['name x.example b.example', 'name a.example c.example'],
    qname: 'a.example.',
    want: 'c.example.',
  },
  {
    name: 'continue: the next sees what has become of it',
    rules: ['continue name a.example b.example', 'stop name b.example c.example', 'name c.example d.example'],
    qname: 'a.example.',
    want: 'c.example.',
  },
];
for (const { name, rules, qname, want } of questionCases) {
  test(`the question: ${name}`, async () => {
    const { asked, question } = await through(
      rules.map((rule) => `rewrite ${rule}`),
      { qname },
    );
    assert.deepEqual(asked, [`${want ?? qname} A`]);
    assert.equal(`${question.replace(' A', '')}.`, qname.replaceAll('\\', ''), 'the client sees its own');
  });
}

// What becomes of the names in the response to `x.a.example.`, asked for as `x.b.example.`
const auto = 'name suffix .a.example .b.example answer auto';
const answerCases: { name: string; rules: string[]; qname?: string; below: string[]; want: string[] }[] = [
  {
    name: 'exact is always turned back, and what is below it',
    rules: ['name x.a.example x.b.example'],
    below: ['x.b.example. 1 IN A 192.0.2.1', 'y.x.b.example. 1 IN A 192.0.2.2', 'b.example. 1 IN A 192.0.2.3'],
    want: ['x.a.example 1 A 192.0.2.1', 'y.x.a.example 1 A 192.0.2.2', 'b.example 1 A 192.0.2.3'],
  },
  {
    name: 'in lower case, whatever case it has here or there',
    rules: ['name x.a.example x.b.example'],
    qname: 'X.A.example.',
    below: ['X.B.Example. 1 IN A 192.0.2.1'],
    want: ['x.a.example 1 A 192.0.2.1'],
  },
  {
    name: 'exact with auto, too, and with a pattern for values beside it',
    rules: ['name exact x.a.example x.b.example answer auto answer value (.*)\\.c\\.example {1}.a.example'],
    below: ['x.b.example. 1 IN CNAME www.c.example.'],
    want: ['x.a.example 1 CNAME www.a.example'],
  },
  {
    name: 'others are not, unless told to',
    rules: ['name suffix .a.example .b.example'],
    below: ['x.b.example. 1 IN A 192.0.2.1'],
    want: ['x.b.example 1 A 192.0.2.1'],
  },
  {
    name: 'suffix: all names that end so',
    rules: [auto],
    below: ['x.b.example. 1 IN CNAME z.b.example.', 'z.b.example. 1 IN A 192.0.2.1', 'b.example. 1 IN NS c.example.'],
    want: ['x.a.example 1 CNAME z.a.example', 'z.a.example 1 A 192.0.2.1', 'b.example 1 NS c.example'],
  },
  {
    name: 'prefix: the name and what is below it',
    rules: ['name prefix x.a x.b answer auto'],
    below: ['x.b.example. 1 IN CNAME z.b.example.', 'z.b.example. 1 IN CNAME w.x.b.example.'],
    want: ['x.a.example 1 CNAME z.b.example', 'z.b.example 1 CNAME w.x.a.example'],
  },
  {
    name: 'substring',
    rules: ['name substring a.example b.example answer auto'],
    below: ['x.b.example. 1 IN A 192.0.2.1'],
    want: ['x.a.example 1 A 192.0.2.1'],
  },
  {
    name: 'regex',
    rules: ['name regex (.*)\\.a\\.example {1}.b.example answer auto'],
    below: ['x.b.example. 1 IN A 192.0.2.1'],
    want: ['x.a.example 1 A 192.0.2.1'],
  },
  {
    name: 'answer name: owners alone',
    rules: ['name regex (.*)\\.a\\.example {1}.b.example answer name (.*)\\.b\\.example {1}.A.example'],
    below: ['x.b.example. 1 IN CNAME z.b.example.'],
    want: ['x.a.example 1 CNAME z.b.example'],
  },
  {
    name: 'answer value: values alone',
    rules: ['name regex (.*)\\.a\\.example {1}.b.example answer value (.*)\\.b\\.example {1}.a.example'],
    below: ['x.b.example. 1 IN CNAME Z.B.example.'],
    want: ['x.b.example 1 CNAME z.a.example'],
  },
  {
    name: 'values of all types that have one',
    rules: [auto],
    below: [
      'q. 1 IN SRV 1 2 3 x.b.example.',
      'q. 1 IN MX 10 x.b.example.',
      'q. 1 IN CNAME x.b.example.',
      'q. 1 IN DNAME x.b.example.',
      'q. 1 IN NS x.b.example.',
      'q. 1 IN PTR x.b.example.',
      'q. 1 IN NAPTR 1 2 "a" "b" "c" x.b.example.',
      'q. 1 IN SOA x.b.example. y.b.example. 1 2 3 4 5',
      'q. 1 IN RP x.b.example. y.b.example.',
      'q. 1 IN TXT "x.b.example."',
    ],
    want: [
      'q 1 SRV 1 2 3 x.a.example',
      'q 1 MX 10 x.a.example',
      'q 1 CNAME x.a.example',
      'q 1 DNAME x.a.example',
      'q 1 NS x.a.example',
      'q 1 PTR x.a.example',
      'q 1 NAPTR 1 2 a b c x.a.example',
      'q 1 SOA x.a.example y.b.example 1 2 3 4 5',
      'q 1 RP x.b.example y.b.example',
      'q 1 TXT x.b.example.',
    ],
  },
  {
    name: 'what would be no name stays',
    rules: ['name regex (.*)\\.a\\.example {1}.b.example answer name ^(.*)\\.$ {1}.{1}.{1}.{1}.{1}'],
    below: ['x.b.example. 1 IN A 192.0.2.1', `${'y'.repeat(63)}. 1 IN A 192.0.2.2`],
    want: [`${'x.b.example.'.repeat(5).slice(0, -1)} 1 A 192.0.2.1`, `${'y'.repeat(63)} 1 A 192.0.2.2`],
  },
  {
    name: 'what was done last is undone first',
    rules: ['continue name x.a.example x.c.example', 'name suffix .c.example .b.example answer auto'],
    below: ['x.b.example. 1 IN A 192.0.2.1'],
    want: ['x.a.example 1 A 192.0.2.1'],
  },
];
for (const { name, rules, qname = 'x.a.example.', below, want } of answerCases) {
  test(`answers: ${name}`, async () => {
    const { answers, question } = await through(
      rules.map((rule) => `rewrite ${rule}`),
      { qname },
      { answer: below },
    );
    assert.deepEqual(answers, want);
    assert.equal(question, `${qname.slice(0, -1)} A`);
  });
}

test('all sections are turned back', async () => {
  const { answers, authorities, additionals } = await through(
    [`rewrite ${auto}`],
    { qname: 'x.a.example.' },
    {
      answer: ['x.b.example. 1 IN A 192.0.2.1'],
      authority: ['y.b.example. 1 IN NS ns.b.example.'],
      additional: ['ns.b.example. 1 IN A 192.0.2.2'],
    },
  );
  assert.deepEqual(answers, ['x.a.example 1 A 192.0.2.1']);
  assert.deepEqual(authorities, ['y.a.example 1 NS ns.a.example']);
  assert.deepEqual(additionals, ['ns.a.example 1 A 192.0.2.2']);
});

test('of one response a pattern looks at no more than 128 names', async () => {
  const rule = 'rewrite name regex (.*)\\.a\\.example {1}.b.example answer name (.*)\\.b\\.example {1}.a.example';
  const answer = Array.from({ length: 300 }, (_, i) => `${i % 260}.b.example. 1 IN A 192.0.2.1`);
  const { answers } = await through([rule], { qname: 'x.a.example.' }, { answer });
  assert.equal(answers.filter((record) => record.includes('.a.example')).length, 128 + 40);
});

const invalid = [
  { rule: 'name a.example b..example', qname: 'a.example.', name: 'b..example.' },
  {
    rule: 'name regex ^(.*)\\.example\\.$ {1}.{1}',
    qname: `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.example.`,
  },
  { rule: `name prefix a ${'b'.repeat(64)}`, qname: 'a.example.' },
];
for (const { rule, qname, name } of invalid) {
  test(`a name that cannot be is an error: ${rule.slice(0, 60)}`, async () => {
    const { outcome, asked } = await through([`rewrite continue ${rule}`, 'rewrite name regex .* c.example'], {
      qname,
    });
    assert.deepEqual(asked, []);
    assert.deepEqual([outcome.response, outcome.rcode, outcome.source], [undefined, 2, '']);
    assert.match(outcome.error?.message ?? '', /^plugin\/rewrite: invalid name after rewrite: /);
    if (name !== undefined) assert.ok(outcome.error?.message.endsWith(name));
  });
}
