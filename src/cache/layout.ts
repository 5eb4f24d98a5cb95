/**
 * The shared memory of the cache, in 32-bit words:
 *
 *   header | index | entries | heap
 *
 * One thread, the writer, writes it; any number of readers look things up without locks. The tables never change their
 * place or kind: whatever a reader believes an entry to be, it is one, and the worst that a stale reader can do is to
 * copy bytes that it then throws away. A reader may miss an entry that is just being moved; it never takes a wrong one.
 *
 * **What orders copy and check.** Each entry has a sequence number, even while the entry stands still. The writer makes
 * it odd, changes the entry, its name and its message, and makes it even again. A reader loads the sequence, compares,
 * copies, and checks that the sequence is the same as before:
 *
 *   writer   store(sequence, odd)  load(sequence)  … plain writes …  store(sequence, even)
 *   reader   load(sequence)  … plain reads …  add(sequence, 0)
 *
 * On x64 the plain order would do. On arm64 plain accesses may pass an atomic one in the direction that it does not
 * guard, hence the two odd-looking steps. The writer's load comes after its store-release and is an acquire, so no
 * write behind it can become visible before the odd number. The reader's check is a read-modify-write: its store half
 * is a release, so no read of the copy can happen after it, and it succeeds only if nobody wrote the word meanwhile.
 *
 * A heap block is given to another entry only after the sequence of its former owner has moved on, so the same check
 * covers the heap. Writing the index needs no order: what it leads to is checked anyway.
 */

/** Header: written once, when the store is made; the mask alone changes, as the index grows. */
export const HEADER_MAGIC = 0;
export const HEADER_SALT_0 = 1;
export const HEADER_SALT_1 = 2;
export const HEADER_INDEX_SLOTS = 3;
export const HEADER_ENTRY_COUNT = 4;
export const HEADER_HEAP_GRANULES = 5;
/** The slots of the index that are in use, less one. */
export const HEADER_INDEX_MASK = 6;
const HEADER_WORDS = 16;

const MAGIC = 0x6e6f6432; // "nod2": changes with the layout.
/** Of the index at first: few answers take few pages of memory, and few lines of the processor's cache. */
const FIRST_INDEX_SLOTS = 64;

/**
 * Index: open addressing with linear probing, written by the writer. A slot is 0 or holds ten bits of the hash, so that
 * few wrong entries are looked at, above the number of an entry. Only the first slots are in use, twice as many each time
 * half of them are taken; a reader that comes while they are filled anew may miss what is there.
 */
export const SLOT_ENTRY_BITS = 22;
export const SLOT_ENTRY_MASK = (1 << SLOT_ENTRY_BITS) - 1;

/**
 * Entry, word by word: one cache line. Entries are numbered from 1, so that 0 is none. The writer writes them, but for
 * the three words marked *, which readers set without any order: should two collide, a hit goes uncounted.
 */
export const ENTRY_SEQUENCE = 0;
export const ENTRY_HASH = 1;
export const ENTRY_PARTITION = 2;
/** See `packShape`. */
export const ENTRY_SHAPE = 3;
/** The length of the message in bytes, and above it the qtype. */
export const ENTRY_LENGTHS = 4;
/** The number of the granule in the heap where the block of this entry starts. */
export const ENTRY_BLOCK = 5;
/** Seconds that the message may be served for, from when it was stored. */
export const ENTRY_DURATION = 6;
/** * 1 if the entry was served since the hand of SIEVE last came by. */
export const ENTRY_VISITED = 7;
/** Milliseconds of the writer's clock, a 64-bit float. */
export const ENTRY_STORED_AT = 8;
/** Until when a failed refresh shall not be tried again: the same. */
export const ENTRY_RECHECK_AT = 10;
/** * Hits in a row, for prefetching, and when the last one was: milliseconds modulo 2^32. */
export const ENTRY_HITS = 12;
export const ENTRY_LAST_HIT = 13;
/** The queue of SIEVE, also the list of free entries. */
export const ENTRY_NEWER = 14;
export const ENTRY_OLDER = 15;
export const ENTRY_WORDS = 16;

/**
 * Heap: granules of 32 bytes, in blocks (`Heap`). A block in use by an entry:
 *
 *   12 bytes of the heap's own | name, lower case, padded to 4 | message, padded to 2 | offsets of its TTLs, 16 bits each
 *
 * The message has id 0, the flags that every hit has (QR, AA) and those of the answer (RA, AD, rcode), the question as
 * it was spelled first, and no OPT.
 */
export const GRANULE_BYTES = 32;
export const GRANULE_WORDS = GRANULE_BYTES / 4;
export const BLOCK_HEADER_WORDS = 3;

export const WORD_BYTES = 4;
const ENTRY_BYTES = ENTRY_WORDS * WORD_BYTES;

/** What an answer takes on average, all told. With smaller ones the entries run out first, else the heap does. */
const BYTES_PER_ENTRY = 256;
/** What a store needs at least to hold anything worth the trouble. */
export const MIN_CAPACITY_BYTES = 64 * 1024;
/** Room for four million answers. Each offset still fits the small integers of the engine. */
const MAX_CAPACITY_BYTES = 1024 * 1024 * 1024;

