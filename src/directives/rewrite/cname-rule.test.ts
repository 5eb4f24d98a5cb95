import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAG_QR, FLAG_TC, RCODE_NXDOMAIN, RCODE_SERVFAIL } from '../../wire/header.ts';
import { TYPE_AAAA } from '../../wire/types.ts';
import type { Query } from '../contract.ts';
import { questionText, replied, through } from './testing.ts';

const alias = 'www.example.org. 5 IN CNAME old.example.net.';
const below = {
  answer: [alias, 'old.example.net. 5 IN A 192.0.2.1'],
  authority: ['example.org. 5 IN NS ns.example.org.'],
};

const cases: { name: string; rule: string; answer?: string[]; found?: string[]; asked?: string; want: string[] }[] = [
  {
    name: 'exact, with or without the final dot',
    rule: 'cname old.example.net new.example.net',
    found: ['new.example.net. 7 IN A 192.0.2.7', 'new.example.net. 7 IN A 192.0.2.8'],
    asked: 'new.example.net. A',
    want: ['www.example.org 5 CNAME new.example.net', 'new.example.net 7 A 192.0.2.7', 'new.example.net 7 A 192.0.2.8'],
  },
  {
    name: 'another target',
    rule: 'cname other.example.net. new.example.net.',
    want: ['www.example.org 5 CNAME old.example.net', 'old.example.net 5 A 192.0.2.1'],
  },
  {
    name: 'prefix, no dot is put behind it',
    rule: 'cname prefix ol ne',
    asked: 'ned.example.net. A',
    found: ['ned.example.net. 7 IN A 192.0.2.7'],
    want: ['www.example.org 5 CNAME ned.example.net', 'ned.example.net 7 A 192.0.2.7'],
  },
  {
    name: 'suffix',
    rule: 'cname suffix .example.net. .example.com.',
    asked: 'old.example.com. A',
    want: ['www.example.org 5 CNAME old.example.com'],
  },
  {
    name: 'substring',
    rule: 'cname substring example test',
    asked: 'old.test.net. A',
    want: ['www.example.org 5 CNAME old.test.net'],
  },
  {
    name: 'regex',
    rule: 'cname regex ^(.*)\\.example\\.net\\.$ {1}.new.example.',
    asked: 'old.new.example. A',
    found: ['old.new.example. 7 IN A 192.0.2.7'],
    want: ['www.example.org 5 CNAME old.new.example', 'old.new.example 7 A 192.0.2.7'],
  },
  {
    name: 'in any case',
    rule: 'cname OLD.example.net NEW.example.net',
    answer: ['www.example.org. 5 IN CNAME Old.Example.Net.'],
    asked: 'new.example.net. A',
    want: ['www.example.org 5 CNAME new.example.net'],
  },
  {
    name: 'all aliases lead to the new name',
    rule: 'cname b.example. new.example.net.',
    answer: [
      'www.example.org. 5 IN CNAME a.example.',
      'a.example. 5 IN CNAME b.example.',
      'b.example. 5 IN A 192.0.2.1',
    ],
    asked: 'new.example.net. A',
    want: ['www.example.org 5 CNAME new.example.net', 'a.example 5 CNAME new.example.net'],
  },
  {
    name: 'what the new name is an alias of comes along, and nothing else',
    rule: 'cname old.example.net. new.example.net.',
    asked: 'new.example.net. A',
    found: ['new.example.net. 7 IN CNAME c.example.', 'c.example. 7 IN A 192.0.2.7', 'd.example. 7 IN A 192.0.2.8'],
    want: ['www.example.org 5 CNAME new.example.net', 'new.example.net 7 CNAME c.example', 'c.example 7 A 192.0.2.7'],
  },
  {
    name: 'what can be no name changes nothing',
    rule: 'cname regex .* a..b.',
    want: ['www.example.org 5 CNAME old.example.net', 'old.example.net 5 A 192.0.2.1'],
  },
];
for (const { name, rule, answer = below.answer, found = [], asked, want } of cases) {
  test(`cname: ${name}`, async () => {
    const lookedUp: string[] = [];
    const lookUp = (query: Query) => {
      lookedUp.push(questionText(query));
      return replied(query, { answer: found });
    };
    const seen = await through([`rewrite ${rule}`], { lookUp }, { ...below, answer });
    assert.deepEqual(lookedUp, asked === undefined ? [] : [asked]);
    assert.deepEqual(seen.answers, want);
    assert.deepEqual(seen.authorities, ['example.org 5 NS ns.example.org']);
    assert.deepEqual([seen.asked, seen.lines], [['www.example.org. A'], []]);
  });
}

test('cname: the type that is looked up is the one that the client asked for', async () => {
  const asked: string[] = [];
  const lookUp = (query: Query) => {
    asked.push(questionText(query));
    return replied(query, {});
  };
  const rules = ['rewrite continue type AAAA A', 'rewrite cname old.example.net new.example.net'];
  await through(rules, { lookUp, qtype: TYPE_AAAA }, below);
  assert.deepEqual(asked, ['new.example.net. AAAA']);
});

test('cname: TC of what is found is that of the answer', async () => {
  const lookUp = (query: Query) => replied(query, { flags: FLAG_QR | FLAG_TC });
  const { outcome } = await through(['rewrite cname old.example.net new.example.net'], { lookUp }, below);
  assert.equal(outcome.response?.tc, true);
});

test('cname: a new name that does not exist is the end of the chain', async () => {
  const lookUp = (query: Query) => replied(query, { rcode: RCODE_NXDOMAIN });
  const { outcome, answers } = await through(['rewrite cname old.example.net new.example.net'], { lookUp }, below);
  assert.deepEqual([outcome.rcode, answers], [0, ['www.example.org 5 CNAME new.example.net']]);
});

test('cname: where nothing can be looked up, all stays, and the log says why', async () => {
  const lookUp = () => ({ response: undefined, rcode: RCODE_SERVFAIL, source: '', error: new Error('too deep') });
  const { answers, lines } = await through(['rewrite cname old.example.net new.example.net'], { lookUp }, below);
  assert.deepEqual(answers, ['www.example.org 5 CNAME old.example.net', 'old.example.net 5 A 192.0.2.1']);
  assert.equal(lines.length, 1);
  assert.match(lines[0], /\[ERROR\] plugin\/rewrite: cname: no answer for new\.example\.net\.: too deep$/);
});

test('cname: rules before it in the file come after it', async () => {
  const rules = [
    'rewrite continue name suffix .example.org .example.net answer auto',
    'rewrite continue ttl regex .* 9',
    'rewrite cname old.example.net. new.example.net.',
  ];
  const lookUp = (query: Query) => replied(query, { answer: ['new.example.net. 7 IN A 192.0.2.7'] });
  const { answers } = await through(rules, { lookUp }, { answer: ['www.example.net. 5 IN CNAME old.example.net.'] });
  assert.deepEqual(answers, ['www.example.org 9 CNAME new.example.org', 'new.example.org 9 A 192.0.2.7']);
});
