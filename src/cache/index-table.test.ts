import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { IndexTable } from './index-table.ts';
import { ENTRY_HASH, Memory, SLOT_ENTRY_MASK } from './layout.ts';

/** The entries met when probing for a hash, until a slot is empty. */
function probe({ words, indexStart, indexMask }: Memory, hash: number): number[] {
  const met: number[] = [];
  for (let slot = hash & indexMask; words[indexStart + slot] !== 0; slot = (slot + 1) & indexMask) {
    met.push(words[indexStart + slot] & SLOT_ENTRY_MASK);
  }
  return met;
}

test('whatever comes and goes, probing for a hash meets its entry, and entries that are gone are nowhere', () => {
  const memory = Memory.create(64 * 1024, [1, 2]);
  // Few places, at the end of the table, so that chains run into each other and around the end, also when it has grown.
  const hash = fc.integer({ min: -12, max: 3 }).map((place) => (place & (memory.indexSlots - 1)) | (place << 22));
  const steps = fc.array(fc.record({ hash, remove: fc.integer({ max: 3, min: 0 }).map((n) => n === 0) }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, (all) => {
      const index = new IndexTable(memory);
      const present = new Map<number, number>();
      let entries = 0;
      for (const step of all) {
        const [first] = present.keys();
        if (step.remove && first !== undefined) {
          index.remove(present.get(first) ?? 0, first);
          present.delete(first);
        } else {
          memory.words[memory.entryStart(++entries) + ENTRY_HASH] = step.hash;
          index.insert(step.hash, entries);
          present.set(entries, step.hash);
        }
        for (const [entry, itsHash] of present) assert.ok(probe(memory, itsHash).includes(entry));
      }
      for (const [entry, itsHash] of present) index.remove(itsHash, entry);
      const slots = memory.words.subarray(memory.indexStart, memory.indexStart + memory.indexSlots);
      assert.ok(slots.every((slot) => slot === 0));
    }),
    { seed: 7, numRuns: 200 },
  );
});

test('the index grows with its entries, up to twice as many slots as there can be of them', () => {
  const memory = Memory.create(64 * 1024, [1, 2]);
  const index = new IndexTable(memory);
  const { entryCount, indexSlots } = memory;
  const hashOf = (entry: number) => Math.imul(entry, 0x9e3779b1);
  for (let entry = 1; entry <= entryCount; entry++) {
    memory.words[memory.entryStart(entry) + ENTRY_HASH] = hashOf(entry);
    index.insert(hashOf(entry), entry);
    assert.ok(memory.indexMask + 1 >= entry * 2, `${entry} entries`);
    assert.ok(memory.indexMask + 1 <= Math.max(64, entry * 4), `${entry} entries`);
    for (let other = 1; other <= entry; other++) assert.ok(probe(memory, hashOf(other)).includes(other));
  }
  assert.equal(memory.indexMask + 1, indexSlots);
});
