import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlags, setId } from './header.ts';
import { nameToText } from './name.ts';
import { buildMessage, describeRecords } from './testing/build.ts';
import { TYPE_A, TYPE_NS, TYPE_OPT } from './types.ts';
import { MessageView, parseMessage, sameQuestion } from './view.ts';

const ANSWER = buildMessage({
  question: 'WWW.example.org. A',
  answer: ['WWW.example.org. 300 A 192.0.2.1', 'WWW.example.org. 300 A 192.0.2.2'],
  authority: ['example.org. 600 NS ns1.example.org.'],
  additional: ['ns1.example.org. 900 A 192.0.2.53'],
  opt: { udpPayloadBytes: 4096, extendedRcodeBits: 1, flags: 0x8000, options: Uint8Array.of(0, 3, 0, 1, 0x61) },
});

test('a view tells where everything lies', () => {
  const view = parseMessage(ANSWER);
  assert.equal(view.malformed, false);
  assert.equal(view.id, 0x1234);
  assert.equal(view.flags, 0x8180);
  assert.deepEqual([view.questionCount, view.qname, view.qtype, view.qclass], [1, 'WWW.example.org.', TYPE_A, 1]);
  assert.equal(view.qnameLower, 'www.example.org.');
  assert.equal(view.questionEnd, 12 + 17 + 4);
  assert.deepEqual([view.answerCount, view.authorityCount, view.additionalCount, view.recordCount], [2, 1, 2, 5]);
  assert.deepEqual(
    [view.headerQuestionCount, view.headerAnswerCount, view.headerAuthorityCount, view.headerAdditionalCount],
    [1, 2, 1, 2],
  );
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((index) => view.sectionOf(index)),
    [0, 0, 1, 2, 2],
  );
  assert.equal(nameToText(view.bytes, view.ownerOffset(2)), 'example.org.');
  assert.deepEqual([view.typeOf(2), view.classOf(2), view.ttlOf(2)], [TYPE_NS, 1, 600]);
  assert.deepEqual([...view.bytes.subarray(view.ttlOffset(2), view.ttlOffset(2) + 4)], [0, 0, 2, 88]);
  assert.equal(view.rdataLength(3), 4);
  assert.deepEqual([...view.bytes.subarray(view.rdataOffset(3), view.recordEnd(3))], [192, 0, 2, 53]);
  assert.equal(view.recordEnd(4), ANSWER.length);
});

test('OPT is read where it lies', () => {
  const view = parseMessage(ANSWER);
  assert.deepEqual(view.opt, {
    index: 4,
    offset: ANSWER.length - 16,
    end: ANSWER.length,
    udpPayloadBytes: 4096,
    extendedRcodeBits: 1,
    version: 0,
    flags: 0x8000,
    dnssecOk: true,
    optionsOffset: ANSWER.length - 5,
    optionsLength: 5,
  });
  assert.equal(view.typeOf(4), TYPE_OPT);
  assert.equal(view.extendedRcode, 16);
});

test('the last OPT of the additional section counts, and none elsewhere', () => {
  const opt = '. CLASS512 OPT \\# 0';
  const message = buildMessage({ answer: [opt], additional: ['. CLASS100 OPT \\# 0', '. CLASS200 OPT \\# 0'] });
  assert.equal(parseMessage(message).opt?.udpPayloadBytes, 200);
  assert.equal(parseMessage(buildMessage({ answer: [opt], authority: [opt] })).opt, undefined);
});

test('the flags are read anew after a patch', () => {
  const view = parseMessage(Uint8Array.from(ANSWER));
  setId(view.bytes, 7);
  setFlags(view.bytes, 0xffff);
  assert.deepEqual([view.id, view.opcode, view.rcode, view.extendedRcode], [7, 15, 15, 31]);
  const flags = () => [view.qr, view.aa, view.tc, view.rd, view.ra, view.ad, view.cd];
  assert.deepEqual(flags(), Array(7).fill(true));
  setFlags(view.bytes, 0);
  assert.deepEqual(flags(), Array(7).fill(false));
});

