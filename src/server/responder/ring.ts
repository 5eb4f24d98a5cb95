/**
 * The way of a query from a responder to the resolver: a ring in shared memory with one writer and one reader. It never
 * makes the writer wait: when it is full, the oldest queries are dropped and counted.
 *
 * Positions count 32-bit words for ever, modulo 2^32. The writer moves the head on; the tail is moved by the reader, who
 * has taken a record, and by the writer, who drops one: whoever's compareExchange succeeds has it. So a reader copies a
 * record first, and if its compareExchange then fails, the copy is of something that was dropped, and perhaps mixed.
 * `layout.ts` of the cache says why that read-modify-write orders the copy before it, and why the writer loads the tail
 * once more before it writes over what it has dropped.
 *
 *   record   words u32 | kind u32 | listener u32 | message bytes u32 | arrived at f64 | path 80 | message, padded
 *
 * A record lies in one piece; before the end of the memory a gap may stand for what does not fit there. Records begin at
 * even words, for the sake of the float.
 */
import { DATAGRAM_BYTES, type DatagramBatch, PATH_WORDS } from '../../sys/datagrams.ts';
import { RING_DROPPED, RING_HEAD, RING_SLEEPING, RING_TAIL } from './controls.ts';

/** A query to be answered. */
export const KIND_QUERY = 1;
/** A query that has been answered, with something that ought to be refreshed. */
export const KIND_REFRESH = 2;
const KIND_GAP = 0;

const SIZE = 0;
const KIND = 1;
const LISTENER = 2;
const MESSAGE_BYTES = 3;
const ARRIVED_AT = 4;
const PATH = 6;
const MESSAGE = PATH + PATH_WORDS;
const WORD_BYTES = 4;
const MAX_RECORD_WORDS = recordWords(DATAGRAM_BYTES);

/** 512 KiB: room for about 3,500 queries of usual size. A power of two. */
export const RING_WORDS = 128 * 1024;

function recordWords(messageBytes: number): number {
  return (MESSAGE + ((messageBytes + 3) >>> 2) + 1) & ~1;
}

/** The responder's side. */
export class RingWriter {
  readonly #controls: Int32Array;
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;
  readonly #capacity: number;
  #hasNews = false;

  /**
   * `memory` has a power of two of words, and nothing else in it: twice the largest record at least, for the gap in front
   * of one may be nearly as large.
   */
  constructor(controls: Int32Array, memory: SharedArrayBuffer) {
    if (memory.byteLength < 2 * MAX_RECORD_WORDS * WORD_BYTES) {
      throw new RangeError(`the ring must have ${2 * MAX_RECORD_WORDS} words or more`);
    }
    this.#controls = controls;
    this.#words = new Uint32Array(memory);
    this.#doubles = new Float64Array(memory);
    this.#capacity = this.#words.length;
  }

