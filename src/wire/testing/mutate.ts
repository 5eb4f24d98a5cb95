/** Damages messages, for fuzzing: one to eight random changes of the kinds below. */
import { concatBytes, writeU16 } from '../bytes.ts';
import { HEADER_BYTES, QDCOUNT_OFFSET } from '../header.ts';
import { POINTER_BITS } from '../name.ts';
import type { Prng } from './prng.ts';

const MAX_CHANGES = 8;
const MAX_PIECE_BYTES = 40;
/** Bytes at which a parser may turn: the edges of label lengths, label types and counts. */
const EDGES = [0x00, 0x01, 0x0c, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xff];

type Change = (message: Uint8Array, prng: Prng, seeds: readonly Uint8Array[]) => Uint8Array;

const CHANGES: readonly Change[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  rewritePointer,
  rewritePointer,
  setCount,
  truncate,
  insertPiece,
  removePiece,
  overwritePiece,
  append,
];

/** A damaged copy of one of the seeds; it may be empty. */
export function mutate(prng: Prng, seeds: readonly Uint8Array[]): Uint8Array {
  let message = Uint8Array.from(prng.pick(seeds));
  for (let left = 1 + prng.below(MAX_CHANGES); left > 0 && message.length > 0; left--) {
    message = Uint8Array.from(prng.pick(CHANGES)(message, prng, seeds));
  }
  return message;
}

function flipBit(message: Uint8Array, prng: Prng): Uint8Array {
  message[prng.below(message.length)] ^= 1 << prng.below(8);
  return message;
}

function setByte(message: Uint8Array, prng: Prng): Uint8Array {
  message[prng.below(message.length)] = prng.pick(EDGES);
  return message;
}

/** Mostly one that points to a place before it, so that chains and loops come about. */
function rewritePointer(message: Uint8Array, prng: Prng): Uint8Array {
  const pointers: number[] = [];
  for (let i = HEADER_BYTES; i + 1 < message.length; i++) if (message[i] >= POINTER_BITS) pointers.push(i);
  const offset = pointers.length > 0 && prng.below(4) > 0 ? prng.pick(pointers) : prng.below(message.length);
  const target = prng.below(4) > 0 ? prng.below(offset + 2) : prng.below(0x4000);
  return overwrite(message, offset, Uint8Array.of(POINTER_BITS | (target >> 8), target));
}

function setCount(message: Uint8Array, prng: Prng): Uint8Array {
  const count = new Uint8Array(2);
  writeU16(count, 0, prng.below(4) > 0 ? prng.below(4) : prng.below(0x10000));
  return overwrite(message, QDCOUNT_OFFSET + 2 * prng.below(4), count);
}

function truncate(message: Uint8Array, prng: Prng): Uint8Array {
  // Mostly behind the header, where the rest has something to say.
  const least = message.length > HEADER_BYTES && prng.below(8) > 0 ? HEADER_BYTES : 0;
  return message.subarray(0, least + prng.below(message.length - least));
}

function insertPiece(message: Uint8Array, prng: Prng, seeds: readonly Uint8Array[]): Uint8Array {
  const offset = prng.below(message.length);
  return concatBytes([message.subarray(0, offset), pieceOf(prng, seeds), message.subarray(offset)]);
}

function removePiece(message: Uint8Array, prng: Prng): Uint8Array {
  const offset = prng.below(message.length);
  return concatBytes([message.subarray(0, offset), message.subarray(offset + prng.below(MAX_PIECE_BYTES))]);
}

function overwritePiece(message: Uint8Array, prng: Prng, seeds: readonly Uint8Array[]): Uint8Array {
  return overwrite(message, prng.below(message.length), pieceOf(prng, seeds));
}

function append(message: Uint8Array, prng: Prng, seeds: readonly Uint8Array[]): Uint8Array {
  return concatBytes([message, pieceOf(prng, seeds)]);
}

function pieceOf(prng: Prng, seeds: readonly Uint8Array[]): Uint8Array {
  const seed = prng.pick(seeds);
  const start = prng.below(seed.length);
  return seed.subarray(start, start + prng.below(MAX_PIECE_BYTES));
}

/** What reaches beyond the end is left out. */
function overwrite(message: Uint8Array, offset: number, piece: Uint8Array): Uint8Array {
  for (let i = 0; i < piece.length && offset + i < message.length; i++) message[offset + i] = piece[i];
  return message;
}
