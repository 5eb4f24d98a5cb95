import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENTRY_DURATION, ENTRY_STORED_AT, ENTRY_VISITED, Memory } from './layout.ts';
import { Partition } from './partition.ts';

/** Entries 1 to 5, oldest first, stored at 0 s and good for an hour. */
function newQueue(staleSeconds = 0) {
  const memory = Memory.create(64 * 1024, [1, 2]);
  const partition = new Partition(memory, 1, { capacity: 5, staleSeconds });
  const set = (entry: number, word: number, value: number) => {
    memory.words[memory.entryStart(entry) + word] = value;
  };
  for (let entry = 1; entry <= 5; entry++) {
    set(entry, ENTRY_DURATION, 3600);
    memory.doubles[(memory.entryStart(entry) + ENTRY_STORED_AT) >>> 1] = 0;
    partition.append(entry);
  }
  const evict = (nowMs = 0) => {
    const entry = partition.victim(nowMs);
    if (entry !== 0) partition.remove(entry);
    return entry;
  };
  return { partition, evict, visit: (entry: number) => set(entry, ENTRY_VISITED, 1), set };
}

const orderCases = [
  { name: 'never served: oldest first', visited: [], want: [1, 2, 3, 4, 5] },
  { name: 'served: spared once', visited: [1, 2], want: [3, 4, 5, 1, 2] },
  { name: 'all served: as if none was', visited: [1, 2, 3, 4, 5], want: [1, 2, 3, 4, 5] },
  { name: 'the newest served', visited: [5], want: [1, 2, 3, 4, 5] },
];
for (const { name, visited, want } of orderCases) {
  test(`order: ${name}`, () => {
    const { evict, visit, partition } = newQueue();
    for (const entry of visited) visit(entry);
    assert.deepEqual(
      want.map(() => evict()),
      want,
    );
    assert.deepEqual([evict(), partition.count, partition.oldest], [0, 0, 0]);
  });
}

test('the hand goes on from where it stopped', () => {
  const { evict, visit, partition } = newQueue();
  visit(1);
  assert.equal(evict(), 2);
  // Had the hand gone back, it would take 1, which nobody has served again.
  assert.equal(evict(), 3);
  partition.append(2);
  assert.deepEqual([evict(), evict(), evict(), evict()], [4, 5, 2, 1]);
});

test('removing the entry at the hand moves the hand on', () => {
  const { evict, visit, partition } = newQueue();
  visit(1);
  visit(2);
  assert.equal(partition.victim(0), 3);
  partition.remove(3);
  assert.equal(evict(), 4);
});

const uselessCases = [
  { name: 'fresh', nowMs: 3_599_999, staleSeconds: 0, want: 2 },
  { name: 'expired', nowMs: 3_600_000, staleSeconds: 0, want: 1 },
  { name: 'expired, but still served stale', nowMs: 3_600_000, staleSeconds: 60, want: 2 },
  { name: 'too old even for that', nowMs: 3_660_000, staleSeconds: 60, want: 1 },
];
for (const { name, nowMs, staleSeconds, want } of uselessCases) {
  test(`an entry that was served, ${name}: ${want === 1 ? 'goes first' : 'stays'}`, () => {
    const { evict, visit } = newQueue(staleSeconds);
    visit(1);
    assert.equal(evict(nowMs), want);
  });
}