  /** Adds the datagram in a slot of the batch. The reader hears of it at the next `flush`. */
  push(kind: number, listener: number, batch: DatagramBatch, slot: number, arrivedAtMs: number): void {
    const messageBytes = batch.messageLength(slot);
    const size = recordWords(messageBytes);
    const start = this.#reserve(size);
    const words = this.#words;
    words[start + SIZE] = size;
    words[start + KIND] = kind;
    words[start + LISTENER] = listener;
    words[start + MESSAGE_BYTES] = messageBytes;
    this.#doubles[(start + ARRIVED_AT) >>> 1] = arrivedAtMs;
    batch.copyPath(slot, words, start + PATH);
    const source = batch.messageOffset(slot) >>> 2;
    const wordCount = (messageBytes + 3) >>> 2;
    for (let i = 0; i < wordCount; i++) words[start + MESSAGE + i] = batch.words[source + i];
    Atomics.store(this.#controls, RING_HEAD, Atomics.load(this.#controls, RING_HEAD) + size);
    this.#hasNews = true;
  }

  /** Wakes the reader if it sleeps and there is something for it. */
  flush(): void {
    if (!this.#hasNews) return;
    this.#hasNews = false;
    if (Atomics.compareExchange(this.#controls, RING_SLEEPING, 1, 0) === 1) {
      Atomics.notify(this.#controls, RING_SLEEPING, 1);
    }
  }

  /** The word at which that many may be written. */
  #reserve(size: number): number {
    const head = Atomics.load(this.#controls, RING_HEAD);
    const start = head & (this.#capacity - 1);
    const untilEnd = this.#capacity - start;
    const gap = untilEnd < size ? untilEnd : 0;
    this.#makeRoom(head, gap + size);
    if (gap === 0) return start;
    this.#words[start + SIZE] = gap;
    this.#words[start + KIND] = KIND_GAP;
    Atomics.store(this.#controls, RING_HEAD, head + gap);
    return 0;
  }

  #makeRoom(head: number, size: number): void {
    const controls = this.#controls;
    for (;;) {
      const tail = Atomics.load(controls, RING_TAIL);
      if (((head - tail) >>> 0) + size <= this.#capacity) return;
      const oldest = (tail >>> 0) & (this.#capacity - 1);
      const next = tail + this.#words[oldest + SIZE];
      if (Atomics.compareExchange(controls, RING_TAIL, tail, next) !== tail) continue; // The reader has taken it.
      if (this.#words[oldest + KIND] !== KIND_GAP) Atomics.add(controls, RING_DROPPED, 1);
    }
  }
}

/** The resolver's side. What `take` has taken stays in the fields until the next one. */
export class RingReader {
  kind = 0;
  listener = 0;
  messageBytes = 0;
  /** On the clock of the resolver. */
  arrivedAtMs = 0;
  /** The record: its path begins at `pathWord` of the words, its message at `messageOffset` of the bytes. */
  readonly words = new Uint32Array(MAX_RECORD_WORDS);
  readonly bytes = new Uint8Array(this.words.buffer);
  readonly pathWord = PATH;
  readonly messageOffset = MESSAGE * WORD_BYTES;
  readonly #doubles = new Float64Array(this.words.buffer);
  readonly #controls: Int32Array;
  readonly #ring: Uint32Array;

  constructor(controls: Int32Array, memory: SharedArrayBuffer) {
    this.#controls = controls;
    this.#ring = new Uint32Array(memory);
  }

  get isEmpty(): boolean {
    return Atomics.load(this.#controls, RING_HEAD) === Atomics.load(this.#controls, RING_TAIL);
  }

  /** Queries that were dropped so far, modulo 2^32. */
  get dropped(): number {
    return Atomics.load(this.#controls, RING_DROPPED);
  }

  /** Takes the oldest query; false if there is none. */
  take(): boolean {
    const controls = this.#controls;
    const { words } = this;
    for (;;) {
      const tail = Atomics.load(controls, RING_TAIL);
      if (tail === Atomics.load(controls, RING_HEAD)) return false;
      const start = (tail >>> 0) & (this.#ring.length - 1);
      const size = this.#ring[start + SIZE];
      const kind = this.#ring[start + KIND];
      // A size that makes no sense is that of a record which is being written over.
      const copied = kind === KIND_GAP ? 0 : Math.min(size, MAX_RECORD_WORDS);
      for (let i = 0; i < copied; i++) words[i] = this.#ring[start + i];
      if (Atomics.compareExchange(controls, RING_TAIL, tail, tail + size) !== tail) continue;
      if (kind === KIND_GAP) continue;
      this.kind = kind;
      this.listener = words[LISTENER];
      this.messageBytes = words[MESSAGE_BYTES];
      this.arrivedAtMs = this.#doubles[ARRIVED_AT >>> 1];
      return true;
    }
  }

  /** Resolves when there may be something to take, at once if there is. */
  async wait(): Promise<void> {
    Atomics.store(this.#controls, RING_SLEEPING, 1);
    if (!this.isEmpty) {
      Atomics.store(this.#controls, RING_SLEEPING, 0);
      return;
    }
    const waiting = Atomics.waitAsync(this.#controls, RING_SLEEPING, 1);
    if (waiting.async) await waiting.value;
  }

  /** Ends the wait. */
  wake(): void {
    Atomics.store(this.#controls, RING_SLEEPING, 0);
    Atomics.notify(this.#controls, RING_SLEEPING);
  }
}
