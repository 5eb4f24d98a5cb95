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
  // Few places, at the end of the table, so that chains run into each other and around the end.
  const hash = fc.integer({ min: -12, max: 3 }).map((place) => (place & memory.indexMask) | (place << 22));
  const steps = fc.array(fc.record({ hash, remove: fc.boolean() }), { maxLength: 60 });
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
      const slots = memory.words.subarray(memory.indexStart, memory.indexStart + memory.indexMask + 1);
      assert.ok(slots.every((slot) => slot === 0));
    }),
    { seed: 7, numRuns: 200 },
  );
});
