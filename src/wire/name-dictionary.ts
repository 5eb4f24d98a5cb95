import { writeU16 } from './bytes.ts';
import { nameLength, POINTER_BITS, pointerTarget } from './name.ts';

/** A pointer has 14 bits; nothing further on can be pointed to. */
const POINTER_LIMIT = 0x4000;
const POINTER_WORD = POINTER_BITS << 8;
const MAX_LABELS = 127;

const SLOT_COUNT = 2048;
const SLOT_MASK = SLOT_COUNT - 1;
const MAX_ENTRIES = SLOT_COUNT / 2;
/** Bounds the work for hostile names: a label that finds no slot this soon is not remembered. */
const MAX_PROBES = 8;
const EMPTY = 0;
const NOT_FOUND = -1;
/** Parent of top-level labels. No name starts at 0, where the header is. */
const ROOT = 0;

/**
 * Writes names into a message and compresses them (RFC 1035 §4.1.4), comparing case-sensitively.
 *
 * What it remembers is a tree: an entry is a label in the message, and the entry of the name behind it, its parent. A
 * name is looked up from the root down, so that each of its labels is compared once, however long the names are.
 * Entries are forgotten in the reverse order of remembering, which leaves no holes in the probe sequences.
 */
export class NameDictionary {
  readonly #message: Uint8Array;
  /** By slot: where the label lies in the message, and where its parent does. */
  readonly #labelAt = new Uint16Array(SLOT_COUNT);
  readonly #parentAt = new Uint16Array(SLOT_COUNT);
  /** Slots in the order they were taken. */
  readonly #taken = new Uint16Array(MAX_ENTRIES);
  #count = 0;
  /** Where the labels of the name in hand lie, in its source and then in the message. */
  readonly #labels = new Uint32Array(MAX_LABELS);

  constructor(message: Uint8Array) {
    this.#message = message;
  }

  /** How many entries there are, for `forget`. */
  get count(): number {
    return this.#count;
  }

  /** Forgets all entries but the first `count`. */
  forget(count: number): void {
    while (this.#count > count) this.#labelAt[this.#taken[--this.#count]] = EMPTY;
  }

  /**
   * Writes the name at `offset` of `source`, which may be compressed there, to `position` of the message, where 255
   * bytes must be free. Returns the position behind it, -1 if the name is malformed.
   */
  write(source: Uint8Array, offset: number, position: number, compress: boolean): number {
    if (nameLength(source, offset) === -1) return -1;
    const labels = this.#labels;
    const labelCount = this.#collectLabels(source, offset);

    let parent = ROOT;
    let unknown = labelCount;
    while (unknown > 0) {
      const known = this.#find(source, labels[unknown - 1], parent);
      if (known === NOT_FOUND) break;
      parent = known;
      unknown--;
    }

    const message = this.#message;
    const toWrite = compress ? unknown : labelCount;
    let written = position;
    for (let i = 0; i < toWrite; i++) {
      let from = labels[i];
      labels[i] = written;
      for (let left = source[from]; left >= 0; left--) message[written++] = source[from++];
    }
    if (toWrite < labelCount) {
      writeU16(message, written, POINTER_WORD | parent);
      written += 2;
    } else {
      message[written++] = 0;
    }

    for (let i = unknown - 1; i >= 0 && this.#remember(labels[i], parent); i--) parent = labels[i];
    return written;
  }

  /** Fills `#labels` with the offsets of the labels of a good name, without the root label. Returns their number. */
  #collectLabels(source: Uint8Array, offset: number): number {
    const labels = this.#labels;
    let count = 0;
    let position = offset;
    for (;;) {
      const length = source[position];
      if (length === 0) return count;
      if (length >= POINTER_BITS) {
        position = pointerTarget(source, position);
      } else {
        labels[count++] = position;
        position += length + 1;
      }
    }
  }

  #find(source: Uint8Array, label: number, parent: number): number {
    let slot = firstSlot(source, label, parent);
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const candidate = this.#labelAt[slot];
      if (candidate === EMPTY) return NOT_FOUND;
      if (this.#parentAt[slot] === parent && sameLabel(source, label, this.#message, candidate)) return candidate;
      slot = (slot + 1) & SLOT_MASK;
    }
    return NOT_FOUND;
  }

  /** False if the label cannot be pointed to, or there is no slot for it. */
  #remember(label: number, parent: number): boolean {
    if (label >= POINTER_LIMIT || this.#count === MAX_ENTRIES) return false;
    let slot = firstSlot(this.#message, label, parent);
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      if (this.#labelAt[slot] === EMPTY) {
        this.#labelAt[slot] = label;
        this.#parentAt[slot] = parent;
        this.#taken[this.#count++] = slot;
        return true;
      }
      slot = (slot + 1) & SLOT_MASK;
    }
    return false;
  }
}

/** FNV-1a over the label with its length, from its parent on. */
function firstSlot(bytes: Uint8Array, label: number, parent: number): number {
  const end = label + bytes[label];
  let hash = parent ^ 0x811c9dc5;
  for (let i = label; i <= end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return (hash ^ (hash >>> 15)) & SLOT_MASK;
}

function sameLabel(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number): boolean {
  const length = a[aOffset];
  for (let i = 0; i <= length; i++) if (a[aOffset + i] !== b[bOffset + i]) return false;
  return true;
}
