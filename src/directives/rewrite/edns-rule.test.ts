import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes } from '../../wire/bytes.ts';
import { encodeOption } from '../../wire/edns.ts';
import { buildMessage } from '../../wire/testing/build.ts';
import { TYPE_OPT, TYPE_TSIG } from '../../wire/types.ts';
import { parseMessage } from '../../wire/view.ts';
import type { Query } from '../contract.ts';
import { FakeQuery, type FakeQueryOptions, fakeBlock, fakeQuery } from '../testing.ts';
import { rewrite } from './rewrite.ts';
import { optionsOf, replied, rulesOf, through } from './testing.ts';

type Options = readonly (readonly [code: number, hex: string])[];

const encode = (options: Options) =>
  concatBytes(options.map(([code, hex]) => encodeOption(code, Buffer.from(hex, 'hex'))));
const hexOf = (text: string) => Buffer.from(text).toString('hex');

/** A client's query with these options. */
function queryWith(options: Options, more: FakeQueryOptions = {}): FakeQuery {
  const bytes = buildMessage({ question: 'www.example.org. A', flags: 0x100, opt: { options: encode(options) } });
  return new FakeQuery(more, parseMessage(bytes));
}

/** The options that the directives below see, and the outcome; they have no OPT of their own. */
async function send(rules: readonly string[], query: FakeQuery, below: (query: Query) => ReturnType<typeof replied>) {
  const seen: (string[] | undefined)[] = [];
  const wrap = rewrite.setup(rulesOf(...rules.map((rule) => `rewrite edns0 ${rule}`)), fakeBlock());
  const outcome = await wrap?.((part) => {
    seen.push(optionsOf(part));
    return below(part);
  })(query);
  const response = outcome?.response ?? assert.fail();
  return { seen: seen[0], shown: optionsOf(fakeQueryOf(response.bytes)) };
}
const noRecords = (query: Query) => replied(query, {});
const fakeQueryOf = (bytes: Uint8Array) => new FakeQuery({}, parseMessage(bytes));

