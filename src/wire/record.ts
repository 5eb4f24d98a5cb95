import { copyBytes } from './bytes.ts';
import { expandName, MAX_NAME_BYTES, nameLength, readName, skipName, type WireName } from './name.ts';
import { FIELD_NAME, fieldLength, type RdataLayout, rdataLayout } from './rdata-layout.ts';
import type { MessageView } from './view.ts';

/** A record on its own, out of any message: no name in it is compressed. */
export type ResourceRecord = {
  readonly owner: WireName;
  readonly type: number;
  readonly class: number;
  /** Seconds, unsigned 32 bits. */
  readonly ttl: number;
  readonly rdata: Uint8Array;
};

/** Record `index` of the message, as a copy; undefined if a name in its rdata is malformed. */
export function readRecord(view: MessageView, index: number): ResourceRecord | undefined {
  const type = view.typeOf(index);
  const owner = readName(view.bytes, view.ownerOffset(index));
  const rdata = readRdata(view.bytes, type, view.rdataOffset(index), view.recordEnd(index));
  if (owner === undefined || rdata === undefined) return undefined;
  return { owner, type, class: view.classOf(index), ttl: view.ttlOf(index), rdata };
}

/** A copy of the rdata from `offset` to `end` with its names decompressed; undefined if it does not fit its type. */
export function readRdata(bytes: Uint8Array, type: number, offset: number, end: number): Uint8Array | undefined {
  const layout = rdataLayout(type);
  // Empty rdata of any type occurs in UPDATE messages (RFC 2136 §2.4).
  if (layout === undefined || offset === end) return copyBytes(bytes, offset, end);
  return expandRdata(bytes, layout, offset, end);
}

/** Rdata while it is expanded, never in use across calls. No type has more than two names. */
let scratch: Uint8Array | undefined;
const MAX_RDATA_BYTES = 0xffff;
const MAX_NAMES = 2;

function expandRdata(bytes: Uint8Array, layout: RdataLayout, offset: number, end: number): Uint8Array | undefined {
  scratch ??= new Uint8Array(MAX_RDATA_BYTES + MAX_NAMES * MAX_NAME_BYTES);
  const rdata = scratch;
  let position = offset;
  let written = 0;
  for (const field of layout.fields) {
    if (field === FIELD_NAME) {
      const nameEnd = skipName(bytes, position, end);
      if (nameEnd === -1 || nameLength(bytes, position) === -1) return undefined;
      written = expandName(bytes, position, rdata, written);
      position = nameEnd;
    } else {
      const length = fieldLength(field, bytes, position, end);
      if (length === -1) return undefined;
      rdata.set(bytes.subarray(position, position + length), written);
      written += length;
      position += length;
    }
  }
  return position === end ? rdata.slice(0, written) : undefined;
}