const NAME_BYTES_BITS = 8;
const KEY_FLAGS_BITS = 2;
const TRAITS_BITS = 6;
const TRAITS_SHIFT = NAME_BYTES_BITS + KEY_FLAGS_BITS;
const TTL_COUNT_SHIFT = TRAITS_SHIFT + TRAITS_BITS;
/** The bits of a shape that belong to the key. */
export const SHAPE_KEY_MASK = (1 << TRAITS_SHIFT) - 1;

/** Of the traits the one that the writer sets: the question is spelled in lower case. */
export const TRAIT_LOWER = 1 << (TRAITS_BITS - 1);

/** Key: the length of the name (1 to 255), the flags of the key (2 bits). Value: traits (6 bits), TTLs (16 bits). */
export function packShape(nameBytes: number, keyFlags: number, traits: number, ttlCount: number): number {
  return nameBytes | (keyFlags << NAME_BYTES_BITS) | (traits << TRAITS_SHIFT) | (ttlCount << TTL_COUNT_SHIFT);
}

export function nameBytesOf(shape: number): number {
  return shape & ((1 << NAME_BYTES_BITS) - 1);
}

export function traitsOf(shape: number): number {
  return (shape >>> TRAITS_SHIFT) & ((1 << TRAITS_BITS) - 1);
}

export function ttlCountOf(shape: number): number {
  return shape >>> TTL_COUNT_SHIFT;
}

/** The word of the heap, counted from the block's start, where the message lies. */
export function messageWord(nameBytes: number): number {
  return BLOCK_HEADER_WORDS + ((nameBytes + 3) >>> 2);
}

/** Bytes of a block in use. */
export function blockBytes(nameBytes: number, messageBytes: number, ttlCount: number): number {
  return messageWord(nameBytes) * WORD_BYTES + ((messageBytes + 1) & ~1) + 2 * ttlCount;
}

/** The memory as one thread sees it: the same bytes as numbers of each size, and where the tables are, in words. */
export class Memory {
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly halves: Uint16Array;
  readonly bytes: Uint8Array;
  readonly doubles: Float64Array;
  readonly indexStart = HEADER_WORDS;
  /** Slots that the index may have at most. */
  readonly indexSlots: number;
  readonly entryCount: number;
  /** Of entry 0, which does not exist. */
  readonly entriesStart: number;
  readonly heapStart: number;
  readonly heapGranules: number;

  /** Lays out new memory; it takes room only as it gets used. What is above the most possible is not used at all. */
  static create(capacityBytes: number, salt: readonly [number, number]): Memory {
    if (!(capacityBytes >= MIN_CAPACITY_BYTES)) {
      throw new RangeError(`the cache must have ${MIN_CAPACITY_BYTES} bytes or more, not ${capacityBytes}`);
    }
    const totalBytes = Math.min(capacityBytes, MAX_CAPACITY_BYTES) & -ENTRY_BYTES;
    // Counted down by one, the entries of a power of two leave the index at just twice their number.
    const entryCount = Math.trunc(totalBytes / BYTES_PER_ENTRY) - 1;
    const indexSlots = 2 ** Math.ceil(Math.log2(entryCount * 2));
    const tablesBytes = (HEADER_WORDS + indexSlots) * WORD_BYTES + entryCount * ENTRY_BYTES;
    const buffer = new SharedArrayBuffer(totalBytes);
    const header = new Int32Array(buffer, 0, HEADER_WORDS);
    header[HEADER_MAGIC] = MAGIC;
    header[HEADER_SALT_0] = salt[0];
    header[HEADER_SALT_1] = salt[1];
    header[HEADER_INDEX_SLOTS] = indexSlots;
    header[HEADER_INDEX_MASK] = Math.min(FIRST_INDEX_SLOTS, indexSlots) - 1;
    header[HEADER_ENTRY_COUNT] = entryCount;
    header[HEADER_HEAP_GRANULES] = Math.trunc((totalBytes - tablesBytes) / GRANULE_BYTES);
    return new Memory(buffer);
  }

  /** The memory that `create` has laid out, in whatever thread. */
  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.words = new Int32Array(buffer);
    this.halves = new Uint16Array(buffer);
    this.bytes = new Uint8Array(buffer);
    this.doubles = new Float64Array(buffer);
    if (this.words[HEADER_MAGIC] !== MAGIC) throw new Error('this is not the memory of a cache of this version');
    const indexSlots = this.words[HEADER_INDEX_SLOTS];
    this.indexSlots = indexSlots;
    this.entryCount = this.words[HEADER_ENTRY_COUNT];
    this.entriesStart = HEADER_WORDS + indexSlots - ENTRY_WORDS;
    this.heapStart = HEADER_WORDS + indexSlots + this.entryCount * ENTRY_WORDS;
    this.heapGranules = this.words[HEADER_HEAP_GRANULES];
  }

  /** Of the slots that are in use. */
  get indexMask(): number {
    return this.words[HEADER_INDEX_MASK];
  }

  /** The word where an entry starts. */
  entryStart(entry: number): number {
    return this.entriesStart + entry * ENTRY_WORDS;
  }

  /** The word where the block of a granule starts. */
  blockStart(granule: number): number {
    return this.heapStart + granule * GRANULE_WORDS;
  }
}
