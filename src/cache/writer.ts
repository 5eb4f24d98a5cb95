import { writeU16 } from '../wire/bytes.ts';
import {
  FLAG_AA,
  FLAG_AD,
  FLAG_QR,
  FLAG_RA,
  FLAGS_OFFSET,
  HEADER_BYTES,
  ID_OFFSET,
  RCODE_MASK,
} from '../wire/header.ts';
import { TYPE_OPT } from '../wire/types.ts';
import type { MessageView } from '../wire/view.ts';
import { EntryTable } from './entries.ts';
import { Heap } from './heap.ts';
import { IndexTable } from './index-table.ts';
import type { CacheKey } from './key.ts';
import {
  BLOCK_HEADER_WORDS,
  blockBytes,
  ENTRY_BLOCK,
  ENTRY_DURATION,
  ENTRY_HASH,
  ENTRY_HITS,
  ENTRY_LAST_HIT,
  ENTRY_LENGTHS,
  ENTRY_PARTITION,
  ENTRY_RECHECK_AT,
  ENTRY_SHAPE,
  ENTRY_STORED_AT,
  ENTRY_VISITED,
  type Memory,
  messageWord,
  packShape,
  TRAIT_LOWER,
  WORD_BYTES,
} from './layout.ts';
import type { Partition } from './partition.ts';
import { CacheReader } from './reader.ts';

const QTYPE_SHIFT = 16;
/** The bits of an answer's flags that its hits have as well. */
const KEPT_FLAGS = FLAG_RA | FLAG_AD | RCODE_MASK;
/** A message may take this share of the heap at most. */
const LARGEST_SHARE = 1 / 64;
/** How many entries SIEVE evicts for one message before the room is made by force. */
const MAX_VICTIMS = 8;
const NONE = -1;

export type StoredAnswer = {
  /** Without OPT. */
  readonly message: MessageView;
  readonly durationSeconds: number;
  /** Five bits that mean something to whoever stores the answer. */
  readonly traits: number;
  /** Hits in a row that it starts with. */
  readonly hits: number;
};

/** What is being stored, and where. */
type Job = StoredAnswer & {
  readonly partition: Partition;
  readonly key: CacheKey;
  readonly ttlCount: number;
  readonly nowMs: number;
};

/** Writes the shared memory. There is one of it, in one thread. */
export class CacheWriter {
  readonly #memory: Memory;
  readonly #heap: Heap;
  readonly #index: IndexTable;
  readonly #entries: EntryTable;
  readonly #reader: CacheReader;
  readonly #partitions = new Map<number, Partition>();
  readonly #largestGranules: number;

  constructor(memory: Memory) {
    this.#memory = memory;
    this.#heap = new Heap(memory);
    this.#index = new IndexTable(memory);
    this.#entries = new EntryTable(memory);
    this.#reader = new CacheReader(memory);
    this.#largestGranules = Math.trunc(this.#heap.capacityGranules * LARGEST_SHARE);
  }

  get usedEntries(): number {
    return this.#entries.used;
  }

  get usedGranules(): number {
    return this.#heap.usedGranules;
  }

  addPartition(partition: Partition): void {
    this.#partitions.set(partition.id, partition);
  }

  /** Takes the partition away, with all its entries. */
  removePartition(partition: Partition): void {
    while (partition.oldest !== 0) this.#drop(partition.oldest, false);
    this.#partitions.delete(partition.id);
  }

