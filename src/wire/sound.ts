import { eachOption } from './edns.ts';
import { nameLength, skipName } from './name.ts';
import { FIELD_NAME, fieldLength, rdataLayout } from './rdata-layout.ts';
import { TYPE_A, TYPE_AAAA, TYPE_OPT, TYPE_TXT } from './types.ts';
import type { MessageView } from './view.ts';

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;

/**
 * Whether the rdata of each record is what its type says: addresses of their length, names that can be read, strings
 * and EDNS options that end where the rdata does. `parseMessage` looks at none of it, and whoever passes such a record
 * on passes on what other parsers trip over. Linear in the message but for names, of which each costs at most 255 bytes
 * and 127 pointers.
 */
export function hasSoundRdata(view: MessageView): boolean {
  const { recordCount } = view;
  for (let i = 0; i < recordCount; i++) {
    if (!isSound(view.bytes, view.typeOf(i), view.rdataOffset(i), view.recordEnd(i))) return false;
  }
  return true;
}

function isSound(bytes: Uint8Array, type: number, offset: number, end: number): boolean {
  switch (type) {
    case TYPE_A:
      return end - offset === IPV4_BYTES;
    case TYPE_AAAA:
      return end - offset === IPV6_BYTES;
    case TYPE_TXT:
      return isOfStrings(bytes, offset, end);
    case TYPE_OPT:
      return eachOption(bytes, offset, end - offset, () => undefined);
    default:
      return fitsLayout(bytes, type, offset, end);
  }
}

/** RFC 1035 §3.3.14: one string or more. */
function isOfStrings(bytes: Uint8Array, offset: number, end: number): boolean {
  let position = offset;
  while (position < end) position += 1 + bytes[position];
  return position === end && end > offset;
}

function fitsLayout(bytes: Uint8Array, type: number, offset: number, end: number): boolean {
  const layout = rdataLayout(type);
  if (layout === undefined) return true;
  let position = offset;
  for (const field of layout.fields) {
    if (field === FIELD_NAME) {
      const nameEnd = skipName(bytes, position, end);
      if (nameEnd === -1 || nameLength(bytes, position) === -1) return false;
      position = nameEnd;
    } else {
      const length = fieldLength(field, bytes, position, end);
      if (length === -1) return false;
      position += length;
    }
  }
  return position === end;
}
