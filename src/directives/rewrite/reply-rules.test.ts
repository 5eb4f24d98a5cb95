import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAG_AA, FLAG_CD, FLAG_QR, FLAG_RD, FLAG_TC, RCODE_SERVFAIL } from '../../wire/header.ts';
import { CLASS_CH, TYPE_ANY, TYPE_HINFO, TYPE_TXT } from '../../wire/types.ts';
import { sameQuestion } from '../../wire/view.ts';
import type { Outcome } from '../contract.ts';
import { fakeBlock, fakeQuery } from '../testing.ts';
import { rewrite } from './rewrite.ts';
import { replied, rulesOf, through } from './testing.ts';

const ttlCases: { rules: string[]; want: number[] }[] = [
  { rules: ['ttl www.example.org 30'], want: [30, 30, 30] },
  { rules: ['ttl regex (.*)\\.example\\.org 30-60'], want: [30, 60, 60] },
  { rules: ['ttl suffix .example.org 30-'], want: [30, 100, 3600] },
  { rules: ['ttl prefix www -60'], want: [5, 60, 60] },
  { rules: ['ttl substring example 0'], want: [0, 0, 0] },
  { rules: ['ttl exact other.example.org 30'], want: [5, 100, 3600] },
  { rules: ['continue ttl www.example.org 50-', 'ttl www.example.org -60'], want: [50, 60, 60] },
  // What comes last is applied first, so that what comes first has the last word.
  { rules: ['continue ttl www.example.org 7', 'ttl www.example.org 9'], want: [7, 7, 7] },
  { rules: ['continue name www.example.org a.example', 'ttl a.example 9'], want: [9, 9, 9] },
];
for (const { rules, want } of ttlCases) {
  test(`ttl: ${rules.join('; ')}`, async () => {
    const { answers, authorities, additionals } = await through(
      rules.map((rule) => `rewrite ${rule}`),
      {},
      {
        answer: ['www.example.org. 5 IN A 192.0.2.1'],
        authority: ['example.org. 100 IN NS ns.example.net.'],
        additional: ['ns.example.net. 3600 IN A 192.0.2.2'],
      },
    );
    assert.deepEqual(
      [answers, authorities, additionals].map(([record]) => Number(record.split(' ')[1])),
      want,
    );
  });
}

const A = ['www.example.org. 5 IN A 192.0.2.1'];
const rcodeCases: { name: string; rules: string[]; rcode: number; answer?: string[]; want: number }[] = [
  { name: 'with records', rules: ['rcode www.example.org NXDOMAIN NOERROR'], rcode: 3, answer: A, want: 0 },
  { name: 'without any', rules: ['rcode www.example.org servfail 3'], rcode: 2, want: 3 },
  { name: 'another rcode', rules: ['rcode www.example.org NXDOMAIN NOERROR'], rcode: 5, want: 5 },
  { name: 'another name', rules: ['rcode example.org NXDOMAIN NOERROR'], rcode: 3, want: 3 },
  { name: 'a pattern', rules: ['rcode regex .* 3 0'], rcode: 3, want: 0 },
  { name: 'one that needs an OPT', rules: ['rcode regex .* REFUSED BADCOOKIE'], rcode: 5, want: 23 },
  {
    name: 'the last one first',
    rules: ['continue rcode regex .* REFUSED NOERROR', 'rcode regex .* NXDOMAIN REFUSED'],
    rcode: 3,
    want: 0,
  },
  {
    name: 'and not the other way round',
    rules: ['continue rcode regex .* NXDOMAIN REFUSED', 'rcode regex .* REFUSED NOERROR'],
    rcode: 3,
    want: 5,
  },
];
for (const { name, rules, rcode, answer = [], want } of rcodeCases) {
  test(`rcode: ${name}`, async () => {
    const { outcome, answers } = await through(
      rules.map((rule) => `rewrite ${rule}`),
      {},
      { rcode, answer },
    );
    assert.deepEqual([outcome.rcode, outcome.response?.extendedRcode], [want, want]);
    assert.equal(answers.length, answer.length);
  });
}

test('type and class: asked otherwise, and the reply is to what the client asked', async () => {
  const below = { answer: ['www.example.org. 5 IN HINFO "a" "b"'] };
  const ofType = await through(['rewrite type ANY HINFO'], { qtype: TYPE_ANY }, below);
  assert.deepEqual(ofType.asked, ['www.example.org. HINFO']);
  assert.equal(ofType.question, 'www.example.org ANY');
  assert.equal(ofType.answers[0].split(' ')[2], 'HINFO');
  const ofClass = await through(['rewrite class CH IN'], { qtype: TYPE_TXT, qclass: CLASS_CH });
  assert.deepEqual([ofClass.asked, ofClass.question], [['www.example.org. TXT'], 'www.example.org CH TXT']);
  const other = await through(['rewrite type ANY HINFO', 'rewrite class CH IN'], { qtype: TYPE_HINFO });
  assert.deepEqual(other.asked, ['www.example.org. HINFO']);
});