  /**
   * Stores an answer, in place of the one that the partition has for the key. Returns the number of its entry; 0 if the
   * message is too large to be worth its room, and then the partition has nothing for the key.
   */
  put(partition: Partition, key: CacheKey, answer: StoredAnswer, nowMs: number): number {
    const { message, durationSeconds, traits, hits } = answer;
    const ttlCount = countTtls(message);
    const granules = Heap.granulesFor(blockBytes(key.nameBytes, message.bytes.length, ttlCount));
    if (granules > this.#largestGranules) {
      this.remove(partition, key);
      return 0;
    }

    const job: Job = { partition, key, message, durationSeconds, traits, hits, ttlCount, nowMs };
    const present = this.#reader.find(key, partition.id);
    if (present !== 0 && this.#heap.sizeOf(this.#blockOf(present)) === granules) {
      return this.#replace(present, this.#blockOf(present), job);
    }
    const block = this.#makeRoom(granules, nowMs);
    if (block === NONE) return 0; // All entries had to go, and even that was not enough.
    // Making room may have cost the entry that is to be replaced.
    const replaced = present === 0 ? 0 : this.#reader.find(key, partition.id);
    return replaced === 0 ? this.#add(block, job) : this.#replace(replaced, block, job);
  }

  /** Removes what the partition has for the key; false if there is nothing. */
  remove(partition: Partition, key: CacheKey): boolean {
    const entry = this.#reader.find(key, partition.id);
    if (entry !== 0) this.#drop(entry, false);
    return entry !== 0;
  }

  /** Says until when a failed refresh of the entry shall not be tried again. */
  setRecheckAt(entry: number, recheckAtMs: number): void {
    this.#entries.beginWrite(entry);
    this.#memory.doubles[(this.#memory.entryStart(entry) + ENTRY_RECHECK_AT) >>> 1] = recheckAtMs;
    this.#entries.endWrite(entry);
  }

