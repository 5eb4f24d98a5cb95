import assert from 'node:assert/strict';
import { test } from 'node:test';
import v8 from 'node:v8';
import fc from 'fast-check';
import { readU16, readU32 } from '../wire/bytes.ts';
import { FLAG_AA, FLAG_AD, FLAG_QR, FLAG_RA, FLAG_RD, FLAGS_OFFSET, HEADER_BYTES } from '../wire/header.ts';
import { buildMessage } from '../wire/testing/build.ts';
import { TYPE_A } from '../wire/types.ts';
import { MessageView } from '../wire/view.ts';
import type { CacheKey } from './key.ts';
import { TRAIT_LOWER } from './layout.ts';
import type { Partition } from './partition.ts';
import { CacheStore } from './store.ts';

const SALT = [1, 2] as const;
const MIN_BYTES = 64 * 1024;
/** Where `copy` puts messages. */
const words = new Int32Array(0x4000);
const bytes = new Uint8Array(words.buffer);

type Answer = {
  readonly message: MessageView;
  readonly durationSeconds: number;
  readonly traits: number;
  readonly hits: number;
};

/** An answer for `hN.example.org.` that says `version`, with that many more records. */
function answerFor(n: number, { version = 1, records = 0, flags = FLAG_QR | FLAG_RD | FLAG_RA } = {}): Answer {
  const owner = `h${n}.example.org.`;
  const more = Array.from({ length: records }, (_, i) => `${owner} 60 A 192.0.2.${i % 250}`);
  const answer = [`${owner} 60 A 10.${version >> 16}.${(version >> 8) & 255}.${version & 255}`, ...more];
  const message = MessageView.trusted(buildMessage({ id: 99, question: `${owner} A`, answer, flags }));
  return { message, durationSeconds: 60, traits: version & 31, hits: 0 };
}

function selectKey(key: CacheKey, { message }: Answer): void {
  assert.ok(key.set(message.bytes, HEADER_BYTES, message.bytes.length, TYPE_A, 0));
}

/** The version that the partition has for the answer's name; undefined if it has none. */
function versionOf(store: CacheStore, partition: Partition, key: CacheKey, answer: Answer): number | undefined {
  selectKey(key, answer);
  const entry = store.reader.find(key, partition.id);
  if (entry === 0) return undefined;
  assert.ok(store.reader.copyMessage(entry, words, bytes, 0, 7));
  const view = MessageView.trusted(bytes.slice(0, store.reader.messageBytes));
  assert.equal(view.qname, answer.message.qname);
  return readU32(view.bytes, view.rdataOffset(0)) & 0xffffff;
}

test('an entry tells whether the question of its answer is spelled in lower case', () => {
  const store = new CacheStore(64 * 1024);
  const partition = store.openPartition({ capacity: 10 });
  const key = store.newKey();
  for (const [qname, isLower] of [
    ['www.example.org.', true],
    ['wwW.example.org.', false],
    ['1-a_b.example.', true],
  ] as const) {
    const message = MessageView.trusted(buildMessage({ question: `${qname} A`, answer: [`${qname} 60 A 192.0.2.1`] }));
    selectKey(key, { message, durationSeconds: 60, traits: 0, hits: 0 });
    const entry = store.put(partition, key, { message, durationSeconds: 60, traits: 0, hits: 0 }, 0);
    assert.equal(store.reader.find(key, partition.id), entry);
    assert.equal(store.reader.traits, isLower ? TRAIT_LOWER : 0, qname);
  }
});

test('agrees with a plain Map, for as long as nothing has to be evicted', () => {
  const step = fc.record({
    n: fc.nat(19),
    partition: fc.nat(1),
    action: fc.constantFrom('put', 'put', 'put', 'remove', 'look'),
    version: fc.nat(0xffffff),
    records: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const store = new CacheStore(MIN_BYTES, SALT);
      const partitions = [store.openPartition({ capacity: 100 }), store.openPartition({ capacity: 100 })];
      const models = [new Map<number, number>(), new Map<number, number>()];
      const key = store.newKey();
      for (const { n, partition: p, action, version, records } of steps) {
        const answer = answerFor(n, { version, records });
        selectKey(key, answer);
        if (action === 'put') {
          assert.notEqual(store.put(partitions[p], key, answer, 0), 0);
          models[p].set(n, version);
        } else if (action === 'remove') {
          assert.equal(store.remove(partitions[p], key), models[p].delete(n));
        } else {
          assert.equal(versionOf(store, partitions[p], key, answer), models[p].get(n));
        }
      }
      for (const [p, model] of models.entries()) {
        assert.equal(partitions[p].count, model.size);
        for (let n = 0; n < 20; n++) assert.equal(versionOf(store, partitions[p], key, answerFor(n)), model.get(n));
        store.closePartition(partitions[p]);
      }
      assert.equal(store.usedBytes, 0);
    }),
    { seed: 7, numRuns: 60 },
  );
});

