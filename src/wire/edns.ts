/**
 * EDNS(0), RFC 6891. An OPT record uses the fixed fields of a record anew:
 *
 *   root name | type 41 | class: UDP payload size | ttl: extended rcode, version, flags | RDLENGTH | options
 */
import { readU16, writeU16 } from './bytes.ts';
import { TYPE_OPT } from './types.ts';

export const EDNS_VERSION = 0;
/** What every client can take over UDP; smaller sizes are treated as this one (RFC 6891 §6.2.5). */
export const MIN_UDP_PAYLOAD_BYTES = 512;
/** An OPT record without options, its root name included. */
export const OPT_FIXED_BYTES = 11;
export const EDNS_FLAG_DO = 0x8000;
/** Of a client's flags, those that are sent back; the lower half is reserved and cleared. */
export const EDNS_KEPT_FLAGS = 0xff00;
export const OPTION_HEADER_BYTES = 4;

export const OPTION_NSID = 3;
export const OPTION_CLIENT_SUBNET = 8;
export const OPTION_EXPIRE = 9;
export const OPTION_COOKIE = 10;
export const OPTION_TCP_KEEPALIVE = 11;
export const OPTION_PADDING = 12;
export const OPTION_EDE = 15;
/** Options of a client's that are sent back as they came; all others are for the server alone. */
export const ECHOED_OPTIONS: ReadonlySet<number> = new Set([
  OPTION_NSID,
  OPTION_EXPIRE,
  OPTION_COOKIE,
  OPTION_TCP_KEEPALIVE,
  OPTION_PADDING,
]);

/** Extended DNS errors (RFC 8914). */
export const EDE_STALE_ANSWER = 3;
export const EDE_BLOCKED = 15;
export const EDE_FILTERED = 17;
export const EDE_STALE_NXDOMAIN = 19;

/** An OPT record where it lies in its message; its options stay there. */
export type Opt = {
  /** Its place among the records of the message. */
  readonly index: number;
  readonly offset: number;
  readonly end: number;
  readonly udpPayloadBytes: number;
  /** The upper eight of the twelve bits of the rcode. */
  readonly extendedRcodeBits: number;
  readonly version: number;
  readonly flags: number;
  readonly dnssecOk: boolean;
  readonly optionsOffset: number;
  readonly optionsLength: number;
};

/** What an OPT record carries besides its fixed parts; `options` as on the wire. */
export type OptFields = {
  readonly udpPayloadBytes: number;
  /** The upper eight bits of the rcode; the lower four are in the header's flags. */
  readonly extendedRcodeBits: number;
  readonly version: number;
  readonly flags: number;
  readonly options: Uint8Array;
};

/** Writes an OPT record at `offset`, where there must be room for it, and gives the offset behind it. */
export function writeOpt(target: Uint8Array, offset: number, opt: OptFields): number {
  const { options } = opt;
  target[offset] = 0; // The root.
  writeU16(target, offset + 1, TYPE_OPT);
  writeU16(target, offset + 3, opt.udpPayloadBytes);
  target[offset + 5] = opt.extendedRcodeBits;
  target[offset + 6] = opt.version;
  writeU16(target, offset + 7, opt.flags);
  writeU16(target, offset + 9, options.length);
  if (options.length > 0) target.set(options, offset + OPT_FIXED_BYTES);
  return offset + OPT_FIXED_BYTES + options.length;
}

/** `offset` is that of the owner name, `rdataOffset` to `end` the options. */
export function readOpt(bytes: Uint8Array, index: number, offset: number, rdataOffset: number, end: number): Opt {
  const flags = readU16(bytes, rdataOffset - 4);
  return {
    index,
    offset,
    end,
    udpPayloadBytes: readU16(bytes, rdataOffset - 8),
    extendedRcodeBits: bytes[rdataOffset - 6],
    version: bytes[rdataOffset - 5],
    flags,
    dnssecOk: (flags & EDNS_FLAG_DO) !== 0,
    optionsOffset: rdataOffset,
    optionsLength: end - rdataOffset,
  };
}

/**
 * Calls `visit` with the code of each option, and where its data lies. False if the options do not fill `length`
 * exactly; those before the fault have been visited.
 */
export function eachOption(
  bytes: Uint8Array,
  offset: number,
  length: number,
  visit: (code: number, offset: number, length: number) => void,
): boolean {
  const end = offset + length;
  let position = offset;
  while (position + OPTION_HEADER_BYTES <= end) {
    const dataOffset = position + OPTION_HEADER_BYTES;
    const dataLength = readU16(bytes, position + 2);
    if (dataOffset + dataLength > end) return false;
    visit(readU16(bytes, position), dataOffset, dataLength);
    position = dataOffset + dataLength;
  }
  return position === end;
}

/** One option with its code and length in front. */
export function encodeOption(code: number, data: Uint8Array): Uint8Array {
  const option = new Uint8Array(OPTION_HEADER_BYTES + data.length);
  writeU16(option, 0, code);
  writeU16(option, 2, data.length);
  option.set(data, OPTION_HEADER_BYTES);
  return option;
}

/** The option of an extended DNS error: its info code, then UTF-8 text for people. */
export function encodeExtendedError(infoCode: number, text = ''): Uint8Array {
  const extraText = Buffer.from(text, 'utf8');
  const data = new Uint8Array(2 + extraText.length);
  writeU16(data, 0, infoCode);
  data.set(extraText, 2);
  return encodeOption(OPTION_EDE, data);
}