test('a trusted view gives the same', () => {
  const view = MessageView.trusted(ANSWER);
  assert.equal(view.opt?.index, 4);
  assert.deepEqual(describeRecords(view), describeRecords(parseMessage(ANSWER)));
  assert.equal(view.malformed, false);
});

const HEADER = '0001 0100';
const QUESTION = '0161 00 0001 0001';
const RECORD = 'c00c 0001 0001 00000e10 0004 c0000201';
const OPT = '00 0029 0200 00000000 0000';

// Counts are QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT; want is [malformed, questions, answer, authority, additional].
const leniencyCases = [
  { name: 'a header alone', bytes: `${HEADER} 0000 0000 0000 0000`, want: [false, 0, 0, 0, 0] },
  { name: 'a header alone that counts a question', bytes: `${HEADER} 0001 0000 0000 0000`, want: [false, 0, 0, 0, 0] },
  { name: 'a header alone that counts all', bytes: `${HEADER} 0001 0001 0001 0001`, want: [false, 0, 0, 0, 0] },
  { name: 'empty', bytes: '', want: [true, 0, 0, 0, 0] },
  { name: 'eleven bytes', bytes: `${HEADER} 0001 0000 0000 00`, want: [true, 0, 0, 0, 0] },
  { name: 'a question', bytes: `${HEADER} 0001 0000 0000 0000 ${QUESTION}`, want: [false, 1, 0, 0, 0] },
  { name: 'two questions', bytes: `${HEADER} 0002 0000 0000 0000 ${QUESTION} ${QUESTION}`, want: [false, 2, 0, 0, 0] },
  { name: 'two counted, one there', bytes: `${HEADER} 0002 0000 0000 0000 ${QUESTION}`, want: [false, 1, 0, 0, 0] },
  { name: 'records without question', bytes: `${HEADER} 0000 0000 0000 0001 ${OPT}`, want: [false, 0, 0, 0, 1] },
  {
    name: 'more counted than there, ending at a record',
    bytes: `${HEADER} 0001 0005 0001 0001 ${QUESTION} ${RECORD} ${RECORD}`,
    want: [false, 1, 2, 0, 0],
  },
  {
    name: 'bytes behind the last record',
    bytes: `${HEADER} 0001 0001 0000 0000 ${QUESTION} ${RECORD} ffffff`,
    want: [false, 1, 1, 0, 0],
  },
  {
    name: 'bytes behind the question',
    bytes: `${HEADER} 0001 0000 0000 0000 ${QUESTION} ff`,
    want: [false, 1, 0, 0, 0],
  },
  { name: 'question without class', bytes: `${HEADER} 0001 0000 0000 0000 016100 0001`, want: [true, 0, 0, 0, 0] },
  { name: 'question cut in its name', bytes: `${HEADER} 0001 0000 0000 0000 0161`, want: [true, 0, 0, 0, 0] },
  { name: 'question with pointer', bytes: `${HEADER} 0001 0000 0000 0000 c00c 0001 0001`, want: [true, 0, 0, 0, 0] },
  {
    name: 'bad second question',
    bytes: `${HEADER} 0002 0001 0000 0000 ${QUESTION} 40 ${RECORD}`,
    want: [true, 1, 0, 0, 0],
  },
  {
    name: 'record cut in rdata',
    bytes: `${HEADER} 0001 0002 0000 0000 ${QUESTION} ${RECORD} ${RECORD.slice(0, -2)}`,
    want: [true, 1, 1, 0, 0],
  },
  {
    name: 'record cut before RDLENGTH',
    bytes: `${HEADER} 0001 0001 0000 0000 ${QUESTION} c00c 0001 0001 00000e10`,
    want: [true, 1, 0, 0, 0],
  },
  { name: 'owner cut', bytes: `${HEADER} 0001 0001 0000 0000 ${QUESTION} c0`, want: [true, 1, 0, 0, 0] },
  {
    name: 'owner that points forward',
    bytes: `${HEADER} 0001 0001 0000 0000 ${QUESTION} ${RECORD.replace('c00c', 'c020')}`,
    want: [true, 1, 0, 0, 0],
  },
  {
    name: 'owner with a label of unknown kind',
    bytes: `${HEADER} 0001 0001 0000 0000 ${QUESTION} 41 ${RECORD}`,
    want: [true, 1, 0, 0, 0],
  },
  {
    name: 'bad record behind what is counted',
    bytes: `${HEADER} 0001 0001 0000 0000 ${QUESTION} ${RECORD} 41`,
    want: [false, 1, 1, 0, 0],
  },
];
for (const { name, bytes, want } of leniencyCases) {
  test(`parseMessage: ${name}`, () => {
    const view = parseMessage(Uint8Array.fromHex(bytes.replaceAll(' ', '')));
    const counts = [view.answerCount, view.authorityCount, view.additionalCount];
    assert.deepEqual([view.malformed, view.questionCount, ...counts], want);
    assert.equal(view.recordCount, counts[0] + counts[1] + counts[2]);
    assert.equal(view.qname, view.questionCount > 0 ? 'a.' : '.');
    assert.equal(view.qtype, view.questionCount > 0 ? TYPE_A : 0);
    assert.equal(view.questionEnd, view.questionCount > 0 ? 19 : 12);
  });
}

