import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildMessage } from '../wire/testing/build.ts';
import { parseMessage } from '../wire/view.ts';
import { answersQuestion } from './answers.ts';

const alias = (from: string, to: string) => `${from}.example.org. 60 CNAME ${to}.example.org.`;
const A = (owner: string) => `${owner}.example.org. 60 A 192.0.2.1`;
const long = Array.from({ length: 15 }, (_, i) => alias(`h${i}`, `h${i + 1}`));

const cases = [
  { name: 'a record at the name', question: 'www.example.org. A', answer: [A('www')], want: true },
  { name: 'in another case', question: 'wWw.example.org. A', answer: [A('WWW')], want: true },
  { name: 'at another name', question: 'www.example.org. A', answer: [A('w')], want: false },
  { name: 'at another name as long', question: 'www.example.org. A', answer: [A('wwv')], want: false },
  { name: 'of another type', question: 'www.example.org. AAAA', answer: [A('www')], want: false },
  { name: 'ANY takes any type', question: 'www.example.org. ANY', answer: [A('www')], want: true },
  { name: 'ANY at another name', question: 'www.example.org. ANY', answer: [A('w')], want: false },
  { name: 'no records', question: 'www.example.org. A', answer: [], want: false },
  { name: 'an alias', question: 'a.example.org. A', answer: [alias('a', 'b'), A('b')], want: true },
  {
    name: 'in the reverse order',
    question: 'a.example.org. A',
    answer: [A('c'), alias('b', 'c'), alias('a', 'b')],
    want: true,
  },
  { name: 'CNAME asked for', question: 'a.example.org. CNAME', answer: [alias('a', 'b')], want: true },
  { name: 'an alias to nowhere', question: 'a.example.org. A', answer: [alias('a', 'b')], want: false },
  { name: 'an alias to something else', question: 'a.example.org. A', answer: [alias('a', 'b'), A('c')], want: false },
  { name: 'an alias to itself', question: 'a.example.org. A', answer: [alias('a', 'a')], want: false },
  { name: 'a circle', question: 'a.example.org. A', answer: [alias('a', 'b'), alias('b', 'a')], want: false },
  { name: 'a long chain', question: 'h0.example.org. A', answer: [...long, A('h15')], want: true },
  {
    name: 'too long a chain',
    question: 'h0.example.org. A',
    answer: [...long, alias('h15', 'h16'), alias('h16', 'h17'), A('h17')],
    want: false,
  },
  {
    name: 'a DNAME with its CNAME',
    question: 'a.b.example.org. A',
    answer: ['b.example.org. 60 DNAME c.example.org.', alias('a.b', 'a.c'), A('a.c')],
    want: true,
  },
];
for (const { name, question, answer, want } of cases) {
  test(`answers its question: ${name}: ${want}`, () => {
    assert.equal(answersQuestion(parseMessage(buildMessage({ question, answer }))), want);
  });
}

test('a message without question answers none', () => {
  assert.equal(answersQuestion(parseMessage(buildMessage({ answer: [A('www')] }))), false);
});
