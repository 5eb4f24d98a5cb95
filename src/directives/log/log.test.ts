import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { FLAG_AA, FLAG_AD, FLAG_CD, FLAG_QR, FLAG_RA, FLAG_RD, FLAG_TC, FLAG_Z } from '../../wire/header.ts';
import { TYPE_MX } from '../../wire/types.ts';
import type { Outcome } from '../contract.ts';
import { type FakeQuery, fakeBlock, fakeNext, fakeQuery, fakeReply } from '../testing.ts';
import { log, parse } from './log.ts';

const classes = 'expected all, success, denial, error';
const parseCases = [
  { name: 'nothing', input: 'log', want: [['.', 'all']] },
  {
    name: 'names',
    input: 'log Example.org example.net.',
    want: [
      ['example.org.', 'all'],
      ['example.net.', 'all'],
    ],
  },
  {
    name: 'names and a format',
    input: 'log a b "{name}"',
    want: [
      ['a.', 'all'],
      ['b.', 'all'],
    ],
  },
  { name: 'classes', input: 'log a {\n class denial\n class error success\n}', want: [['a.', 'denial error success']] },
  {
    name: 'unknown class',
    input: 'log {\n class deny\n}',
    error: `Corefile:2: log: invalid class: "deny", ${classes}`,
  },
  { name: 'no class', input: 'log {\n class\n}', error: 'Corefile:2: log: class takes at least 1 argument, got 0' },
  {
    name: 'unknown property',
    input: 'log {\n clas all\n}',
    error: 'Corefile:2: log: unknown property "clas"; did you mean "class"?',
  },
];
for (const { name, input, want, error } of parseCases) {
  test(`parse: ${name}`, () => {
    const run = () => parse(cursorOf(input)).rules.map(({ zone, classes }) => [zone, [...classes].join(' ')]);
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.deepEqual(run(), want);
  });
}

/** What is logged of one query by a block with these directives. */
async function logged(inputs: string | string[], query: FakeQuery, outcome: Outcome | Promise<Outcome>) {
  const block = fakeBlock();
  const merge = typeof log.repeat === 'function' ? log.repeat : assert.fail('several are one');
  const config = merge([inputs].flat().map((input) => parse(cursorOf(input))));
  const handler = log.setup(config, block)?.(fakeNext(outcome));
  block.process.clock.advance(0.735136);
  assert.equal(await handler?.(query), await outcome);
  return block.lines();
}

const query = fakeQuery({ qname: 'a.test.', clientAddress: '127.0.0.1', clientPort: 60793, localAddress: '127.0.0.2' });
const answered: Outcome = {
  response: fakeReply(query, { answer: ['a.test. 5 IN A 192.0.2.1'] }),
  rcode: 0,
  source: '',
};
const unanswered: Outcome = { response: undefined, rcode: 2, source: '' };

for (const { name, outcome } of [
  { name: 'at once', outcome: answered },
  { name: 'later', outcome: Promise.resolve(answered) },
]) {
  test(`the line of an answer ${name}`, async () => {
    assert.deepEqual(await logged('log', query, outcome), [
      '[INFO] 127.0.0.1:60793 - 4660 "A IN a.test. udp 24 false 512" NOERROR qr,rd,ra 40 0.000735136s',
    ]);
  });
}

test('no answer: the rcode that will be sent, no flags, no bytes', async () => {
  assert.deepEqual(await logged('log', query, unanswered), [
    '[INFO] 127.0.0.1:60793 - 4660 "A IN a.test. udp 24 false 512" SERVFAIL - 0 0.000735136s',
  ]);
});

