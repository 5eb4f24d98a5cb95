import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ENTRY_VISITED, Memory } from '../../cache/layout.ts';
import { answering, NOBODY } from '../../directives/cache/testing.ts';
import { FLAG_QR, FLAG_RD } from '../../wire/header.ts';
import { buildMessage, type MessageText } from '../../wire/testing/build.ts';
import { parseMessage } from '../../wire/view.ts';
import { ANSWERED, ANSWERED_DUE, GROUP_SLOTS, HAND_OVER, IGNORED } from './hit-answers.ts';
import { type HitsOptions, HitsRig } from './testing/hits-rig.ts';

const A = 'www.example.org. 60 A 192.0.2.1';
const SOA = 'example.org. 60 SOA ns.example.org. host.example.org. 1 2 3 4 60';
const STALE = 'cache {\n serve_stale 1h immediate 30 5s\n}';
const VERIFIED = 'cache {\n serve_stale 1h verify 0s 30 5s\n}';
const PREFERRING = 'cache {\n serve_stale 1h immediate 30 5s\n serve_stale_policy prefer_positive\n}';

function ask(text: MessageText = {}): Uint8Array {
  return buildMessage({ flags: FLAG_RD, question: 'www.example.org. A', ...text });
}

/** Has the upstream answer a query. */
async function fill(rig: HitsRig, answer: MessageText = { answer: [A] }, query = ask()): Promise<void> {
  rig.rig.upstream = answering(answer);
  await rig.chain(query);
}

type Case = {
  readonly name: string;
  readonly directive?: string;
  readonly options?: HitsOptions;
  readonly answer?: MessageText;
  /** What is asked first, so that the answer is stored. */
  readonly fillQuery?: Uint8Array;
  /** What happens between the answer and the query. */
  readonly before?: (rig: HitsRig) => Promise<void> | void;
  readonly query?: Uint8Array;
  readonly want: number;
};
const wait = (seconds: number) => (rig: HitsRig) => rig.rig.advance(seconds);
const txt = Array.from({ length: 20 }, () => `www.example.org. TXT "${'x'.repeat(250)}"`);
const largeTxt = { question: 'www.example.org. TXT', opt: { udpPayloadBytes: 512 } };
const failedAfter61 = async (rig: HitsRig) => {
  rig.rig.advance(61);
  rig.rig.upstream = () => NOBODY;
  await rig.chain(ask());
  await nextTurn();
};

const AAAA = {
  answer: { answer: ['www.example.org. 60 AAAA 2001:db8::1'] },
  fillQuery: ask({ question: 'www.example.org. AAAA' }),
  query: ask({ question: 'www.example.org. AAAA' }),
};

const cases: Case[] = [
  { name: 'a hit', want: ANSWERED },
  { name: 'a hit of NXDOMAIN', answer: { flags: 0x8183, authority: [SOA] }, want: ANSWERED },
  { name: 'a hit of an error', answer: { flags: 0x8182 }, want: ANSWERED },
  {
    name: 'an error, in a block that wants to see them',
    answer: { flags: 0x8182 },
    options: { errorsInChain: true },
    want: HAND_OVER,
  },
  { name: 'a hit, in a block that wants to see errors', options: { errorsInChain: true }, want: ANSWERED },
  {
    name: 'AAAA of a client over IPv4, in a block that makes some for them',
    options: { aaaaInChain: [4, 6] },
    ...AAAA,
    want: HAND_OVER,
  },
  { name: 'AAAA, made for clients over IPv6', options: { aaaaInChain: [6] }, ...AAAA, want: ANSWERED },
  { name: 'A, where AAAA is made', options: { aaaaInChain: [4, 6] }, want: ANSWERED },
  { name: 'another name', query: ask({ question: 'web.example.org. A' }), want: HAND_OVER },
  { name: 'another type', query: ask({ question: 'www.example.org. AAAA' }), want: HAND_OVER },
  { name: 'another class', query: ask({ question: 'www.example.org. CH A' }), want: HAND_OVER },
  { name: 'DO, asked without', query: ask({ opt: { flags: 0x8000 } }), want: HAND_OVER },
  { name: 'CD, asked without', query: ask({ flags: FLAG_RD | 0x10 }), want: HAND_OVER },
  { name: 'an option', query: ask({ opt: { options: Uint8Array.of(0, 3, 0, 0) } }), want: HAND_OVER },
  { name: 'EDNS version 1', query: ask({ opt: { version: 1 } }), want: HAND_OVER },
  { name: 'a response', query: ask({ flags: FLAG_QR }), want: IGNORED },
  { name: 'less than a header', query: ask().subarray(0, 11), want: IGNORED },
  { name: 'a name of no zone', options: { zone: 'example.net.' }, want: HAND_OVER },
  { name: 'a name of the zone', options: { zone: 'example.org.' }, want: ANSWERED },
  { name: 'the last second', before: wait(59.9), want: ANSWERED },
  { name: 'expired', before: wait(60), want: HAND_OVER },
  { name: 'more than a responder sends', answer: { answer: txt }, query: ask(largeTxt), want: HAND_OVER },
  { name: 'cut to what the client takes', answer: { answer: txt.slice(0, 14) }, query: ask(largeTxt), want: ANSWERED },
  { name: 'stale', directive: STALE, before: wait(60), want: ANSWERED_DUE },
  { name: 'stale, as long as it is served', directive: STALE, before: wait(3659.9), want: ANSWERED_DUE },
  { name: 'stale for too long', directive: STALE, before: wait(3660), want: HAND_OVER },
  { name: 'stale, and a refresh has just failed', directive: STALE, before: failedAfter61, want: ANSWERED },
  { name: 'stale, to be verified first', directive: VERIFIED, before: wait(60), want: HAND_OVER },
  { name: 'stale, and the verification has just failed', directive: VERIFIED, before: failedAfter61, want: ANSWERED },
  {
    name: 'stale, and the verification failed a while ago',
    directive: VERIFIED,
    before: async (rig) => {
      await failedAfter61(rig);
      rig.rig.advance(5);
    },
    want: HAND_OVER,
  },
  { name: 'fresh, where positive answers are preferred', directive: PREFERRING, want: ANSWERED },
  { name: 'stale, where positive answers are preferred', directive: PREFERRING, before: wait(60), want: HAND_OVER },
  { name: 'prefetch, too early', directive: 'cache {\n prefetch 1\n}', before: wait(53), want: ANSWERED },
  { name: 'prefetch', directive: 'cache {\n prefetch 1\n}', before: wait(54), want: ANSWERED_DUE },
  { name: 'prefetch, too few hits', directive: 'cache {\n prefetch 2\n}', before: wait(54), want: ANSWERED },
];
for (const { name, directive, options, answer, fillQuery, before, query = ask(), want } of cases) {
  test(`a responder's verdict: ${name}`, async (t) => {
    const rig = new HitsRig(t, directive, options);
    await fill(
      rig,
      answer,
      fillQuery ?? (answer?.answer === undefined || answer.answer[0] === A ? ask() : ask(largeTxt)),
    );
    await before?.(rig);
    const [{ verdict, reply }] = rig.answer(query);
    assert.equal(verdict, want);
    assert.equal(reply !== undefined, want === ANSWERED || want === ANSWERED_DUE);
  });
}

