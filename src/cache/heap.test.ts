import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Heap } from './heap.ts';
import { Memory } from './layout.ts';

const NONE = -1;
const newHeap = () => new Heap(Memory.create(64 * 1024, [1, 2]));

/** Checks that blocks follow each other without gap or overlap, and that no two free ones are neighbours. */
function assertWhole(heap: Heap, used: ReadonlyMap<number, number>): void {
  let seen = 0;
  let end = 0;
  let wasFree = false;
  for (let block = 0; block !== NONE; block = heap.after(block)) {
    assert.equal(block, end);
    assert.ok(heap.sizeOf(block) > 0);
    assert.ok(!(wasFree && heap.isFree(block)), `two free blocks meet at ${block}`);
    assert.equal(heap.isFree(block), !used.has(block));
    if (used.has(block)) assert.equal(heap.sizeOf(block), used.get(block));
    if (used.has(block)) seen += heap.sizeOf(block);
    wasFree = heap.isFree(block);
    end = block + heap.sizeOf(block);
  }
  assert.equal(end, heap.capacityGranules);
  assert.equal(heap.usedGranules, seen);
}

test('blocks never overlap, free neighbours join, and all of it can be had again', () => {
  // A number up to 100 asks for a block of that size, one above gives a block back.
  const steps = fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 300 });
  fc.assert(
    fc.property(steps, (numbers) => {
      const heap = newHeap();
      const used = new Map<number, number>();
      for (const number of numbers) {
        const blocks = [...used.keys()];
        if (number > 100 && blocks.length > 0) {
          const block = blocks[number % blocks.length];
          used.delete(block);
          heap.free(block);
        } else {
          const size = (number % 100) + 1;
          const block = heap.allocate(size);
          if (block !== NONE) used.set(block, size);
        }
      }
      assertWhole(heap, used);
      for (const block of used.keys()) heap.free(block);
      assertWhole(heap, new Map());
      assert.equal(heap.sizeOf(0), heap.capacityGranules);
    }),
    { seed: 7, numRuns: 100 },
  );
});

test('a heap of equal blocks is filled to the end, and again after every other was given back', () => {
  const heap = newHeap();
  const size = 5;
  const blocks: number[] = [];
  for (let block = heap.allocate(size); block !== NONE; block = heap.allocate(size)) blocks.push(block);
  assert.equal(blocks.length, Math.trunc(heap.capacityGranules / size));
  const returned = blocks.filter((_, i) => i % 2 === 0);
  for (const block of returned) heap.free(block);
  const again = returned.map(() => heap.allocate(size));
  assert.deepEqual(new Set(again), new Set(returned));
  assert.equal(heap.allocate(size), NONE);
});

const joinCases = [
  { name: 'with the one before', order: [0, 1], joined: [0, 8] },
  { name: 'with the one behind', order: [1, 0], joined: [0, 8] },
  { name: 'with both', order: [0, 2, 1], joined: [0, 12] },
];
for (const { name, order, joined } of joinCases) {
  test(`a block given back joins ${name}`, () => {
    const heap = newHeap();
    const blocks = [heap.allocate(4), heap.allocate(4), heap.allocate(4)];
    heap.allocate(4); // So that nothing joins the rest of the heap.
    const last = order.map((i) => heap.free(blocks[i])).at(-1) ?? NONE;
    assert.deepEqual([last, heap.sizeOf(last)], joined);
  });
}

test('a free block can be taken from as it stands, whatever its list', () => {
  const heap = newHeap();
  const block = heap.allocate(101);
  heap.allocate(1);
  heap.free(block);
  assert.equal(heap.takeFree(block, 101), block);
  assert.equal(heap.sizeOf(block), 101);
});