const COOKIE = [10, '0102030405060708'] as const;
const ECS = [8, '000118' + '00' + 'c00002'] as const;
// What a query with some options has when it is asked below, and what a reply without OPT shows of it.
const cases: { name: string; rules: string[]; sent: Options; asked: string[]; shown: string[] }[] = [
  { name: 'set adds', rules: ['local set 0xffee abc'], sent: [], asked: ['65518:616263'], shown: ['65518:616263'] },
  {
    name: 'set replaces the first',
    rules: ['local set 0xffee 0x01ff'],
    sent: [COOKIE, [0xffee, 'aa'], [0xffee, 'bb']],
    asked: ['10:0102030405060708', '65518:01ff', '65518:bb'],
    shown: ['10:0102030405060708', '65518:01ff', '65518:bb'],
  },
  {
    name: 'replace',
    rules: ['local replace 0xffee abc'],
    sent: [[0xffee, 'aa']],
    asked: ['65518:616263'],
    shown: ['65518:616263'],
  },
  {
    name: 'append',
    rules: ['local append 0xffee abc'],
    sent: [[0xffed, 'aa']],
    asked: ['65517:aa', '65518:616263'],
    shown: ['65518:616263'],
  },
  {
    name: 'append of a constant stands beside another',
    rules: ['local append 0xffee abc'],
    sent: [[0xffee, 'aa']],
    asked: ['65518:aa', '65518:616263'],
    shown: ['65518:aa', '65518:616263'],
  },
  {
    name: 'append of a variable does not',
    rules: ['local append 0xffee {qname}', 'local set 1 a'],
    sent: [[0xffee, 'aa']],
    asked: ['65518:aa', '1:61'],
    shown: ['65518:aa', '1:61'],
  },
  {
    name: 'unset takes all of the code',
    rules: ['local unset 0xffee'],
    sent: [[0xffee, 'aa'], COOKIE, [0xffee, 'bb']],
    asked: ['10:0102030405060708'],
    shown: ['10:0102030405060708'],
  },
  { name: 'nothing', rules: ['local set 0xffee 0x'], sent: [], asked: ['65518:'], shown: ['65518:'] },
  { name: 'continue', rules: ['nsid set', 'local set 1 a'], sent: [], asked: ['3:'], shown: ['3:'] },
  { name: 'nsid set', rules: ['nsid set'], sent: [[3, 'aa']], asked: ['3:'], shown: ['3:'] },
  {
    name: 'nsid append',
    rules: ['nsid append'],
    sent: [COOKIE],
    asked: ['10:0102030405060708', '3:'],
    shown: ['10:0102030405060708', '3:'],
  },
  { name: 'nsid unset', rules: ['nsid unset'], sent: [[3, '']], asked: [], shown: [] },
  { name: 'subnet set: not sent back', rules: ['subnet set 24 56'], sent: [], asked: ['8:00011800c00002'], shown: [] },
  {
    name: 'subnet set replaces',
    rules: ['subnet set 20 56'],
    sent: [[8, '00020000']],
    asked: ['8:00011400c00000'],
    shown: [],
  },
  {
    name: 'subnet append: only if there is none',
    rules: ['subnet append 24 56', 'nsid set'],
    sent: [ECS],
    asked: ['8:00011800c00002', '3:'],
    shown: ['3:'],
  },
  { name: 'subnet unset', rules: ['subnet unset'], sent: [ECS, [3, '']], asked: ['3:'], shown: ['3:'] },
  {
    name: 'revert: what was added is not shown',
    rules: ['local set 0xffee abc revert'],
    sent: [],
    asked: ['65518:616263'],
    shown: [],
  },
  {
    name: 'revert: what was appended is not shown',
    rules: ['local append 0xffee abc revert'],
    sent: [[0xffee, 'aa']],
    asked: ['65518:aa', '65518:616263'],
    shown: ['65518:aa'],
  },
  {
    name: 'revert: what was replaced is shown as it came',
    rules: ['local replace 0xffee abc revert'],
    sent: [[0xffee, 'aa']],
    asked: ['65518:616263'],
    shown: ['65518:aa'],
  },
  {
    name: 'revert: what was taken away is shown',
    rules: ['nsid unset revert'],
    sent: [[3, '']],
    asked: [],
    shown: ['3:'],
  },
];
for (const { name, rules, sent, asked, shown } of cases) {
  test(`edns0: ${name}`, async () => {
    const found = await send(rules, queryWith(sent), noRecords);
    assert.deepEqual(found, { seen: asked, shown });
  });
}

for (const rule of [
  'local replace 0xffee abc',
  'local unset 0xffee',
  'nsid replace',
  'nsid unset',
  'subnet unset',
  'local set 1 {a/b}',
]) {
  test(`edns0: does not apply, and the next rule does: ${rule}`, async () => {
    const { asked, queries } = await through([`rewrite edns0 ${rule}`, 'rewrite name www.example.org a.example'], {});
    assert.deepEqual([asked, optionsOf(queries[0])], [['a.example. A'], undefined]);
  });
}

const variables: { text: string; want: string; query?: FakeQueryOptions }[] = [
  { text: '{qname}', want: hexOf('WWW.example.org.') },
  { text: '{qtype}', want: '001c', query: { qtype: 28 } },
  { text: '{client_ip}', want: 'c0000235' },
  { text: '{client_ip}', want: '20010db8000000000000000000000001', query: { clientAddress: '2001:db8::1' } },
  { text: '{client_ip}', want: 'fe800000000000000000000000000001', query: { clientAddress: 'fe80::1%eth0' } },
  { text: '{client_port}', want: '9c75' },
  { text: '{protocol}', want: hexOf('tcp'), query: { protocol: 'tcp' } },
  { text: '{server_ip}', want: '7f000001' },
  { text: '{server_port}', want: '041d' },
  { text: '{a/b}', want: hexOf('c') },
  { text: '{qname', want: hexOf('{qname') },
];
for (const { text, want, query = {} } of variables) {
  test(`edns0: ${text} ${query.clientAddress ?? ''}`, async () => {
    const client = fakeQuery({ qname: 'WWW.example.org.', dnssecOk: true, ...query });
    client.metadata.set('a/b', 'c');
    assert.deepEqual((await send([`local set 0xffee ${text}`], client, noRecords)).seen, [`65518:${want}`]);
  });
}