test('a block without hits outside its chain: all is handed over', async (t) => {
  const rig = new HitsRig(t, 'cache', { chainFor: ['log'] });
  await fill(rig);
  assert.equal(rig.answer(ask())[0].verdict, HAND_OVER);
});

test('an entry that is being written is handed over', async (t) => {
  const rig = new HitsRig(t);
  await fill(rig);
  const entry = entryOf(rig);
  const memory = new Memory(rig.rig.process.cacheStore.buffer);
  Atomics.add(memory.words, memory.entryStart(entry), 1);
  assert.equal(rig.answer(ask())[0].verdict, HAND_OVER);
  Atomics.add(memory.words, memory.entryStart(entry), 1);
  assert.equal(rig.answer(ask())[0].verdict, ANSWERED);
});

/** The entry of the last answer. */
function entryOf(rig: HitsRig): number {
  rig.answer(ask());
  return rig.hits.entry;
}

test('a hit is a visit to SIEVE; what is handed over is none', async (t) => {
  const rig = new HitsRig(t, 'cache', { errorsInChain: true });
  const memory = new Memory(rig.rig.process.cacheStore.buffer);
  await fill(rig);
  const visited = memory.entryStart(entryOf(rig)) + ENTRY_VISITED;
  memory.words[visited] = 0;
  rig.answer(ask({ question: 'web.example.org. A' }));
  assert.equal(memory.words[visited], 0);
  rig.answer(ask());
  assert.equal(memory.words[visited], 1);
});

test('hits in a row count for prefetch, and a pause begins anew', async (t) => {
  const rig = new HitsRig(t, 'cache {\n prefetch 3 10s 90%\n}');
  await fill(rig);
  const verdicts: number[] = [];
  for (const seconds of [6, 1, 1, 11, 1, 1, 1]) {
    rig.rig.advance(seconds);
    verdicts.push(rig.answer(ask())[0].verdict);
  }
  assert.deepEqual(verdicts, [ANSWERED, ANSWERED, ANSWERED_DUE, ANSWERED, ANSWERED, ANSWERED_DUE, ANSWERED_DUE]);
});

test('queries of one group get each its own answer', async (t) => {
  const rig = new HitsRig(t);
  const questions = Array.from({ length: GROUP_SLOTS }, (_, i) => `h${i}.example.org. A`);
  for (const [i, question] of questions.entries()) {
    const [owner] = question.split(' ');
    if (i % 3 > 0) await fill(rig, { answer: [`${owner} 60 A 192.0.2.${i}`] }, ask({ question }));
  }
  const verdicts = rig.answer(...questions.map((question, i) => ask({ id: i, question })));
  for (const [i, { reply }] of verdicts.entries()) {
    assert.equal(reply === undefined, i % 3 === 0);
    if (reply === undefined) continue;
    const view = parseMessage(reply);
    assert.equal(view.id, i);
    assert.equal(view.bytes[view.rdataOffset(0) + 3], i);
  }
});