  #add(block: number, job: Job): number {
    const { partition, key, nowMs } = job;
    if (partition.count >= partition.capacity) this.#evictFrom(partition, nowMs);
    let entry = this.#entries.take();
    if (entry === 0) {
      this.#evictFrom(this.#fullest(), nowMs);
      entry = this.#entries.take();
    }
    this.#fill(entry, block, job, 0);
    partition.granules += this.#heap.sizeOf(block);
    partition.append(entry);
    this.#index.insert(key.hash, entry);
    partition.observer.stored?.(entry, false);
    return entry;
  }

  #replace(entry: number, block: number, job: Job): number {
    const { partition } = job;
    const former = this.#blockOf(entry);
    partition.granules += this.#heap.sizeOf(block) - this.#heap.sizeOf(former);
    // It is written again because it was asked for again: to SIEVE, that is a visit.
    this.#fill(entry, block, job, 1);
    if (former !== block) this.#heap.free(former);
    partition.observer.stored?.(entry, true);
    return entry;
  }

  #fill(entry: number, block: number, job: Job, visited: number): void {
    const { words, doubles } = this.#memory;
    const { key, message } = job;
    const start = this.#memory.entryStart(entry);
    this.#entries.beginWrite(entry);
    words[start + ENTRY_HASH] = key.hash;
    words[start + ENTRY_PARTITION] = job.partition.id;
    const traits = job.traits | (isSpelledLower(message, key) ? TRAIT_LOWER : 0);
    words[start + ENTRY_SHAPE] = key.shape | packShape(0, 0, traits, job.ttlCount);
    words[start + ENTRY_LENGTHS] = message.bytes.length | (key.qtype << QTYPE_SHIFT);
    words[start + ENTRY_BLOCK] = block;
    words[start + ENTRY_DURATION] = job.durationSeconds;
    words[start + ENTRY_VISITED] = visited;
    words[start + ENTRY_HITS] = job.hits;
    words[start + ENTRY_LAST_HIT] = job.nowMs >>> 0;
    doubles[(start + ENTRY_STORED_AT) >>> 1] = job.nowMs;
    doubles[(start + ENTRY_RECHECK_AT) >>> 1] = Number.NEGATIVE_INFINITY;
    this.#heap.setOwner(block, entry);
    this.#fillBlock(block, key, message);
    this.#entries.endWrite(entry);
  }

  #fillBlock(block: number, key: CacheKey, message: MessageView): void {
    const { words, halves, bytes } = this.#memory;
    const nameStart = this.#memory.blockStart(block) + BLOCK_HEADER_WORDS;
    const messageStart = this.#memory.blockStart(block) + messageWord(key.nameBytes);
    for (let i = 0; i < messageStart - nameStart; i++) words[nameStart + i] = key.nameWords[i];

    const offset = messageStart * WORD_BYTES;
    bytes.set(message.bytes, offset);
    writeU16(bytes, offset + ID_OFFSET, 0);
    writeU16(bytes, offset + FLAGS_OFFSET, FLAG_QR | FLAG_AA | (message.flags & KEPT_FLAGS));

    let slot = (offset + message.bytes.length + 1) >>> 1;
    for (let i = 0; i < message.recordCount; i++) {
      if (message.typeOf(i) !== TYPE_OPT) halves[slot++] = message.ttlOffset(i);
    }
  }

  /** A block of that many granules, whatever has to go for it; -1 if not even that helps. */
  #makeRoom(granules: number, nowMs: number): number {
    const block = this.#heap.allocate(granules);
    if (block !== NONE) return block;
    let freed = NONE;
    for (let victims = 0; victims < MAX_VICTIMS; victims++) {
      freed = this.#evictFrom(this.#fullest(), nowMs);
      if (freed === NONE) return NONE;
      if (this.#heap.sizeOf(freed) >= granules) return this.#heap.takeFree(freed, granules);
    }
    return this.#clearAround(freed, granules);
  }

  /**
   * For a message much larger than most, SIEVE would have to empty half the heap before enough victims happen to be
   * neighbours. Instead the entries around a free block go, whoever's they are: as many bytes as the message takes.
   */
  #clearAround(freeBlock: number, granules: number): number {
    let block = freeBlock;
    while (this.#heap.sizeOf(block) < granules) {
      const after = this.#heap.after(block);
      const neighbour = after === NONE ? this.#heap.before(block) : after;
      if (neighbour === NONE) return NONE;
      block = this.#drop(this.#heap.ownerOf(neighbour), true);
    }
    return this.#heap.takeFree(block, granules);
  }

  /** Evicts what SIEVE says; returns the free block that this leaves, -1 if there is nothing to evict. */
  #evictFrom(partition: Partition | undefined, nowMs: number): number {
    const victim = partition?.victim(nowMs) ?? 0;
    return victim === 0 ? NONE : this.#drop(victim, true);
  }

  /** The partition that has most of the heap. */
  #fullest(): Partition | undefined {
    let fullest: Partition | undefined;
    for (const partition of this.#partitions.values()) {
      if (fullest === undefined || partition.granules > fullest.granules) fullest = partition;
    }
    return fullest;
  }

  /** Ends an entry; returns the free block that its own is now part of. */
  #drop(entry: number, evicted: boolean): number {
    const { words } = this.#memory;
    const start = this.#memory.entryStart(entry);
    const partition = this.#partitions.get(words[start + ENTRY_PARTITION]);
    if (partition === undefined) throw new Error(`entry ${entry} of the cache is nobody's`);
    partition.observer.removed?.(entry, evicted);
    const block = this.#blockOf(entry);
    partition.granules -= this.#heap.sizeOf(block);
    partition.remove(entry);
    this.#index.remove(words[start + ENTRY_HASH], entry);
    // Only now, with the sequence moved on, may the block become another's.
    this.#entries.giveBack(entry);
    return this.#heap.free(block);
  }

  #blockOf(entry: number): number {
    return this.#memory.words[this.#memory.entryStart(entry) + ENTRY_BLOCK];
  }
}

function countTtls(message: MessageView): number {
  let count = 0;
  for (let i = 0; i < message.recordCount; i++) if (message.typeOf(i) !== TYPE_OPT) count++;
  return count;
}

/** Whether the question of the message spells its name in lower case, as the key does. */
function isSpelledLower({ bytes }: MessageView, { name, nameBytes }: CacheKey): boolean {
  for (let i = 0; i < nameBytes; i++) if (bytes[HEADER_BYTES + i] !== name[i]) return false;
  return true;
}