test('edns0: {qname} is the name that an earlier rule has made of it', async () => {
  const rules = ['rewrite continue name www.example.org a.example', 'rewrite edns0 local set 1 {qname}'];
  const { queries } = await through(rules, {});
  assert.deepEqual(optionsOf(queries[0]), [`1:${hexOf('a.example.')}`]);
});

const subnets: { bits: string; client: string; want: string }[] = [
  { bits: '32 128', client: '192.0.2.53', want: '00012000c0000235' },
  { bits: '25 0', client: '192.0.2.253', want: '00011900c0000280' },
  { bits: '0 0', client: '192.0.2.53', want: '00010000' },
  { bits: '24 56', client: '2001:db8:1:2ff::1', want: '0002380020010db8000102' },
  { bits: '24 0x3f', client: '2001:db8:1:2ff::1', want: '00023f0020010db8000102fe' },
];
for (const { bits, client, want } of subnets) {
  test(`edns0: subnet ${bits} of ${client}`, async () => {
    const query = fakeQuery({ clientAddress: client });
    const wrap = rewrite.setup(rulesOf(`rewrite edns0 subnet set ${bits}`), fakeBlock());
    const seen: (string[] | undefined)[] = [];
    await wrap?.((part) => {
      seen.push(optionsOf(part));
      return noRecords(part);
    })(query);
    assert.deepEqual(seen, [[`8:${want}`]]);
  });
}

test('edns0: a query without OPT gets one, of 4096 bytes and without DO, and the client none', async () => {
  const { queries, options } = await through(['rewrite edns0 nsid set'], {});
  const [{ request, hasOpt }] = queries;
  assert.deepEqual([hasOpt, request.opt?.udpPayloadBytes, request.opt?.flags], [true, 4096, 0]);
  assert.equal(options, undefined);
});

test('edns0: size and DO of the OPT stay', async () => {
  const { queries } = await through(['rewrite edns0 nsid set'], { udpPayloadBytes: 1400, dnssecOk: true });
  assert.deepEqual([queries[0].udpPayloadBytes, queries[0].dnssecOk], [1400, true]);
});

const answered = (options: Options) => (query: Query) => {
  const bytes = buildMessage({
    question: 'www.example.org. A',
    opt: { udpPayloadBytes: 512, options: encode(options) },
  });
  return { ...replied(query, {}), response: parseMessage(bytes) };
};
const replies: { name: string; rule: string; sent: Options; answered: Options; want: string[] }[] = [
  {
    name: 'an OPT of the reply stays, whatever is in it',
    rule: 'local set 1 a',
    sent: [],
    answered: [
      [1, 'bb'],
      [5, 'cc'],
    ],
    want: ['1:bb', '5:cc'],
  },
  {
    name: 'revert takes away what was added',
    rule: 'local set 1 a revert',
    sent: [],
    answered: [
      [1, 'bb'],
      [5, 'cc'],
    ],
    want: ['5:cc'],
  },
  {
    name: 'revert puts back what was replaced',
    rule: 'local set 1 a revert',
    sent: [[1, 'aa']],
    answered: [
      [5, 'cc'],
      [1, 'bb'],
    ],
    want: ['5:cc', '1:aa'],
  },
  {
    name: 'revert of unset leaves it alone',
    rule: 'local unset 1 revert',
    sent: [[1, 'aa']],
    answered: [[5, 'cc']],
    want: ['5:cc'],
  },
  {
    name: 'revert where there is nothing to undo',
    rule: 'local set 1 a revert',
    sent: [[1, 'aa']],
    answered: [],
    want: [],
  },
];
for (const { name, rule, sent, answered: options, want } of replies) {
  test(`edns0: ${name}`, async () => {
    assert.deepEqual((await send([rule], queryWith(sent), answered(options))).shown, want);
  });
}

test('edns0: a signature stays behind the OPT', async () => {
  const additional = ['. 0 CLASS1232 TYPE41 \\# 0', 'key. 0 ANY TYPE250 \\# 1 00'];
  const query = new FakeQuery({}, parseMessage(buildMessage({ question: 'www.example.org. A', additional })));
  const types: number[] = [];
  await send(['local set 1 a'], query, (part) => {
    for (let i = 0; i < part.request.recordCount; i++) types.push(part.request.typeOf(i));
    return noRecords(part);
  });
  assert.deepEqual(types, [TYPE_OPT, TYPE_TSIG]);
});
