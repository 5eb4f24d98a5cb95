import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildMessage, type MessageText } from '../wire/testing/build.ts';
import { parseMessage } from '../wire/view.ts';
import type { ResponseClass } from './classify.ts';
import { durationSeconds } from './ttl.ts';

const A = (ttl: number) => `www.example.org. ${ttl} A 192.0.2.1`;
const NS = (ttl: number) => `example.org. ${ttl} NS ns.example.org.`;
const SOA = (ttl: number, minimum: number) =>
  `example.org. ${ttl} SOA ns.example.org. root.example.org. 1 2 3 4 ${minimum}`;

type Case = {
  name: string;
  of?: ResponseClass;
  message: MessageText;
  limits?: [min: number, max: number];
  want: number;
};
const cases: Case[] = [
  { name: 'that of the only record', message: { answer: [A(60)] }, want: 60 },
  { name: 'the lowest of the answer', message: { answer: [A(60), A(20), A(40)] }, want: 20 },
  { name: 'the lowest is in the authority section', message: { answer: [A(60)], authority: [NS(30)] }, want: 30 },
  { name: 'the lowest is in the additional section', message: { answer: [A(60)], additional: [A(10)] }, want: 10 },
  { name: 'OPT does not count', message: { answer: [A(60)], opt: { flags: 1 } }, want: 60 },
  { name: 'no records', message: {}, want: 5 },
  { name: 'OPT alone', message: { opt: {} }, want: 5 },
  { name: 'additional records alone', message: { additional: [A(60)] }, want: 60 },
  { name: 'TTL 0 is raised', message: { answer: [A(0)] }, want: 5 },
  { name: 'TTL 0 stays if the minimum is 0', message: { answer: [A(0)] }, limits: [0, 3600], want: 0 },
  { name: 'raised to the minimum', message: { answer: [A(60)] }, limits: [90, 3600], want: 90 },
  { name: 'lowered to the maximum', message: { answer: [A(86400)] }, want: 3600 },
  { name: 'the maximum may be above an hour', message: { answer: [A(86400)] }, limits: [5, 100_000], want: 86400 },
  { name: 'the maximum wins over the minimum', message: { answer: [A(60)] }, limits: [90, 30], want: 30 },
  {
    name: 'a TTL with the highest bit is a large one (RFC 8767)',
    message: { answer: [A(60)], additional: [A(0x80000000)] },
    want: 60,
  },
  {
    name: 'SOA MINIMUM does not matter for an answer',
    message: { answer: [A(60)], authority: [SOA(60, 10)] },
    want: 60,
  },
  { name: 'NXDOMAIN: the TTL of the SOA (RFC 2308)', of: 'nxdomain', message: { authority: [SOA(30, 60)] }, want: 30 },
  { name: 'NXDOMAIN: its MINIMUM (RFC 2308)', of: 'nxdomain', message: { authority: [SOA(60, 30)] }, want: 30 },
  { name: 'NODATA: its MINIMUM (RFC 2308)', of: 'nodata', message: { authority: [SOA(60, 30)] }, want: 30 },
  { name: 'NODATA: lower than either', of: 'nodata', message: { authority: [SOA(60, 30), NS(20)] }, want: 20 },
  { name: 'NODATA: raised to the minimum', of: 'nodata', message: { authority: [SOA(60, 0)] }, want: 5 },
  {
    name: 'an SOA in the answer is data',
    of: 'nodata',
    message: { answer: [SOA(60, 10)], authority: [SOA(60, 50)] },
    want: 50,
  },
  { name: 'a referral', of: 'delegation', message: { authority: [NS(60)] }, want: 5 },
  { name: 'an error', of: 'otherError', message: { authority: [NS(60)] }, want: 5 },
];
for (const { name, of = 'success', message, limits = [5, 3600], want } of cases) {
  test(`duration: ${name}`, () => {
    const view = parseMessage(buildMessage({ question: 'www.example.org. A', ...message }));
    const [minTtl, maxTtl] = limits;
    assert.equal(durationSeconds(view, of, { minTtl, maxTtl }), want);
  });
}
