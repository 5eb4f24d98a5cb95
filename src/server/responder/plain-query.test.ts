import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { KEY_CD, KEY_DO } from '../../cache/key.ts';
import { Memory } from '../../cache/layout.ts';
import { CacheStore } from '../../cache/store.ts';
import { BATCH_SLOTS, DATAGRAM_BYTES, DatagramBatch } from '../../sys/datagrams.ts';
import { concatBytes, writeU16 } from '../../wire/bytes.ts';
import { ANCOUNT_OFFSET, ARCOUNT_OFFSET, HEADER_BYTES, NSCOUNT_OFFSET, QDCOUNT_OFFSET } from '../../wire/header.ts';
import { nameToLowerText } from '../../wire/name.ts';
import { buildMessage, type MessageText } from '../../wire/testing/build.ts';
import { mutate } from '../../wire/testing/mutate.ts';
import { Prng } from '../../wire/testing/prng.ts';
import { answerSeeds, querySeeds } from '../../wire/testing/seeds.ts';
import { CLASS_IN, TYPE_A, TYPE_AAAA, TYPE_DS } from '../../wire/types.ts';
import { MessageView } from '../../wire/view.ts';
import { screen } from '../screen.ts';
import { PLAIN, PlainQuery, UNANSWERABLE, UNUSUAL } from './plain-query.ts';
import { loopbackPair, receiveAll } from './testing/hits-rig.ts';
import { randomQuery, randomQuestion } from './testing/random-hits.ts';

const MUTATIONS = 20_000;
const store = new CacheStore(64 * 1024);
const memory = new Memory(store.buffer);

function ask(text: MessageText = {}): Uint8Array {
  return buildMessage({ id: 7, flags: 0x0100, question: 'www.example.org. A', ...text });
}

/** With 16 bits of the message set to something else. */
function changed(message: Uint8Array, offset: number, value: number): Uint8Array {
  const copy = Uint8Array.from(message);
  writeU16(copy, offset, value);
  return copy;
}

function reader(t: TestContext): { read(message: Uint8Array): PlainQuery } {
  const pair = loopbackPair(t);
  const batch = new DatagramBatch();
  const query = new PlainQuery(memory);
  return {
    read(message) {
      receiveAll(batch, pair, [message]);
      query.read(batch, 0);
      return query;
    },
  };
}

const withOpt = ask({ opt: {} });
const optStart = ask().length;
const OPT_EXTENDED_RCODE = 5;
const OPT_RDLENGTH = 9;
const cases = [
  { name: 'the usual', message: ask(), want: PLAIN },
  { name: 'the root', message: ask({ question: '. NS' }), want: PLAIN },
  { name: 'with OPT', message: withOpt, want: PLAIN },
  { name: 'all flags but QR and opcode', message: ask({ flags: 0x07ff }), want: PLAIN },
  {
    name: 'an extended rcode, which means nothing in a query',
    message: changed(withOpt, optStart + OPT_EXTENDED_RCODE, 0x0100),
    want: PLAIN,
  },
  { name: 'nothing', message: new Uint8Array(0), want: UNANSWERABLE },
  { name: 'less than a header', message: ask().subarray(0, 11), want: UNANSWERABLE },
  { name: 'a response', message: ask({ flags: 0x8100 }), want: UNANSWERABLE },
  { name: 'a response of another opcode', message: ask({ flags: 0xa100 }), want: UNANSWERABLE },
  { name: 'a header alone', message: ask().subarray(0, 12), want: UNUSUAL },
  { name: 'NOTIFY', message: ask({ flags: 0x2000 }), want: UNUSUAL },
  { name: 'UPDATE', message: ask({ flags: 0x2800 }), want: UNUSUAL },
  { name: 'no question', message: changed(ask(), QDCOUNT_OFFSET, 0), want: UNUSUAL },
  { name: 'two questions', message: changed(ask(), QDCOUNT_OFFSET, 2), want: UNUSUAL },
  { name: 'an answer', message: changed(ask(), ANCOUNT_OFFSET, 1), want: UNUSUAL },
  { name: 'an authority', message: changed(ask(), NSCOUNT_OFFSET, 1), want: UNUSUAL },
  { name: 'two additionals', message: changed(withOpt, ARCOUNT_OFFSET, 2), want: UNUSUAL },
  { name: '257 questions', message: changed(ask(), QDCOUNT_OFFSET, 0x0101), want: UNUSUAL },
  { name: 'a record that is counted and not there', message: changed(ask(), ARCOUNT_OFFSET, 1), want: UNUSUAL },
  { name: 'OPT that is not counted', message: changed(withOpt, ARCOUNT_OFFSET, 0), want: UNUSUAL },
  { name: 'bytes behind', message: concatBytes([ask(), new Uint8Array(1)]), want: UNUSUAL },
  { name: 'bytes behind OPT', message: concatBytes([withOpt, new Uint8Array(1)]), want: UNUSUAL },
  { name: 'a question cut short', message: ask().subarray(0, ask().length - 1), want: UNUSUAL },
  { name: 'a name cut short', message: ask().subarray(0, 20), want: UNUSUAL },
  { name: 'a compressed name', message: changed(ask(), HEADER_BYTES, 0xc000), want: UNUSUAL },
  { name: 'another class', message: ask({ question: 'www.example.org. CH A' }), want: UNUSUAL },
  { name: 'any class', message: changed(ask(), ask().length - 2, 255), want: UNUSUAL },
  { name: 'DS', message: ask({ question: 'www.example.org. DS' }), want: UNUSUAL },
  { name: 'an option', message: ask({ opt: { options: Uint8Array.of(0, 10, 0, 0) } }), want: UNUSUAL },
  { name: 'EDNS version 1', message: ask({ opt: { version: 1 } }), want: UNUSUAL },
  { name: 'OPT with a name', message: changed(withOpt, optStart, 0x0100), want: UNUSUAL },
  { name: 'options that are not there', message: changed(withOpt, optStart + OPT_RDLENGTH, 4), want: UNUSUAL },
  { name: 'another additional record', message: ask({ additional: ['. A 192.0.2.1'] }), want: UNUSUAL },
  {
    name: 'as large as a datagram may be',
    message: concatBytes([ask(), new Uint8Array(DATAGRAM_BYTES - ask().length)]),
    want: UNUSUAL,
  },
];
for (const { name, message, want } of cases) {
  test(`plain query: ${name}`, (t) => {
    assert.equal(reader(t).read(message).kind, want);
  });
}

