import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import fc from 'fast-check';
import { nameToText } from './name.ts';
import { parseRecord } from './presentation.ts';
import { type ResourceRecord, readRecord } from './record.ts';
import { buildMessage, describeRecords, wireName } from './testing/build.ts';
import { TYPE_A, TYPE_MX, TYPE_NS, TYPE_SOA, TYPE_SRV, TYPE_TXT } from './types.ts';
import { parseMessage, SECTION_ADDITIONAL, SECTION_ANSWER, SECTION_AUTHORITY } from './view.ts';
import { MessageWriter } from './writer.ts';

const HEADER = '1234 8180 0001 0001 0000 0000';
const compressionCases = [
  {
    name: 'owner of the question',
    question: 'a.b. A',
    record: 'a.b. 1 A 192.0.2.1',
    want: '016101620000010001 c00c00010001000000010004c0000201',
  },
  {
    name: 'a suffix',
    question: 'a.b. A',
    record: 'c.b. 1 A 192.0.2.1',
    want: '016101620000010001 0163c00e00010001000000010004c0000201',
  },
  {
    name: 'the root is not pointed to',
    question: '. NS',
    record: '. 1 A 192.0.2.1',
    want: '0000020001 0000010001000000010004c0000201',
  },
  {
    name: 'another case is another name',
    question: 'a.b. A',
    record: 'A.b. 1 A 192.0.2.1',
    want: '016101620000010001 0141c00e00010001000000010004c0000201',
  },
  {
    name: 'a label of other length with the same start is another name',
    question: 'ab.c. A',
    record: 'a.c. 1 A 192.0.2.1',
    want: '02616201630000010001 0161c00f00010001000000010004c0000201',
  },
  {
    name: 'a name in the rdata of a type of RFC 1035',
    question: 'a.b. MX',
    record: 'a.b. 1 MX 10 m.b.',
    want: '0161016200000f0001 c00c000f00010000000100060 00a016dc00e'.replaceAll(' ', ''),
  },
  {
    name: 'no name in the rdata of a later type',
    question: 'a.b. SRV',
    record: 'a.b. 1 SRV 1 2 3 a.b.',
    want: '016101620000210001 c00c00210001000000 01000b0001000200030161016200'.replaceAll(' ', ''),
  },
];
for (const { name, question, record, want } of compressionCases) {
  test(`compression: ${name}`, () => {
    const message = buildMessage({ question, answer: [record] });
    assert.equal(message.toHex(), `${HEADER}${want}`.replaceAll(' ', ''));
  });
}

test('names in rdata are pointed to by later ones', () => {
  const message = buildMessage({
    answer: ['a.b. 1 CNAME c.d.', 'c.d. 1 SRV 1 2 3 e.f.', 'e.f. 1 A 192.0.2.1'],
  });
  const view = parseMessage(message);
  assert.equal(message[view.ownerOffset(1)], 0xc0);
  assert.equal(message[view.ownerOffset(2)], 0xc0);
  assert.deepEqual(
    [0, 1, 2].map((index) => nameToText(message, view.ownerOffset(index))),
    ['a.b.', 'c.d.', 'e.f.'],
  );
});

test('what does not fit is not written, up to the limit exactly is', () => {
  const writer = new MessageWriter();
  writer.start(1, 0);
  writer.question(wireName('www.example.org.'), TYPE_A, 1);
  const one = parseRecord('www.example.org. A 192.0.2.1');
  const other = parseRecord('other.example.net. MX 10 mail.example.net.');
  writer.setLimit(writer.length + 16);
  assert.equal(writer.record(SECTION_ANSWER, other), false);
  assert.equal(writer.record(SECTION_ANSWER, one), true);
  assert.equal(writer.record(SECTION_ANSWER, one), false);
  writer.setLimit(512);
  // The names of the record that was taken back must not be pointed to.
  assert.equal(writer.record(SECTION_ANSWER, other), true);
  const view = parseMessage(writer.finish());
  assert.equal(view.malformed, false);
  assert.deepEqual(describeRecords(view), [
    '0 www.example.org.\t3600\tIN\tA\t192.0.2.1',
    '0 other.example.net.\t3600\tIN\tMX\t10 mail.example.net.',
  ]);
});

test('60 A records within 512 bytes: 29 of them', () => {
  const writer = new MessageWriter();
  writer.start(1, 0);
  writer.setLimit(512);
  writer.question(wireName('www.example.org.'), TYPE_A, 1);
  let written = 0;
  while (written < 60 && writer.record(SECTION_ANSWER, parseRecord(`www.example.org. A 192.0.2.${written}`))) written++;
  assert.equal(written, 29);
  assert.equal(writer.finish().length, 33 + 29 * 16);
});

test('an OPT record must fit, too', () => {
  const writer = new MessageWriter(64);
  const fields = { udpPayloadBytes: 1232, extendedRcodeBits: 0, version: 0, flags: 0, options: new Uint8Array(0) };
  writer.start(1, 0);
  writer.setLimit(22);
  assert.equal(writer.opt(fields), false);
  writer.setLimit(23);
  assert.equal(writer.opt(fields), true);
  assert.equal(writer.finish().toHex(), '00010000000000000000000100002904d0000000000000');
});

