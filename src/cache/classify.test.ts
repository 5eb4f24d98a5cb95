import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAG_QR, OPCODE_NOTIFY, OPCODE_SHIFT, OPCODE_UPDATE } from '../wire/header.ts';
import { buildMessage, type MessageText } from '../wire/testing/build.ts';
import { parseMessage } from '../wire/view.ts';
import { classify, isCacheable } from './classify.ts';

const NOW = Date.UTC(2025, 5, 15) / 1000;
const A = 'www.example.org. 60 A 192.0.2.1';
const ALIAS = 'www.example.org. 60 CNAME a.example.org.';
const SOA = 'example.org. 60 SOA ns.example.org. root.example.org. 1 2 3 4 5';
const NS = 'child.example.org. 60 NS ns.example.org.';
const OPT = {};
const DO_OPT = { flags: 0x8000 };
const rcode = (n: number) => ({ flags: FLAG_QR | n });
const opcode = (n: number) => ({ flags: FLAG_QR | (n << OPCODE_SHIFT) });
/** An RRSIG that is valid from and to those days of 2025. */
const signed = (from: string, to: string) =>
  `www.example.org. 60 RRSIG A 13 3 60 2025${to}000000 2025${from}000000 1 example.org. AAAA`;

const cases: { name: string; message: MessageText; want: string; cached?: boolean }[] = [
  { name: 'an answer', message: { answer: [A] }, want: 'success', cached: true },
  { name: 'nothing at all', message: {}, want: 'success', cached: true },
  { name: 'additional records alone', message: { additional: [A] }, want: 'success', cached: true },
  {
    name: 'an alias and where it leads',
    message: { answer: [ALIAS, 'a.example.org. 60 A 192.0.2.1'] },
    want: 'success',
    cached: true,
  },
  { name: 'an alias that leads nowhere', message: { answer: [ALIAS] }, want: 'success', cached: false },
  {
    name: 'an alias that leads nowhere, with SOA',
    message: { answer: [ALIAS], authority: [SOA] },
    want: 'nodata',
    cached: true,
  },
  { name: 'an answer with SOA', message: { answer: [A], authority: [SOA] }, want: 'success', cached: true },
  {
    name: 'another type than asked for',
    message: { answer: ['www.example.org. 60 AAAA ::1'] },
    want: 'success',
    cached: false,
  },
  { name: 'NODATA', message: { authority: [SOA] }, want: 'nodata', cached: true },
  { name: 'NODATA with NS as well', message: { authority: [NS, SOA] }, want: 'nodata', cached: true },
  { name: 'a referral', message: { authority: [NS] }, want: 'delegation', cached: true },
  { name: 'NXDOMAIN', message: { ...rcode(3), authority: [SOA] }, want: 'nxdomain', cached: true },
  { name: 'NXDOMAIN without SOA', message: rcode(3), want: 'nxdomain', cached: false },
  {
    name: 'NXDOMAIN, SOA in the wrong section',
    message: { ...rcode(3), additional: [SOA] },
    want: 'nxdomain',
    cached: false,
  },
  { name: 'NXDOMAIN with answers', message: { ...rcode(3), answer: [ALIAS], authority: [SOA] }, want: 'otherError' },
  { name: 'SERVFAIL', message: rcode(2), want: 'serverError', cached: true },
  { name: 'SERVFAIL with records', message: { ...rcode(2), answer: [A] }, want: 'serverError', cached: true },
  { name: 'NOTIMP', message: rcode(4), want: 'serverError', cached: true },
  { name: 'FORMERR', message: rcode(1), want: 'otherError' },
  { name: 'REFUSED', message: rcode(5), want: 'otherError' },
  {
    name: 'an extended rcode whose low bits say NOERROR',
    message: { opt: { extendedRcodeBits: 1 } },
    want: 'otherError',
  },
  { name: 'NOTIFY', message: { ...opcode(OPCODE_NOTIFY), answer: [A] }, want: 'meta' },
  { name: 'UPDATE', message: { ...opcode(OPCODE_UPDATE), answer: [A] }, want: 'update' },
  { name: 'AXFR', message: { question: 'example.org. AXFR', answer: [SOA] }, want: 'meta' },
  { name: 'IXFR', message: { question: 'example.org. IXFR', answer: [SOA] }, want: 'meta' },
  {
    name: 'a valid signature',
    message: { answer: [A, signed('0601', '0701')], opt: DO_OPT },
    want: 'success',
    cached: true,
  },
  {
    name: 'a signature on its last day',
    message: { answer: [A, signed('0601', '0615')], opt: DO_OPT },
    want: 'success',
    cached: true,
  },
  { name: 'an expired signature', message: { answer: [A, signed('0601', '0614')], opt: DO_OPT }, want: 'otherError' },
  {
    name: 'a signature from the future',
    message: { answer: [A, signed('0616', '0701')], opt: DO_OPT },
    want: 'otherError',
  },
  {
    name: 'an expired signature in the authority section',
    message: { authority: [SOA, signed('0601', '0614')], opt: DO_OPT },
    want: 'otherError',
  },
  {
    name: 'an expired signature, DO not set',
    message: { answer: [A, signed('0601', '0614')], opt: OPT },
    want: 'success',
    cached: true,
  },
  {
    name: 'an expired signature, no OPT',
    message: { answer: [A, signed('0601', '0614')] },
    want: 'success',
    cached: true,
  },
];
for (const { name, message, want, cached = false } of cases) {
  test(`class: ${name}: ${want}${cached ? '' : ', not cached'}`, () => {
    const view = parseMessage(buildMessage({ question: 'www.example.org. A', ...message }));
    const responseClass = classify(view, NOW);
    assert.equal(responseClass, want);
    assert.equal(isCacheable(view, responseClass), cached);
  });
}
