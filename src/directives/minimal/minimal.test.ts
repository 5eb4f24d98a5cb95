import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { cursorOf } from '../../corefile/testing.ts';
import { FLAG_AA, FLAG_AD, FLAG_QR, FLAG_TC } from '../../wire/header.ts';
import type { Outcome } from '../contract.ts';
import { type FakeReplyOptions, fakeBlock, fakeNext, fakeQuery, fakeReply } from '../testing.ts';
import { minimal, parse } from './minimal.ts';

const parseCases = [
  { input: 'minimal', error: undefined },
  { input: 'minimal 1', error: 'Corefile:1: minimal: takes no arguments, got 1' },
  { input: 'minimal {\n x\n}', error: 'Corefile:2: minimal: takes no block, got "x"' },
];
for (const { input, error } of parseCases) {
  test(`parse: ${JSON.stringify(input)}`, () => {
    const run = () => parse(cursorOf(input));
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.equal(run(), undefined);
  });
}

const A = 'www.example.org. 60 A 192.0.2.1';
const CNAME = 'www.example.org. 60 CNAME a.example.org.';
const NS = 'example.org. 60 NS ns.example.org.';
const SOA = 'example.org. 60 SOA ns.example.org. root.example.org. 1 2 3 4 60';
const GLUE = 'ns.example.org. 60 A 192.0.2.53';

/** The outcome of a chain of `minimal` before this one, at once and later. */
async function through(outcome: Outcome): Promise<Outcome> {
  const run = (below: Outcome | Promise<Outcome>) =>
    minimal.setup(undefined, fakeBlock())?.(fakeNext(below))(fakeQuery());
  const atOnce = run(outcome);
  assert.ok(!(atOnce instanceof Promise));
  const late = await run(Promise.resolve(outcome));
  assert.deepEqual(late?.response?.bytes, atOnce?.response?.bytes);
  return atOnce ?? assert.fail('no handler');
}

const minimized: { name: string; reply: FakeReplyOptions }[] = [
  { name: 'an answer', reply: { answer: [A], authority: [NS], additional: [GLUE] } },
  { name: 'an alias', reply: { answer: [CNAME, 'a.example.org. 60 A 192.0.2.1'], authority: [NS] } },
  { name: 'flags stay', reply: { flags: FLAG_QR | FLAG_AA | FLAG_AD | FLAG_TC, answer: [A], additional: [GLUE] } },
  { name: 'nothing at all but an address', reply: { additional: [GLUE] } },
];
for (const { name, reply } of minimized) {
  test(`only answers are left: ${name}`, async () => {
    const response = fakeReply(fakeQuery({ qname: 'WWW.example.org.' }), reply);
    const outcome = await through({ response, rcode: 0, source: 'forward' });
    const [before, after] = [response, outcome.response].map((view) =>
      dnsPacket.decode(Buffer.from(view?.bytes ?? [])),
    );
    assert.deepEqual(after, { ...before, authorities: [], additionals: [] });
    assert.equal(outcome.source, 'forward');
  });
}

const untouched: { name: string; reply: FakeReplyOptions; error?: Error }[] = [
  { name: 'there is nothing to take', reply: { answer: [A] } },
  { name: 'NODATA', reply: { authority: [SOA], additional: [GLUE] } },
  { name: 'an alias without what was asked for', reply: { answer: [CNAME], authority: [SOA] } },
  { name: 'NXDOMAIN', reply: { rcode: 3, authority: [SOA] } },
  { name: 'a referral', reply: { authority: [NS], additional: [GLUE] } },
  { name: 'SERVFAIL', reply: { rcode: 2, additional: [GLUE] } },
  { name: 'REFUSED', reply: { rcode: 5, authority: [NS] } },
];
for (const { name, reply } of untouched) {
  test(`nothing is taken: ${name}`, async () => {
    const response = fakeReply(fakeQuery(), reply);
    const outcome = { response, rcode: response.rcode, source: 'forward' };
    assert.equal(await through(outcome), outcome);
  });
}

test('an error without an answer goes on', async () => {
  const outcome = { response: undefined, rcode: 2, source: '', error: new Error('no upstream') };
  assert.equal(await through(outcome), outcome);
});