test('what no rule applies to passes as it is, the very query and the very outcome', () => {
  const query = fakeQuery();
  const outcome = replied(query, { answer: A });
  const wrap = rewrite.setup(rulesOf('rewrite name a.example b.example'), fakeBlock());
  assert.equal(wrap?.((seen) => (seen === query ? outcome : assert.fail()))(query), outcome);
});

test('flags, names and OPT of the reply stay; names are compressed anew', async () => {
  const flags = FLAG_QR | FLAG_RD | FLAG_AA | FLAG_CD | FLAG_TC;
  const { outcome } = await through(['rewrite name www.example.org a.example'], { id: 77 }, (query) => ({
    ...replied(query, { flags, answer: ['a.example. 5 IN A 192.0.2.1', 'a.example. 5 IN A 192.0.2.2'] }),
    error: new Error('kept'),
    extendedError: { code: 3, text: '' },
  }));
  const { response } = outcome;
  assert.ok(response);
  assert.deepEqual([response.flags, response.isOurs, outcome.source], [flags, true, 'forward']);
  assert.deepEqual([outcome.error?.message, outcome.extendedError?.code], ['kept', 3]);
  assert.ok(sameQuestion(response, fakeQuery().request));
  assert.equal(response.recordEnd(0) - response.ownerOffset(0), 16, 'the owner is a pointer to the question');
});

test('an outcome that comes later, and one that is no answer', async () => {
  const late = await through(['rewrite name www.example.org a.example'], {}, async (query) => replied(query, {}));
  assert.equal(late.question, 'www.example.org A');
  const dropped: Outcome = { response: undefined, rcode: 0, source: 'acl', drop: true };
  assert.equal((await through(['rewrite name www.example.org a.example'], {}, () => dropped)).outcome, dropped);
});

const failed: Outcome = { response: undefined, rcode: RCODE_SERVFAIL, source: '', error: new Error('nobody answers') };

test('an error that nobody has written becomes a reply under a rule that stops, or one for responses', async () => {
  for (const rules of [['rewrite name www.example.org a.example'], ['rewrite continue ttl www.example.org 5']]) {
    const { outcome, question } = await through(rules, { flags: FLAG_RD | FLAG_CD }, () => failed);
    assert.deepEqual([outcome.rcode, outcome.source, outcome.error], [RCODE_SERVFAIL, 'rewrite', failed.error]);
    assert.equal(outcome.response?.flags, FLAG_QR | FLAG_RD | FLAG_CD | RCODE_SERVFAIL);
    assert.equal(question, 'www.example.org A');
  }
  const left = await through(['rewrite continue type A AAAA'], {}, () => failed);
  assert.equal(left.outcome, failed);
  const changed = await through(['rewrite rcode www.example.org SERVFAIL NXDOMAIN'], {}, () => failed);
  assert.deepEqual([changed.outcome.rcode, changed.outcome.response?.rcode], [3, 3]);
});

test('explain: a name concerns rules that have to do with it', () => {
  const concerns = (directive: string, qname: string) => rewrite.concerns?.(rulesOf(directive), qname);
  assert.equal(concerns('rewrite name suffix .a.example .b.example', 'x.a.example.'), true);
  assert.equal(concerns('rewrite name suffix .a.example .b.example', 'x.b.example.'), false);
  assert.equal(concerns('rewrite ttl a.example 5', 'b.example.'), false);
  assert.equal(concerns('rewrite type A AAAA', 'b.example.'), true);
});

test('a reply that grows beyond what a message holds is truncated', async () => {
  const text = Array.from({ length: 255 }, () => `"${'x'.repeat(255)}"`).join(' ');
  const long = ['l', 'm', 'n', 'o'].map((letter) => letter.repeat(60)).join('.');
  const below = { answer: ['a.example. 1 IN A 192.0.2.1', `a.example. 1 IN TXT ${text}`] };
  const { outcome, answers } = await through([`rewrite name regex .* a.example answer name ^a ${long}`], {}, below);
  assert.deepEqual([outcome.response?.tc, answers], [true, [`${long} 1 A 192.0.2.1`]]);
});
