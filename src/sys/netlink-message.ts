/**
 * Netlink messages (linux/netlink.h), in the machine's byte order, which is little-endian wherever nodens runs:
 *
 *   nlmsghdr   length u32 | type u16 | flags u16 | sequence u32 | port id u32
 *   attribute  length u16 | type u16 | value, padded to 4 bytes
 */

export const HEADER_BYTES = 16;
const ATTRIBUTE_BYTES = 4;
const ERRNO_BYTES = 4;
const ALIGNMENT = 4;
/** Bits of an attribute's type that say how it is to be read. */
const TYPE_MASK = 0x3fff;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
/** The kernel could not give a consistent list, as something changed meanwhile. */
export const NLM_F_DUMP_INTR = 0x10;
/** Of an answer: its attributes begin behind the header of the request, which is not repeated in full. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

export type NetlinkMessage = {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** What stands behind the header. */
  readonly payload: Buffer;
};

/** Type and value of each attribute; one that holds others is written with `attributes` again. */
export type Attribute = readonly [type: number, value: Buffer | string | number];

/** Numbers as u32, texts with a final NUL. */
export function attributes(list: readonly Attribute[]): Buffer {
  return Buffer.concat(
    list.map(([type, value]) => {
      const bytes = valueBytes(value);
      const attribute = Buffer.alloc(aligned(ATTRIBUTE_BYTES + bytes.length));
      attribute.writeUInt16LE(ATTRIBUTE_BYTES + bytes.length, 0);
      attribute.writeUInt16LE(type, 2);
      bytes.copy(attribute, ATTRIBUTE_BYTES);
      return attribute;
    }),
  );
}

function valueBytes(value: Attribute[1]): Buffer {
  if (typeof value === 'string') return Buffer.from(`${value}\0`);
  return typeof value === 'number' ? u32(value) : value;
}

export function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, 4 * i);
  return bytes;
}

/** A whole message to the kernel. */
export function request(type: number, flags: number, sequence: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(HEADER_BYTES + payload.length, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flags, 6);
  header.writeUInt32LE(sequence, 8);
  return Buffer.concat([header, payload]);
}

/** The messages of one datagram; what is cut off or lies about its length ends it. */
export function* messagesOf(datagram: Buffer): Generator<NetlinkMessage> {
  let offset = 0;
  while (offset + HEADER_BYTES <= datagram.length) {
    const length = datagram.readUInt32LE(offset);
    if (length < HEADER_BYTES || offset + length > datagram.length) return;
    yield {
      type: datagram.readUInt16LE(offset + 4),
      flags: datagram.readUInt16LE(offset + 6),
      sequence: datagram.readUInt32LE(offset + 8),
      payload: datagram.subarray(offset + HEADER_BYTES, offset + length),
    };
    offset += aligned(length);
  }
}

/** The attributes behind the first `headerBytes` of a payload, the last of each type. */
export function attributesOf(payload: Buffer, headerBytes: number): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  let offset = aligned(headerBytes);
  while (offset + ATTRIBUTE_BYTES <= payload.length) {
    const length = payload.readUInt16LE(offset);
    if (length < ATTRIBUTE_BYTES || offset + length > payload.length) break;
    found.set(
      payload.readUInt16LE(offset + 2) & TYPE_MASK,
      payload.subarray(offset + ATTRIBUTE_BYTES, offset + length),
    );
    offset += aligned(length);
  }
  return found;
}

/** Without its final NUL; empty for an attribute that is not there. */
export function textOf(value: Buffer | undefined): string {
  if (value === undefined) return '';
  const end = value.indexOf(0);
  return value.toString('utf8', 0, end < 0 ? value.length : end);
}

/**
 * Of an answer that is the last one (NLMSG_ERROR, or NLMSG_DONE of a list): the positive errno, 0 if all went well, and
 * what the kernel says besides.
 */
export function errorOf(answer: NetlinkMessage): { readonly errno: number; readonly text: string } {
  const { payload, flags } = answer;
  if (payload.length < ERRNO_BYTES) return { errno: 0, text: '' };
  const errno = 0 - payload.readInt32LE(0);
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, text: '' };
  const found = attributesOf(payload, ERRNO_BYTES + repeatedBytes(answer));
  return { errno, text: textOf(found.get(NLMSGERR_ATTR_MSG)) };
}

/** How much of the request stands between errno and attributes; a list's end repeats none of it. */
function repeatedBytes({ type, payload, flags }: NetlinkMessage): number {
  if (type === NLMSG_DONE) return 0;
  if ((flags & NLM_F_CAPPED) !== 0 || payload.length < ERRNO_BYTES + HEADER_BYTES) return HEADER_BYTES;
  return payload.readUInt32LE(ERRNO_BYTES);
}

function aligned(length: number): number {
  return (length + ALIGNMENT - 1) & -ALIGNMENT;
}
