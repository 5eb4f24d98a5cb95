import { writeU32 } from '../wire/bytes.ts';
import type { CacheKey } from './key.ts';
import {
  BLOCK_HEADER_WORDS,
  ENTRY_BLOCK,
  ENTRY_DURATION,
  ENTRY_HASH,
  ENTRY_HITS,
  ENTRY_LAST_HIT,
  ENTRY_LENGTHS,
  ENTRY_PARTITION,
  ENTRY_RECHECK_AT,
  ENTRY_SEQUENCE,
  ENTRY_SHAPE,
  ENTRY_STORED_AT,
  ENTRY_VISITED,
  type Memory,
  messageWord,
  nameBytesOf,
  SHAPE_KEY_MASK,
  SLOT_ENTRY_BITS,
  SLOT_ENTRY_MASK,
  traitsOf,
  ttlCountOf,
} from './layout.ts';

const MESSAGE_BYTES_MASK = 0xffff;
const QTYPE_SHIFT = 16;
const TTL_BYTES = 4;

/**
 * Looks answers up, in any thread; allocates nothing. `find` and `load` leave what they found in the fields, where it
 * stays until the next one. Those fields are only worth something once `copyMessage` has said that the entry stood still.
 */
export class CacheReader {
  /** Seconds that the message may be served for, and since when (milliseconds of the writer's clock). */
  durationSeconds = 0;
  storedAtMs = Number.NaN;
  recheckAtMs = Number.NaN;
  traits = 0;
  messageBytes = 0;
  /** What `locate` has found. */
  first = 0;
  second = 0;

  readonly #memory: Memory;
  #sequence = 0;
  #shape = 0;
  #block = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /**
   * Looks in one walk for what two partitions may have for the key, for whoever nearly always finds but one of them: leaves
   * in `first` and `second` the number of an entry with the hash, to be loaded; 0 where there is surely none.
   */
  locate(key: CacheKey, firstPartition: number, secondPartition: number): void {
    const memory = this.#memory;
    const { words, indexStart, indexMask } = memory;
    const { hash } = key;
    this.first = 0;
    this.second = 0;
    for (let slot = hash & indexMask; ; slot = (slot + 1) & indexMask) {
      const found = words[indexStart + slot];
      if (found === 0) return;
      if ((found ^ hash) >>> SLOT_ENTRY_BITS !== 0) continue;
      const start = memory.entryStart(found & SLOT_ENTRY_MASK);
      if (words[start + ENTRY_HASH] !== hash) continue;
      const partition = words[start + ENTRY_PARTITION];
      if (partition === firstPartition) this.first = found & SLOT_ENTRY_MASK;
      else if (partition === secondPartition) this.second = found & SLOT_ENTRY_MASK;
    }
  }

  /** The number of the entry that a partition has for the key; 0 if there is none, or it is being written. */
  find(key: CacheKey, partition: number): number {
    const { words, indexStart, indexMask } = this.#memory;
    const { hash } = key;
    for (let slot = hash & indexMask; ; slot = (slot + 1) & indexMask) {
      const found = words[indexStart + slot];
      if (found === 0) return 0;
      if ((found ^ hash) >>> SLOT_ENTRY_BITS === 0 && this.load(found & SLOT_ENTRY_MASK, key, partition)) {
        return found & SLOT_ENTRY_MASK;
      }
    }
  }

  /** Reads the entry into the fields; false if it is not that of the key, or is being written. */
  load(entry: number, key: CacheKey, partition: number): boolean {
    const { words, doubles } = this.#memory;
    const start = this.#memory.entryStart(entry);
    const sequence = Atomics.load(words, start + ENTRY_SEQUENCE);
    if ((sequence & 1) !== 0) return false;
    if (words[start + ENTRY_HASH] !== key.hash || words[start + ENTRY_PARTITION] !== partition) return false;
    const shape = words[start + ENTRY_SHAPE];
    const lengths = words[start + ENTRY_LENGTHS];
    if ((shape & SHAPE_KEY_MASK) !== key.shape || lengths >>> QTYPE_SHIFT !== key.qtype) return false;

    const block = words[start + ENTRY_BLOCK];
    const nameStart = this.#memory.blockStart(block) + BLOCK_HEADER_WORDS;
    const { nameWords } = key;
    const nameWordCount = (key.nameBytes + 3) >>> 2;
    for (let i = 0; i < nameWordCount; i++) if (words[nameStart + i] !== nameWords[i]) return false;

    this.#sequence = sequence;
    this.#shape = shape;
    this.#block = block;
    this.messageBytes = lengths & MESSAGE_BYTES_MASK;
    this.traits = traitsOf(shape);
    this.durationSeconds = words[start + ENTRY_DURATION];
    this.storedAtMs = doubles[(start + ENTRY_STORED_AT) >>> 1];
    this.recheckAtMs = doubles[(start + ENTRY_RECHECK_AT) >>> 1];
    return true;
  }

  /**
   * Copies the message of the entry that `find` or `load` took last, each TTL replaced by `ttl` seconds, to `offset` (a
   * multiple of 4) of a buffer that `words` and `bytes` both show; it needs room for `messageBytes` rounded up to 4. False
   * if the entry was changed meanwhile: what has been copied is rubbish, and so is what was found.
   */
  copyMessage(entry: number, words: Int32Array, bytes: Uint8Array, offset: number, ttl: number): boolean {
    const memory = this.#memory;
    const { messageBytes } = this;
    const shape = this.#shape;
    const source = memory.blockStart(this.#block) + messageWord(nameBytesOf(shape));
    const wordCount = (messageBytes + 3) >>> 2;
    const target = offset >>> 2;
    for (let i = 0; i < wordCount; i++) words[target + i] = memory.words[source + i];

    const firstTtl = source * 2 + ((messageBytes + 1) >>> 1);
    const endTtl = firstTtl + ttlCountOf(shape);
    const lastOffset = messageBytes - TTL_BYTES;
    for (let i = firstTtl; i < endTtl; i++) {
      const ttlOffset = memory.halves[i];
      if (ttlOffset > lastOffset) return false;
      writeU32(bytes, offset + ttlOffset, ttl);
    }

    const start = memory.entryStart(entry);
    if (Atomics.add(memory.words, start + ENTRY_SEQUENCE, 0) !== this.#sequence) return false;
    if (memory.words[start + ENTRY_VISITED] === 0) memory.words[start + ENTRY_VISITED] = 1;
    return true;
  }

  /** Counts a hit, from 1 again if the one before is more than `windowMs` ago. Returns how many there are now. */
  countHit(entry: number, nowMs: number, windowMs: number): number {
    const { words } = this.#memory;
    const start = this.#memory.entryStart(entry);
    const now = nowMs >>> 0;
    const sinceLast = (now - words[start + ENTRY_LAST_HIT]) >>> 0;
    const hits = sinceLast > windowMs ? 1 : words[start + ENTRY_HITS] + 1;
    words[start + ENTRY_HITS] = hits;
    words[start + ENTRY_LAST_HIT] = now;
    return hits;
  }

  hitsOf(entry: number): number {
    return this.#memory.words[this.#memory.entryStart(entry) + ENTRY_HITS];
  }
}