test('agrees with a plain Map in what it has, whatever has been evicted; bytes and entries stay within bounds', () => {
  const step = fc.record({
    n: fc.nat(999),
    partition: fc.nat(1),
    version: fc.nat(0xffffff),
    records: fc.oneof({ weight: 9, arbitrary: fc.nat(3) }, fc.nat(40)),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 500, maxLength: 1500 }), (steps) => {
      const store = new CacheStore(MIN_BYTES, SALT);
      const models = [new Map<number, number>(), new Map<number, number>()];
      const present = [new Set<number>(), new Set<number>()];
      const counts = { evicted: 0 };
      const partitions = present.map((entries) =>
        store.openPartition({
          capacity: 150,
          observer: {
            stored: (entry, replaced) => {
              assert.equal(entries.has(entry), replaced);
              entries.add(entry);
            },
            removed: (entry, evicted) => {
              assert.ok(entries.delete(entry));
              counts.evicted += Number(evicted);
            },
          },
        }),
      );
      const key = store.newKey();
      for (const { n, partition: p, version, records } of steps) {
        const answer = answerFor(n, { version, records });
        selectKey(key, answer);
        const entry = store.put(partitions[p], key, answer, 0);
        assert.equal(versionOf(store, partitions[p], key, answer), entry === 0 ? undefined : version);
        models[p].set(n, version);
        assert.ok(partitions[p].count <= 150);
        assert.ok(store.usedBytes <= store.capacityBytes);
      }
      assert.ok(counts.evicted > 0);
      for (const [p, model] of models.entries()) {
        let found = 0;
        for (const [n, version] of model) {
          const stored = versionOf(store, partitions[p], key, answerFor(n));
          if (stored === undefined) continue;
          assert.equal(stored, version);
          found++;
        }
        assert.deepEqual([partitions[p].count, present[p].size], [found, found]);
        store.closePartition(partitions[p]);
      }
      assert.equal(store.usedBytes, 0);
    }),
    { seed: 7, numRuns: 8 },
  );
});

test('a message comes back with id 0, the flags of a hit, its TTLs replaced and everything else as it was', () => {
  const store = new CacheStore(MIN_BYTES, SALT);
  const partition = store.openPartition({ capacity: 10 });
  const key = store.newKey();
  const text = {
    question: 'WWW.example.org. A',
    answer: ['www.example.org. 300 CNAME a.example.org.', 'a.example.org. 20 A 192.0.2.1'],
    authority: ['example.org. 3600 NS ns.example.org.'],
    additional: ['ns.example.org. 86400 AAAA 2001:db8::1'],
  };
  const message = MessageView.trusted(
    buildMessage({ ...text, id: 4711, flags: FLAG_QR | FLAG_RD | FLAG_RA | FLAG_AD }),
  );
  selectKey(key, { message, durationSeconds: 20, traits: 5, hits: 3 });
  const entry = store.put(partition, key, { message, durationSeconds: 20, traits: 5, hits: 3 }, 1234.5);
  const { reader } = store;
  assert.equal(reader.find(key, partition.id), entry);
  assert.deepEqual([reader.durationSeconds, reader.storedAtMs, reader.traits], [20, 1234.5, 5]);
  assert.equal(reader.recheckAtMs, Number.NEGATIVE_INFINITY);
  assert.ok(reader.copyMessage(entry, words, bytes, 8, 17));
  const copy = bytes.slice(8, 8 + reader.messageBytes);
  const seventeen = (records: readonly string[]) => records.map((record) => record.replace(/ \d+ /, ' 17 '));
  const want = buildMessage({
    id: 0,
    flags: FLAG_QR | FLAG_AA | FLAG_RA | FLAG_AD,
    question: text.question,
    answer: seventeen(text.answer),
    authority: seventeen(text.authority),
    additional: seventeen(text.additional),
  });
  assert.deepEqual(copy, want);
  assert.equal(readU16(copy, FLAGS_OFFSET) & FLAG_RD, 0);
});

test('partitions share no names', () => {
  const store = new CacheStore(MIN_BYTES, SALT);
  const [one, other] = [store.openPartition({ capacity: 10 }), store.openPartition({ capacity: 10 })];
  const key = store.newKey();
  const answer = answerFor(1);
  selectKey(key, answer);
  store.put(one, key, answer, 0);
  assert.equal(store.reader.find(key, other.id), 0);
  store.closePartition(one);
  assert.equal(versionOf(store, store.openPartition({ capacity: 10 }), key, answer), undefined);
});

