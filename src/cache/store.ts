import { randomInt } from 'node:crypto';
import { CacheKey } from './key.ts';
import { ENTRY_WORDS, GRANULE_BYTES, Memory, WORD_BYTES } from './layout.ts';
import { Partition, type PartitionOptions } from './partition.ts';
import { CacheReader } from './reader.ts';
import { CacheWriter, type StoredAnswer } from './writer.ts';

const TWO_TO_32 = 2 ** 32;

/**
 * The memory of all caches of the process: one SharedArrayBuffer, written here and read by any thread. Caches share it
 * by partitions, each with its own capacity in entries; the bound in bytes is that of all.
 */
export class CacheStore {
  readonly #memory: Memory;
  readonly #writer: CacheWriter;
  /** For this thread. It is one for all, so what it has found is to be used at once. */
  readonly reader: CacheReader;
  #partitionCount = 0;

  /**
   * `capacityBytes` (64 KiB or more, of which 1 GiB is used) bounds everything, the store's own tables included. Memory
   * is taken as it fills.
   * `salt` is the secret of the hash.
   */
  constructor(capacityBytes: number, salt: readonly [number, number] = [randomInt(TWO_TO_32), randomInt(TWO_TO_32)]) {
    this.#memory = Memory.create(capacityBytes, salt);
    this.#writer = new CacheWriter(this.#memory);
    this.reader = new CacheReader(this.#memory);
  }

  /** All that readers in other threads need: `new CacheReader(new Memory(buffer))`. */
  get buffer(): SharedArrayBuffer {
    return this.#memory.buffer;
  }

  get capacityBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /** What the entries take, with their names and messages. */
  get usedBytes(): number {
    return this.#writer.usedGranules * GRANULE_BYTES + this.#writer.usedEntries * ENTRY_WORDS * WORD_BYTES;
  }

  newKey(): CacheKey {
    return new CacheKey(this.#memory);
  }

  openPartition(options: PartitionOptions): Partition {
    const partition = new Partition(this.#memory, ++this.#partitionCount, options);
    this.#writer.addPartition(partition);
    return partition;
  }

  /** Gives back all that the partition holds; it must not be used any more. */
  closePartition(partition: Partition): void {
    this.#writer.removePartition(partition);
  }

  /**
   * Stores an answer, in place of the one that the partition has for the key. Returns the number of its entry; 0 if the
   * message is too large to be worth its room, and then the partition has nothing for the key.
   */
  put(partition: Partition, key: CacheKey, answer: StoredAnswer, nowMs: number): number {
    return this.#writer.put(partition, key, answer, nowMs);
  }

  /** Removes what the partition has for the key; false if there is nothing. */
  remove(partition: Partition, key: CacheKey): boolean {
    return this.#writer.remove(partition, key);
  }

  /** Says until when a failed refresh of the entry shall not be tried again. */
  setRecheckAt(entry: number, recheckAtMs: number): void {
    this.#writer.setRecheckAt(entry, recheckAtMs);
  }
}
