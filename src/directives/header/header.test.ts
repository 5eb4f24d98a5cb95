import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { FLAG_AA, FLAG_AD, FLAG_QR, FLAG_RA, FLAG_RD } from '../../wire/header.ts';
import { fakeBlock, fakeNext, fakeQuery, fakeReply } from '../testing.ts';
import { header, parse } from './header.ts';

const errorCases = [
  { input: 'header', error: '1: header: needs a block with at least one line such as "response set ra"' },
  { input: 'header ra {\n set ra\n}', error: '1: header: takes no arguments, got 1' },
  { input: 'header {\n put ra\n}', error: '2: header: expected query, response, set or clear, got "put"' },
  { input: 'header {\n set ra\n response\n}', error: '3: header: expected set or clear, got ""' },
  { input: 'header {\n query rd\n}', error: '2: header: expected set or clear, got "rd"' },
  { input: 'header {\n set\n}', error: '2: header: set takes at least 1 flag: aa, ra, rd' },
  { input: 'header {\n query clear\n}', error: '2: header: clear takes at least 1 flag: aa, ra, rd' },
  { input: 'header {\n response set aa\n query set ra tc\n}', error: '3: header: flag must be aa, ra, rd, got "tc"' },
  { input: 'header {\n set ra {\n aa\n }\n}', error: '3: header: set takes no block, got "aa"' },
];
for (const { input, error } of errorCases) {
  test(`parse: ${error}`, () => {
    assert.throws(() => parse(cursorOf(input)), { name: 'ConfigError', message: `Corefile:${error}` });
  });
}

/** Flags of a query as the client sends it and as it arrives, of the reply as it is given and as it comes back. */
type Case = { lines: string[]; sent?: number; arrives?: number; given?: number; comes?: number };
const cases: Case[] = [
  { lines: ['set ra'], given: FLAG_QR, comes: FLAG_QR | FLAG_RA },
  { lines: ['response set ra aa'], given: FLAG_QR | FLAG_AD, comes: FLAG_QR | FLAG_AD | FLAG_RA | FLAG_AA },
  { lines: ['CLEAR RD RA'], given: FLAG_QR | FLAG_RD | FLAG_RA | 3, comes: FLAG_QR | 3 },
  { lines: ['Response Clear aa'], given: FLAG_QR, comes: FLAG_QR },
  { lines: ['set aa', 'clear aa'], given: FLAG_QR, comes: FLAG_QR },
  { lines: ['clear aa', 'set aa'], given: FLAG_QR, comes: FLAG_QR | FLAG_AA },
  { lines: ['query clear rd'], sent: FLAG_RD | FLAG_AD, arrives: FLAG_AD },
  { lines: ['query set rd'], sent: 0, arrives: FLAG_RD },
  { lines: ['query set rd', 'set ra'], sent: FLAG_RD, arrives: FLAG_RD, given: FLAG_QR, comes: FLAG_QR | FLAG_RA },
];
for (const { lines, sent = FLAG_RD, arrives = sent, given = FLAG_QR, comes = given } of cases) {
  test(`${lines.join(', ')}: query ${sent} to ${arrives}, response ${given} to ${comes}`, async () => {
    const query = fakeQuery({ flags: sent });
    const before = query.request.bytes.slice();
    const response = fakeReply(query, { flags: given, answer: ['www.example.org. 60 A 192.0.2.1'] });
    const below = { response, rcode: response.rcode, source: 'next' };
    for (const outcome of [below, Promise.resolve(below)]) {
      const next = fakeNext(outcome);
      const wrap = header.setup(parse(cursorOf(`header {\n${lines.join('\n')}\n}`)), fakeBlock());
      const came = await wrap?.(next)(query);
      assert.equal(next.queries[0].request.flags, arrives);
      assert.equal(next.queries[0].qname, 'www.example.org.');
      assert.equal(came?.response?.flags, comes);
      assert.deepEqual(came?.response?.bytes.slice(4), response.bytes.slice(4));
    }
    assert.deepEqual(query.request.bytes, before);
    assert.equal(response.flags, given);
  });
}

test('no response, nothing to change', async () => {
  const outcome = { response: undefined, rcode: 2, source: '' };
  const wrap = header.setup(parse(cursorOf('header {\n set ra\n}')), fakeBlock());
  assert.equal(await wrap?.(fakeNext(outcome))(fakeQuery()), outcome);
});
