/** Damaged messages through all that reads them: nothing throws, nothing hangs, and what can be read stays the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compressMessage } from './compress.ts';
import { eachOption } from './edns.ts';
import { HEADER_BYTES, MAX_MESSAGE_BYTES } from './header.ts';
import { MAX_NAME_BYTES, nameToText } from './name.ts';
import { formatRecord } from './presentation.ts';
import { type ResourceRecord, readRecord } from './record.ts';
import { rrsigValidityPeriod } from './rrsig.ts';
import { hasSoundRdata } from './sound.ts';
import { mutate } from './testing/mutate.ts';
import { Prng } from './testing/prng.ts';
import { answerSeeds, bigSeeds, querySeeds } from './testing/seeds.ts';
import { TYPE_OPT } from './types.ts';
import { MessageView, parseMessage, sameQuestion } from './view.ts';
import { MessageWriter } from './writer.ts';

const small = [...querySeeds(), ...answerSeeds()];
const rounds = [
  { name: 'queries and answers', seeds: small, count: 200_000, seed: 1 },
  { name: 'big answers', seeds: bigSeeds(), count: 2_000, seed: 2 },
];
const writer = new MessageWriter();

for (const { name, seeds, count, seed } of rounds) {
  test(`fuzz: ${count} damaged ${name}`, () => {
    const prng = new Prng(seed);
    let malformed = 0;
    for (let i = 0; i < count; i++) {
      const message = mutate(prng, seeds);
      try {
        if (readAll(message)) malformed++;
      } catch (cause) {
        throw new Error(`message ${i}: ${message.toHex()}`, { cause });
      }
    }
    // Both kinds must be there, or the fuzzing is for nothing.
    assert.ok(malformed > count / 10 && malformed < (count * 9) / 10, `${malformed} of ${count} are malformed`);
  });
}

/** Returns whether the message is malformed. */
function readAll(message: Uint8Array): boolean {
  const view = parseMessage(message);
  readHead(view);
  const records = readRecords(view);
  // Sound rdata can be read, whatever it is then used for.
  if (hasSoundRdata(view)) assert.ok(!records.includes(undefined));
  checkCompressed(view, records);
  checkLimit(view);
  assert.equal(MessageView.trusted(message).recordCount, view.recordCount);
  return view.malformed;
}

function readHead(view: MessageView): void {
  const { length } = view.bytes;
  assert.ok(view.questionEnd >= HEADER_BYTES && view.questionEnd <= Math.max(length, HEADER_BYTES));
  assert.ok(view.qname.length > 0 && view.qname.length <= 4 * MAX_NAME_BYTES);
  assert.equal(view.qnameLower.length, view.qname.length);
  assert.equal(sameQuestion(view, view), view.questionCount === 1);
  const counts = view.answerCount + view.authorityCount + view.additionalCount;
  assert.equal(counts, view.recordCount);
  assert.ok(view.extendedRcode >= 0 && view.extendedRcode <= 4095);
  const { opt } = view;
  if (opt === undefined) return;
  assert.equal(view.typeOf(opt.index), TYPE_OPT);
  eachOption(view.bytes, opt.optionsOffset, opt.optionsLength, (_code, offset, optionLength) => {
    assert.ok(offset + optionLength <= opt.end);
  });
}

function readRecords(view: MessageView): (ResourceRecord | undefined)[] {
  const records: (ResourceRecord | undefined)[] = [];
  for (let i = 0; i < view.recordCount; i++) {
    assert.ok(view.ownerOffset(i) < view.ttlOffset(i) && view.ttlOffset(i) < view.rdataOffset(i));
    assert.ok(view.recordEnd(i) <= view.bytes.length);
    assert.ok(nameToText(view.bytes, view.ownerOffset(i)).endsWith('.'));
    // Any place may be taken for a name.
    nameToText(view.bytes, view.rdataOffset(i));
    rrsigValidityPeriod(view, i);
    const record = readRecord(view, i);
    if (record !== undefined) assert.ok(formatRecord(record).length > 0);
    records.push(record);
  }
  return records;
}

/** Rewritten or copied, the message has the same records but for OPT; those behind an OPT may be lost if one is bad. */
function checkCompressed(view: MessageView, records: readonly (ResourceRecord | undefined)[]): void {
  const compressed = compressMessage(view);
  const again = parseMessage(compressed);
  const want = records.filter((_, i) => view.typeOf(i) !== TYPE_OPT);
  assert.equal(again.malformed, false);
  assert.equal(again.opt, undefined);
  assert.ok(compressed.length <= MAX_MESSAGE_BYTES);
  assert.equal(again.bytes.length, again.recordCount > 0 ? again.recordEnd(again.recordCount - 1) : again.questionEnd);
  assert.ok(again.recordCount === want.length || (again.recordCount < want.length && records.includes(undefined)));
  assert.equal(again.qname, view.qname);
  for (let i = 0; i < again.recordCount; i++) assertSameRecord(readRecord(again, i), want[i]);
}

function assertSameRecord(a: ResourceRecord | undefined, b: ResourceRecord | undefined): void {
  assert.equal(a?.type, b?.type);
  if (a === undefined || b === undefined) return;
  assert.ok(a.class === b.class && a.ttl === b.ttl);
  assert.equal(Buffer.compare(a.owner, b.owner), 0);
  assert.equal(Buffer.compare(a.rdata, b.rdata), 0);
}

/** As much as fits is copied, and no more. */
function checkLimit(view: MessageView): void {
  writer.start(view.id, view.flags);
  writer.copyQuestion(view);
  const limit = writer.length + 100;
  writer.setLimit(limit);
  let copied = 0;
  for (let i = 0; i < view.recordCount; i++) if (writer.copyRecord(view, i)) copied++;
  const message = writer.finish();
  assert.ok(message.length <= limit);
  const again = parseMessage(message);
  assert.equal(again.malformed, false);
  assert.equal(again.recordCount, copied);
}