test('when bytes run out, the partition that has most of them gives way', () => {
  const store = new CacheStore(MIN_BYTES, SALT);
  const evicted = [0, 0];
  const open = (p: number) => store.openPartition({ capacity: 10_000, observer: { removed: () => evicted[p]++ } });
  const [small, large] = [open(0), open(1)];
  const key = store.newKey();
  const put = (partition: Partition, n: number, records: number) => {
    const answer = answerFor(n, { records });
    selectKey(key, answer);
    assert.notEqual(store.put(partition, key, answer, 0), 0);
  };
  for (let n = 0; n < 20; n++) put(small, n, 0);
  for (let n = 0; n < 1000; n++) put(large, n, 10);
  assert.equal(evicted[0], 0);
  assert.ok(evicted[1] > 0);
});

test('when the entries run out, there is room for new ones still', () => {
  const store = new CacheStore(MIN_BYTES, SALT);
  const partition = store.openPartition({ capacity: 100_000 });
  const key = store.newKey();
  for (let n = 0; n < 1000; n++) {
    const answer = answerFor(n);
    selectKey(key, answer);
    assert.notEqual(store.put(partition, key, answer, 0), 0);
  }
  assert.ok(partition.count > 100 && partition.count < 256);
});

test('a large message gets its room from neighbours instead of emptying the store', () => {
  const store = new CacheStore(4 * MIN_BYTES, SALT);
  const partition = store.openPartition({ capacity: 100_000 });
  const key = store.newKey();
  const put = (answer: Answer) => {
    selectKey(key, answer);
    return store.put(partition, key, answer, 0);
  };
  for (let n = 0; n < 3000; n++) put(answerFor(n));
  const before = partition.count;
  const large = answerFor(5000, { records: 120 });
  assert.ok(large.message.bytes.length > 1900);
  assert.notEqual(put(large), 0);
  assert.equal(versionOf(store, partition, key, large), 1);
  assert.ok(before - partition.count < 40, `${before - partition.count} of ${before} had to go`);
});

test('a message that is too large for the store is not stored', () => {
  const store = new CacheStore(MIN_BYTES, SALT);
  const partition = store.openPartition({ capacity: 10 });
  const key = store.newKey();
  const answer = answerFor(1, { records: 100 });
  selectKey(key, answer);
  assert.equal(store.put(partition, key, answer, 0), 0);
  assert.equal(store.usedBytes, 0);
});

test('hits in a row: counted from 1 again after the window', () => {
  const store = new CacheStore(MIN_BYTES, SALT);
  const partition = store.openPartition({ capacity: 10 });
  const key = store.newKey();
  const answer = answerFor(1);
  selectKey(key, answer);
  const entry = store.put(partition, key, { ...answer, hits: 4 }, 1000);
  const at = [2000, 61_000, 121_000, 181_001, 2 ** 32 + 181_500];
  assert.deepEqual(
    at.map((nowMs) => store.reader.countHit(entry, nowMs, 60_000)),
    [5, 6, 7, 1, 2],
  );
});

test('a look-up allocates nothing', () => {
  const store = new CacheStore(MIN_BYTES, SALT);
  const partition = store.openPartition({ capacity: 100 });
  const key = store.newKey();
  const answer = answerFor(1);
  selectKey(key, answer);
  store.put(partition, key, answer, 0);
  const query = answer.message.bytes;
  const { reader } = store;
  let hits = 0;
  const lookUp = (times: number) => {
    for (let i = 0; i < times; i++) {
      key.set(query, HEADER_BYTES, query.length, TYPE_A, 0);
      const entry = reader.find(key, partition.id);
      if (reader.copyMessage(entry, words, bytes, 0, 7)) hits++;
    }
  };
  lookUp(200_000);
  // The compiler allocates too, and has its turn late on a busy machine: the best of a few runs counts.
  let allocated = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 10 && allocated >= 1_000_000; run++) {
    hits = 0;
    const before = v8.getHeapStatistics().total_allocated_bytes;
    lookUp(1_000_000);
    allocated = v8.getHeapStatistics().total_allocated_bytes - before;
    assert.equal(hits, 1_000_000);
  }
  assert.ok(allocated < 1_000_000, `${allocated} bytes in a million look-ups`);
});

test('size: too small', () => {
  assert.throws(() => new CacheStore(1000), {
    name: 'RangeError',
    message: 'the cache must have 65536 bytes or more, not 1000',
  });
});

test('size: of more than 1 GiB, 1 GiB is used, and that only as it fills', () => {
  const before = process.memoryUsage().rss;
  const store = new CacheStore(2 ** 34);
  assert.equal(store.capacityBytes, 2 ** 30);
  assert.ok(process.memoryUsage().rss - before < 2 ** 25);
});
