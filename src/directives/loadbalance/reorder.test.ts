import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from 'dns-packet';
import { buildMessage, buildPlainMessage, describeRecords } from '../../wire/testing/build.ts';
import { mutate } from '../../wire/testing/mutate.ts';
import { Prng } from '../../wire/testing/prng.ts';
import { answerSeeds, bigSeeds } from '../../wire/testing/seeds.ts';
import { MessageView, parseMessage } from '../../wire/view.ts';
import { type Arrange, reorder } from './reorder.ts';
import { roundRobin } from './round-robin.ts';
import { recordTexts } from './testing.ts';

const backwards: Arrange = (_view, _section, records) => records.toReversed();
const asTheyAre: Arrange = (_view, _section, records) => records;

// The owner that is spelled out first is what the records behind it point to.
const glue = ['ns.example.net. A 192.0.2.1', 'ns.example.net. AAAA 2001:db8::1', 'x.ns.example.net. A 192.0.2.2'];
const message = {
  question: 'www.example.org. A',
  answer: recordTexts('Cab'),
  authority: ['example.org. NS ns.example.net.', 'example.org. NS x.ns.example.net.'],
  additional: glue,
};

const wholeCases = [
  { name: 'names compressed', bytes: buildMessage(message) },
  { name: 'names spelled out', bytes: buildPlainMessage(message) },
];
for (const { name, bytes } of wholeCases) {
  test(`each section is reordered on its own: ${name}`, () => {
    const { answers = [], authorities = [], additionals = [], ...head } = decode(Buffer.from(bytes));
    const found = decode(Buffer.from(reorder(parseMessage(bytes), backwards).bytes));
    const want = { answers: answers.toReversed(), authorities: authorities.toReversed() };
    assert.deepEqual(found, { ...head, ...want, additionals: additionals.toReversed() });
  });
}

test('the message itself is left alone', () => {
  const bytes = buildMessage(message);
  const before = bytes.slice();
  reorder(parseMessage(bytes), backwards);
  assert.deepEqual(bytes, before);
});

const sameCases: { name: string; bytes: Uint8Array; arrange?: Arrange }[] = [
  { name: 'no record', bytes: buildMessage({ question: 'www.example.org. A' }) },
  {
    name: 'one record in each section',
    bytes: buildMessage({ answer: recordTexts('a'), authority: recordTexts('C'), additional: recordTexts('v') }),
  },
  { name: 'the order that they have', bytes: buildMessage(message), arrange: asTheyAre },
  { name: 'a message that is cut', bytes: buildMessage(message).slice(0, -1) },
  { name: 'rdata that cannot be read', bytes: withBadMx() },
];
for (const { name, bytes, arrange = backwards } of sameCases) {
  test(`the very same message comes back: ${name}`, () => {
    const view = parseMessage(bytes);
    assert.equal(reorder(view, arrange), view);
  });
}

/** The last byte of its last MX, which is a pointer, points behind itself. */
function withBadMx(): Uint8Array {
  const bytes = buildMessage({ answer: recordTexts('MN') });
  bytes[bytes.length - 1] = 0xff;
  return bytes;
}

test('sections of one record are not arranged', () => {
  const arrange: Arrange = (_view, section, records) => {
    assert.equal(section, 0);
    return backwards(_view, section, records);
  };
  const bytes = buildMessage({ answer: recordTexts('ab'), authority: recordTexts('C'), additional: recordTexts('v') });
  const found = describeRecords(reorder(parseMessage(bytes), arrange));
  assert.deepEqual(
    found.map((text) => text.replaceAll(/^(\d) .*\t/g, '$1 ')),
    ['0 192.0.2.2', '0 192.0.2.1', '1 alias.example.org.', '2 2001:db8::1'],
  );
});

test('OPT stays with its options, behind the others, and the message is no more ours than it was', () => {
  const bytes = buildMessage({ ...message, opt: { udpPayloadBytes: 4096, extendedRcodeBits: 1, flags: 0x8000 } });
  const found = reorder(parseMessage(bytes), (view, _section, records) => roundRobin(view, records, () => 0.999));
  assert.equal(found.recordCount, 9);
  assert.deepEqual([found.opt?.udpPayloadBytes, found.opt?.dnssecOk, found.extendedRcode], [4096, true, 16]);
  assert.equal(found.typeOf(8), 41);
  assert.equal(found.isOurs, false);
  assert.equal(reorder(MessageView.trusted(buildMessage(message)), backwards).isOurs, true);
});

test('damaged messages keep their records', () => {
  const prng = new Prng(3);
  const seeds = [buildMessage(message), buildPlainMessage(message), ...answerSeeds(), ...bigSeeds()];
  let reordered = 0;
  for (let i = 0; i < 5000; i++) {
    const view = parseMessage(mutate(prng, seeds));
    const found = reorder(view, (of, _section, records) => roundRobin(of, records, () => prng.below(1000) / 1000));
    if (found === view) continue;
    reordered++;
    assert.deepEqual(describeRecords(found).sort(), describeRecords(view).sort());
    assert.deepEqual([found.flags, found.qname, found.malformed], [view.flags, view.qname, false]);
  }
  assert.ok(reordered > 300, `only ${reordered} were reordered`);
});
