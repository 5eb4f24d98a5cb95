import { GRANULE_BYTES, type Memory } from './layout.ts';

// A block, from its first word. The size counts granules; the lowest bit says whether the block is free.
const BLOCK_SIZE = 0;
/** The size of the block right before this one, to find it when both are free; 0 at the start of the heap. */
const BLOCK_BEFORE = 1;
/** In use: the entry that the block belongs to. What follows is the owner's. */
const BLOCK_OWNER = 2;
/** Free: the neighbours in the list of its class. */
const BLOCK_NEXT = 2;
const BLOCK_PREVIOUS = 3;
const FREE = 1;
const NONE = -1;

// Free blocks are kept in lists by size: one for each size below 16 granules, then 16 to each power of two.
const CLASS_BITS = 4;
const CLASSES_PER_GROUP = 1 << CLASS_BITS;
const GROUPS = 32 - CLASS_BITS;

/**
 * The writer's allocator: two levels of segregated lists (TLSF). Taking and giving back cost a few steps whatever the
 * heap looks like, and a block that is given back joins its free neighbours at once.
 */
export class Heap {
  readonly #memory: Memory;
  /** The first block of each list. */
  readonly #lists = new Int32Array(GROUPS * CLASSES_PER_GROUP).fill(NONE);
  /** Bits: lists of each group that are not empty, and groups that have one. */
  readonly #filled = new Int32Array(GROUPS);
  #filledGroups = 0;
  #usedGranules = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
    // The last granule is never given away, so that every block has one behind it.
    const end = memory.heapGranules - 1;
    this.#set(0, BLOCK_BEFORE, 0);
    this.#set(end, BLOCK_SIZE, 0);
    this.#insert(0, end);
  }

  get usedGranules(): number {
    return this.#usedGranules;
  }

  /** Granules that could be in use. */
  get capacityGranules(): number {
    return this.#memory.heapGranules - 1;
  }

  static granulesFor(bytes: number): number {
    return Math.ceil(bytes / GRANULE_BYTES);
  }

  /** A block of `granules`, at least one, with owner 0; -1 if there is none that large. */
  allocate(granules: number): number {
    // Every block of the next class up is large enough, so the list need not be searched.
    const block = this.#firstFrom(classOf(roundUp(granules)));
    return block === NONE ? NONE : this.takeFree(block, granules);
  }

  /** The first `granules` of a free block that has as many. */
  takeFree(block: number, granules: number): number {
    const size = this.sizeOf(block);
    this.#unlink(block, size);
    this.#set(block, BLOCK_SIZE, granules << 1);
    this.#set(block, BLOCK_OWNER, 0);
    if (size > granules) this.#insert(block + granules, size - granules);
    this.#set(block + granules, BLOCK_BEFORE, granules);
    this.#usedGranules += granules;
    return block;
  }

  /** Gives a block back; returns the free block that it is now part of. */
  free(block: number): number {
    let start = block;
    let size = this.sizeOf(block);
    this.#usedGranules -= size;
    const after = block + size;
    if (this.isFree(after)) {
      const sizeAfter = this.sizeOf(after);
      this.#unlink(after, sizeAfter);
      size += sizeAfter;
    }
    const before = this.before(block);
    if (before !== NONE && this.isFree(before)) {
      const sizeBefore = this.sizeOf(before);
      this.#unlink(before, sizeBefore);
      start = before;
      size += sizeBefore;
    }
    this.#insert(start, size);
    return start;
  }

  sizeOf(block: number): number {
    return this.#get(block, BLOCK_SIZE) >> 1;
  }

  isFree(block: number): boolean {
    return (this.#get(block, BLOCK_SIZE) & FREE) !== 0;
  }

  ownerOf(block: number): number {
    return this.#get(block, BLOCK_OWNER);
  }

  setOwner(block: number, entry: number): void {
    this.#set(block, BLOCK_OWNER, entry);
  }

  /** The block behind this one, -1 if it is the last. */
  after(block: number): number {
    const next = block + this.sizeOf(block);
    return next === this.capacityGranules ? NONE : next;
  }

  /** The block before this one, -1 if it is the first. */
  before(block: number): number {
    const size = this.#get(block, BLOCK_BEFORE);
    return size === 0 ? NONE : block - size;
  }

  /** Makes a free block and puts it first in its list. */
  #insert(block: number, size: number): void {
    const index = classOf(size);
    const first = this.#lists[index];
    this.#set(block, BLOCK_SIZE, (size << 1) | FREE);
    this.#set(block + size, BLOCK_BEFORE, size);
    this.#set(block, BLOCK_NEXT, first);
    this.#set(block, BLOCK_PREVIOUS, NONE);
    if (first !== NONE) this.#set(first, BLOCK_PREVIOUS, block);
    this.#lists[index] = block;
    const group = index >>> CLASS_BITS;
    this.#filled[group] |= 1 << (index & (CLASSES_PER_GROUP - 1));
    this.#filledGroups |= 1 << group;
  }

  #unlink(block: number, size: number): void {
    const next = this.#get(block, BLOCK_NEXT);
    const previous = this.#get(block, BLOCK_PREVIOUS);
    if (next !== NONE) this.#set(next, BLOCK_PREVIOUS, previous);
    if (previous !== NONE) {
      this.#set(previous, BLOCK_NEXT, next);
      return;
    }
    const index = classOf(size);
    this.#lists[index] = next;
    if (next !== NONE) return;
    const group = index >>> CLASS_BITS;
    this.#filled[group] &= ~(1 << (index & (CLASSES_PER_GROUP - 1)));
    if (this.#filled[group] === 0) this.#filledGroups &= ~(1 << group);
  }

  /** A free block of this class or a larger one. */
  #firstFrom(index: number): number {
    let group = index >>> CLASS_BITS;
    let classes = this.#filled[group] & (-1 << (index & (CLASSES_PER_GROUP - 1)));
    if (classes === 0) {
      const groups = this.#filledGroups & (-2 << group);
      if (groups === 0) return NONE;
      group = lowestBit(groups);
      classes = this.#filled[group];
    }
    return this.#lists[group * CLASSES_PER_GROUP + lowestBit(classes)];
  }

  #get(block: number, word: number): number {
    return this.#memory.words[this.#memory.blockStart(block) + word];
  }

  #set(block: number, word: number, value: number): void {
    this.#memory.words[this.#memory.blockStart(block) + word] = value;
  }
}

/** The list for free blocks of a size. */
function classOf(size: number): number {
  if (size < CLASSES_PER_GROUP) return size;
  const shift = 31 - Math.clz32(size) - CLASS_BITS;
  return shift * CLASSES_PER_GROUP + (size >>> shift);
}

/** The least size, from this one on, at which a class begins. */
function roundUp(size: number): number {
  if (size < CLASSES_PER_GROUP) return size;
  const shift = 31 - Math.clz32(size) - CLASS_BITS;
  return size + (1 << shift) - 1;
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