test('plain query: what it has read', (t) => {
  const { read } = reader(t);
  const opt = { udpPayloadBytes: 1400, flags: 0x8001 };
  const query = read(ask({ flags: 0x0110, question: 'WWW.example.org. AAAA', opt }));
  const questionEnd = HEADER_BYTES + 17 + 4;
  assert.deepEqual(
    [query.flags, query.qtype, query.messageBytes, query.questionEnd],
    [0x0110, TYPE_AAAA, questionEnd + 11, questionEnd],
  );
  assert.deepEqual([query.hasOpt, query.udpPayloadBytes, query.optFlags, query.dnssecOk], [true, 1400, 0x8001, true]);
  assert.equal(nameToLowerText(query.key.name, 0), 'www.example.org.');
  assert.equal(query.key.nameBytes, 17);
  // Nothing of it is left in the next one.
  const next = read(ask());
  assert.deepEqual([next.flags, next.qtype, next.messageBytes], [0x0100, TYPE_A, questionEnd]);
  assert.deepEqual([next.hasOpt, next.udpPayloadBytes, next.optFlags, next.dnssecOk], [false, 0, 0, false]);
});

for (const { flags, optFlags, want } of [
  { flags: 0x0100, optFlags: 0, want: false },
  { flags: 0x0120, optFlags: 0, want: true },
  { flags: 0x0100, optFlags: 0x8000, want: true },
]) {
  test(`plain query: flags ${flags.toString(16)} and ${optFlags.toString(16)}: AD is ${want ? '' : 'not '}of interest`, (t) => {
    assert.equal(reader(t).read(ask({ flags, opt: { flags: optFlags } })).wantsAuthentic, want);
  });
}

/** What both readings must agree in. */
function compare(query: PlainQuery, message: Uint8Array): void {
  const view = screen(Uint8Array.from(message));
  if (view === undefined) assert.equal(query.kind, UNANSWERABLE);
  if (query.kind === UNANSWERABLE) assert.equal(view, undefined);
  if (query.kind !== PLAIN) return;
  assert.ok(view instanceof MessageView, 'it is not refused');
  assert.deepEqual([view.questionCount, view.qclass, view.opcode], [1, CLASS_IN, 0]);
  assert.notEqual(view.qtype, TYPE_DS);
  assert.equal(view.recordCount, query.hasOpt ? 1 : 0);
  assert.deepEqual(view.bytes, message);
  assert.equal(query.messageBytes, message.length);
  assert.deepEqual([query.flags, query.qtype, query.questionEnd], [view.flags, view.qtype, view.questionEnd]);
  const { opt } = view;
  assert.equal(query.hasOpt, opt !== undefined);
  assert.deepEqual(
    [query.udpPayloadBytes, query.optFlags, query.dnssecOk],
    [opt?.udpPayloadBytes ?? 0, opt?.flags ?? 0, opt?.dnssecOk ?? false],
  );
  assert.equal(opt?.version ?? 0, 0);
  assert.equal(opt?.optionsLength ?? 0, 0);
  assert.equal(nameToLowerText(query.key.name, 0), view.qnameLower);
  // The key is that of the resolver.
  const key = store.newKey();
  const keyFlags = (query.dnssecOk ? KEY_DO : 0) | (view.cd ? KEY_CD : 0);
  assert.ok(key.set(message, HEADER_BYTES, message.length, view.qtype, keyFlags));
  assert.deepEqual([query.key.hash, query.key.shape, query.key.qtype], [key.hash, key.shape, key.qtype]);
  assert.deepEqual(query.key.name.subarray(0, query.key.nameBytes), key.name.subarray(0, key.nameBytes));
}

test('plain query: what it reads in damaged messages is what the resolver reads', (t) => {
  const prng = new Prng(20_231);
  const seeds = querySeeds();
  const pair = loopbackPair(t);
  const batch = new DatagramBatch();
  const query = new PlainQuery(memory);
  const kinds = [0, 0, 0];
  for (let done = 0; done < MUTATIONS; done += BATCH_SLOTS) {
    const messages = Array.from({ length: BATCH_SLOTS }, () => {
      if (prng.below(8) === 0) return randomQuery(prng, randomQuestion(prng));
      return mutate(prng, prng.below(8) === 0 ? answerSeeds() : seeds);
    });
    receiveAll(batch, pair, messages);
    for (const [slot, message] of messages.entries()) {
      query.read(batch, slot);
      kinds[query.kind]++;
      compare(query, message);
    }
  }
  for (const count of kinds) assert.ok(count > MUTATIONS / 50, `${kinds}`);
});