test('65535 bytes of records with a long chain of pointers are indexed', () => {
  const bytes = new Uint8Array(65535);
  bytes.set(Uint8Array.fromHex('000181800001ffff00000000016100'));
  bytes.set([0, 1, 0, 1], 15);
  // The rdata of the first record is a chain of pointers; all the owners behind it go down that chain.
  const chainStart = 19 + 12;
  bytes.set(Uint8Array.fromHex('c00c0010000100000000'), 19);
  bytes.set([0x3f, 0xf0], 29);
  for (let i = 0; i < 0x3ff0 / 2; i++) bytes.set(pointer(i === 0 ? 12 : chainStart + 2 * i - 2), chainStart + 2 * i);
  const deepest = chainStart + 2 * 120;
  for (let offset = chainStart + 0x3ff0; offset + 12 <= bytes.length; offset += 12) {
    bytes.set(pointer(deepest - 2 * (offset % 100)), offset);
  }
  const view = parseMessage(bytes);
  assert.equal(view.malformed, true, 'the last record is cut');
  assert.equal(view.recordCount, 1 + Math.floor((65535 - chainStart - 0x3ff0) / 12));
});

function pointer(target: number): [number, number] {
  return [0xc0 | (target >> 8), target & 0xff];
}

const QUERY = buildMessage({ question: 'www.example.org. A' });
const sameQuestionCases = [
  { name: 'itself', other: QUERY, want: true },
  { name: 'in another case', other: buildMessage({ question: 'WWW.Example.ORG. A' }), want: true },
  { name: 'with records', other: ANSWER, want: true },
  { name: 'another type', other: buildMessage({ question: 'www.example.org. AAAA' }), want: false },
  { name: 'another class', other: buildMessage({ question: 'www.example.org. CH A' }), want: false },
  { name: 'another name of that length', other: buildMessage({ question: 'wwv.example.org. A' }), want: false },
  { name: 'a longer name', other: buildMessage({ question: 'w.www.example.org. A' }), want: false },
  { name: 'no question', other: buildMessage({}), want: false },
];
for (const { name, other, want } of sameQuestionCases) {
  test(`sameQuestion: ${name}`, () => {
    assert.equal(sameQuestion(parseMessage(QUERY), parseMessage(other)), want);
    assert.equal(sameQuestion(parseMessage(other), parseMessage(QUERY)), want);
  });
}