test('a writer starts anew', () => {
  const writer = new MessageWriter();
  const write = () => {
    writer.start(1, 0);
    writer.question(wireName('a.b.'), TYPE_A, 1);
    writer.record(SECTION_ANSWER, parseRecord('c.b. A 192.0.2.1'));
    writer.setFlags(0x8180);
    return writer.finish();
  };
  const first = write();
  assert.deepEqual(write(), first);
  assert.equal(parseMessage(first).flags, 0x8180);
});

test('records come in the order of the sections', () => {
  const writer = new MessageWriter();
  const record = parseRecord('a. A 192.0.2.1');
  writer.start(1, 0);
  assert.equal(writer.record(SECTION_AUTHORITY, record), true);
  assert.throws(() => writer.record(SECTION_ANSWER, record), { message: /order of the sections/ });
});

const malformedRecords: { name: string; record: ResourceRecord }[] = [
  { name: 'a name cut in rdata', record: { ...parseRecord('a. NS b.'), rdata: Uint8Array.of(1) } },
  { name: 'bytes behind the name in rdata', record: { ...parseRecord('a. NS b.'), rdata: Uint8Array.of(0, 0) } },
  { name: 'an owner that is no name', record: { ...parseRecord('a. NS b.'), owner: Uint8Array.of(64) } },
];
for (const { name, record } of malformedRecords) {
  test(`malformed records are not written: ${name}`, () => {
    const writer = new MessageWriter();
    writer.start(1, 0);
    assert.equal(writer.record(SECTION_ANSWER, record), false);
    assert.equal(writer.length, 12);
  });
}

test('copyRecord decompresses, and sets section and TTL', () => {
  // An SRV record whose target is compressed, as RFC 2052 had it.
  const source = Uint8Array.fromHex(
    '000180000001000100000000 0161016200 00210001 c00c 0021 0001 0000003c 0008 000100020003c00c'.replaceAll(' ', ''),
  );
  const writer = new MessageWriter();
  writer.start(1, 0);
  assert.equal(writer.copyRecord(parseMessage(source), 0, SECTION_ADDITIONAL, 5), true);
  assert.deepEqual(describeRecords(parseMessage(writer.finish())), ['2 a.b.\t5\tIN\tSRV\t1 2 3 a.b.']);
});

test('names beyond 16 KiB are not pointed to', () => {
  const padding = `pad. TXT ${'"x" '.repeat(8200)}`;
  const message = buildMessage({ answer: [padding, 'a.b. A 192.0.2.1', 'a.b. A 192.0.2.2', 'c.pad. A 192.0.2.3'] });
  const view = parseMessage(message);
  assert.equal(message.subarray(view.ownerOffset(2), view.ownerOffset(2) + 5).toHex(), '0161016200');
  assert.equal(message.subarray(view.ownerOffset(3), view.ownerOffset(3) + 4).toHex(), '0163c00c');
});

test('more names than are remembered are still right', () => {
  const answer = Array.from({ length: 2500 }, (_, i) => `${i}.b. ${i} A 192.0.2.1`);
  const view = parseMessage(buildMessage({ answer }));
  assert.equal(view.malformed, false);
  assert.deepEqual(
    describeRecords(view),
    answer.map((_, i) => `0 ${i}.b.\t${i}\tIN\tA\t192.0.2.1`),
  );
});

const label = fc.constantFrom('a', 'A', 'b', 'www', 'example', 'org', 'x\\.y', 'z'.repeat(40));
const name = fc.array(label, { maxLength: 6 }).map((labels) => wireName(`${labels.join('.')}.`));
const rdataOf = {
  [TYPE_A]: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  [TYPE_NS]: name,
  [TYPE_MX]: name.map((exchange) => Uint8Array.of(0, 10, ...exchange)),
  [TYPE_SOA]: fc.tuple(name, name).map(([a, b]) => Uint8Array.of(...a, ...b, ...new Uint8Array(20))),
  [TYPE_SRV]: name.map((target) => Uint8Array.of(0, 1, 0, 2, 0, 3, ...target)),
  [TYPE_TXT]: fc.uint8Array({ maxLength: 100 }).map((text) => Uint8Array.of(text.length, ...text)),
  65280: fc.uint8Array({ maxLength: 20 }),
};
const record: fc.Arbitrary<ResourceRecord> = fc
  .constantFrom(TYPE_A, TYPE_NS, TYPE_MX, TYPE_SOA, TYPE_SRV, TYPE_TXT, 65280 as const)
  .chain((type) =>
    fc.record(
      {
        owner: name,
        type: fc.constant(type),
        class: fc.nat(0xffff),
        ttl: fc.nat(0xffffffff),
        rdata: rdataOf[type],
      },
      { noNullPrototype: true },
    ),
  );

test('property: what is written is read back', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 30 }), (records) => {
      const writer = new MessageWriter();
      writer.start(1, 0x8000);
      for (const one of records) assert.equal(writer.record(SECTION_ANSWER, one), true);
      const view = parseMessage(writer.finish());
      assert.equal(view.malformed, false);
      assert.deepEqual(
        records.map((_, index) => readRecord(view, index)),
        records,
      );
      assert.equal(dnsPacket.decode(Buffer.from(view.bytes)).answers?.length, records.length);
    }),
    { seed: 1, numRuns: 200 },
  );
});
