/** Text to wire to text, and wire to text to wire, on damaged rdata of all types. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatRdata, formatRecord, parseRecord } from './presentation.ts';
import { type ResourceRecord, readRecord } from './record.ts';
import { mutate } from './testing/mutate.ts';
import { Prng } from './testing/prng.ts';
import { answerSeeds } from './testing/seeds.ts';
import { TYPE_NSEC, TYPE_NSEC3, typeName } from './types.ts';
import { parseMessage } from './view.ts';

const GENERIC = '\\#';
/** Their sets of types have several encodings, of which the shortest is written. */
const NOT_UNIQUE = [TYPE_NSEC, TYPE_NSEC3];

const records = answerSeeds().flatMap((message) => {
  const view = parseMessage(message);
  return Array.from({ length: view.recordCount }, (_, index) => readRecord(view, index)).filter(
    (record) => record !== undefined,
  );
});

test('records of all kinds: what is formatted is parsed', () => {
  for (const record of records) assertRoundTrip(record);
});

test('fuzz: damaged rdata is formatted so that it can be parsed, or in generic form', () => {
  const prng = new Prng(3);
  let specific = 0;
  for (let i = 0; i < 10_000; i++) {
    const record = prng.pick(records);
    const rdata = mutate(prng, [record.rdata.length > 0 ? record.rdata : Uint8Array.of(0)]);
    const text = formatRdata(record.type, rdata);
    if (text.startsWith(GENERIC)) continue;
    specific++;
    assertRoundTrip({ ...record, rdata });
  }
  assert.ok(specific > 1000, `only ${specific}`);
});

function assertRoundTrip(record: ResourceRecord): void {
  const text = formatRecord(record);
  const again = parseRecord(text);
  assert.equal(formatRecord(again), text);
  if (NOT_UNIQUE.includes(record.type)) assert.deepEqual({ ...again, rdata: record.rdata }, record);
  else assert.deepEqual(again, record);
}

test('property: TXT holds any bytes', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 255 }), { minLength: 1, maxLength: 4 }), (strings) => {
      const rdata = Uint8Array.from(strings.flatMap((string) => [string.length, ...string]));
      assert.deepEqual(parseRecord(`a. TXT ${formatRdata(16, rdata)}`).rdata, rdata);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('property: unknown types hold any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 65280, max: 65534 }), (rdata, type) => {
      assert.deepEqual(parseRecord(`a. ${typeName(type)} ${formatRdata(type, rdata)}`).rdata, rdata);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('fuzz: any text is a record or a PresentationError of one line', () => {
  const prng = new Prng(4);
  const lines = records.map((record) => Buffer.from(formatRecord(record)));
  for (let i = 0; i < 20_000; i++) {
    const text = Buffer.from(mutate(prng, lines)).toString(i % 2 === 0 ? 'latin1' : 'utf8');
    try {
      formatRecord(parseRecord(text));
    } catch (error) {
      assert.ok(error instanceof Error && error.name === 'PresentationError', text);
      assert.doesNotMatch(error.message, /\n/);
    }
  }
});