const tokenCases = [
  { format: '{type}', query: { qtype: TYPE_MX }, want: 'MX' },
  { format: '{type}', query: { qtype: 65280 }, want: 'TYPE65280' },
  { format: '{class}', query: { qclass: 3 }, want: 'CH' },
  { format: '{name}', query: { qname: 'WWW.Example.org.' }, want: 'www.example.org.' },
  { format: '{proto}', query: { protocol: 'tcp' }, want: 'tcp' },
  { format: '{size}', query: { qname: '.' }, want: '17' },
  { format: '{remote} {port}', query: { clientAddress: '192.0.2.1', clientPort: 7 }, want: '192.0.2.1 7' },
  { format: '{remote} {local}', query: { clientAddress: '2001:db8::1' }, want: '[2001:db8::1] [::1]' },
  { format: '{local}', query: { localAddress: '192.0.2.2' }, want: '192.0.2.2' },
  { format: '{>id}', query: { id: 65535 }, want: '65535' },
  { format: '{>opcode}', query: { flags: 0x2000 }, want: '4' },
  { format: '{>do} {>bufsize}', query: {}, want: 'false 512' },
  { format: '{>do} {>bufsize}', query: { dnssecOk: true, udpPayloadBytes: 1400 }, want: 'true 1400' },
  { format: '{>bufsize}', query: { udpPayloadBytes: 100 }, want: '512' },
  { format: '{>bufsize}', query: { udpPayloadBytes: 1400, protocol: 'tcp' }, want: '65535' },
  { format: '{/forward/upstream}', query: {}, want: '192.0.2.3:53' },
  { format: '{/forward/nothing}', query: {}, want: '-' },
  {
    format: '{common}',
    query: {},
    want: '192.0.2.53:40053 - 4660 "A IN www.example.org. udp 33 false 512" SERVFAIL - 0 0.000735136s',
  },
  {
    format: '{combined}',
    query: {},
    want: '192.0.2.53:40053 - 4660 "A IN www.example.org. udp 33 false 512" SERVFAIL - 0 0.000735136s "0"',
  },
  { format: 'a } {unknown} { {proto} } {', query: {}, want: 'a } {unknown} { udp } {' },
  { format: '{Type}', query: {}, want: '{Type}' },
] as const;
for (const { format, query: options, want } of tokenCases) {
  test(`format: ${format} is ${want}`, async () => {
    const asked = fakeQuery(options);
    asked.metadata.set('forward/upstream', '192.0.2.3:53');
    assert.deepEqual(await logged(`log . "${format}"`, asked, unanswered), [`[INFO] ${want}`]);
  });
}

const flagCases = [
  { flags: FLAG_QR, want: 'qr' },
  { flags: FLAG_QR | FLAG_AA | FLAG_TC | FLAG_RD, want: 'qr,aa,tc,rd' },
  { flags: FLAG_QR | FLAG_RA | FLAG_Z | FLAG_AD | FLAG_CD, want: 'qr,ra,z,ad,cd' },
];
for (const { flags, want } of flagCases) {
  test(`flags: ${want}`, async () => {
    const outcome = { ...answered, response: fakeReply(query, { flags }) };
    assert.deepEqual(await logged('log . "{>rflags}"', query, outcome), [`[INFO] ${want}`]);
  });
}

test('an rcode with no name has its number', async () => {
  assert.deepEqual(await logged('log . "{rcode}"', query, { ...answered, rcode: 3000 }), ['[INFO] RCODE3000']);
});

const soa = 'test. 5 IN SOA ns.test. root.test. 1 2 3 4 5';
const outcomes: Record<string, Outcome> = {
  answer: answered,
  delegation: { ...answered, response: fakeReply(query, { authority: ['test. 5 IN NS ns.test.'] }) },
  nodata: { ...answered, response: fakeReply(query, { authority: [soa] }) },
  nxdomain: { ...answered, rcode: 3, response: fakeReply(query, { rcode: 3, authority: [soa] }) },
  servfail: { ...answered, rcode: 2, response: fakeReply(query, { rcode: 2 }) },
  refused: { ...answered, rcode: 5, response: fakeReply(query, { rcode: 5 }) },
  unanswered,
};
const classCases = [
  { name: 'success', want: 'answer delegation' },
  { name: 'denial', want: 'nodata nxdomain' },
  { name: 'error', want: 'servfail refused unanswered' },
  { name: 'denial error', want: 'nodata nxdomain servfail refused unanswered' },
  { name: 'all', want: 'answer delegation nodata nxdomain servfail refused unanswered' },
];
for (const { name, want } of classCases) {
  test(`class ${name}`, async () => {
    const found: string[] = [];
    for (const [kind, outcome] of Object.entries(outcomes)) {
      if ((await logged(`log {\n class ${name}\n}`, query, outcome)).length > 0) found.push(kind);
    }
    assert.equal(found.join(' '), want);
  });
}

const ruleCases = [
  {
    name: 'the first rule with the name decides',
    input: ['log test "{type} 1"', 'log . "{type} 2"'],
    want: ['[INFO] A 1'],
  },
  { name: 'even if its class says no', input: ['log test {\n class error\n}', 'log . "{type} 2"'], want: [] },
  { name: 'other names are for later rules', input: ['log est "{type} 1"', 'log . "{type} 2"'], want: ['[INFO] A 2'] },
  { name: 'no rule', input: ['log example.org "{type} 1"'], want: [] },
  {
    name: 'classes are of one directive alone',
    input: ['log x {\n class error\n}', 'log . "{type} 2"'],
    want: ['[INFO] A 2'],
  },
];
for (const { name, input, want } of ruleCases) {
  test(`rules: ${name}`, async () => {
    assert.deepEqual(await logged(input, query, answered), want);
  });
}
