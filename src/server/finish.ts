import type { Outcome } from '../directives/contract.ts';
import { readU16, writeU16 } from '../wire/bytes.ts';
import {
  ECHOED_OPTIONS,
  EDNS_FLAG_DO,
  EDNS_KEPT_FLAGS,
  eachOption,
  encodeExtendedError,
  encodeOption,
  OPTION_NSID,
  type Opt,
  type OptFields,
  writeOpt,
} from '../wire/edns.ts';
import {
  ARCOUNT_OFFSET,
  FLAG_CD,
  FLAG_QR,
  FLAG_RD,
  HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  OPCODE_QUERY,
  OPCODE_SHIFT,
  RCODE_BADVERS,
  RCODE_MASK,
  RCODE_SERVFAIL,
  setFlags,
  setId,
} from '../wire/header.ts';
import type { MessageView } from '../wire/view.ts';
import { MessageWriter } from '../wire/writer.ts';
import type { ServerQuery } from './query.ts';
import { optBytes, rebuild } from './rebuild.ts';

const EXTENDED_RCODE_SHIFT = 4;
const NO_OPTIONS = new Uint8Array(0);

const scratch = new Uint8Array(MAX_MESSAGE_BYTES);
const writer = new MessageWriter(MAX_MESSAGE_BYTES);

/**
 * The bytes that the client gets for an outcome: its own id and spelling of the question, an OPT if and only if it sent
 * one, names compressed, and no more than it can take. They are good until the next call.
 */
export function finish(query: ServerQuery, outcome: Outcome): Uint8Array {
  const { response } = outcome;
  // An rcode above 15 needs an OPT to stand in, and a client without EDNS would read its low bits as another one.
  const rcode = query.hasOpt || outcome.rcode <= RCODE_MASK ? outcome.rcode : RCODE_SERVFAIL;
  const opt = query.hasOpt ? optOf(query, response?.opt, rcode, outcome) : undefined;
  if (response === undefined) return emptyReply(query.request, rcode, opt);
  const flags = (response.flags & ~RCODE_MASK) | FLAG_QR | (rcode & RCODE_MASK);
  const fits = response.bytes.length + optBytes(opt) <= query.answerLimitBytes;
  if (fits && response.isOurs && sameQuestionBytes(query.request, response)) {
    return patched(query.request, response.bytes, flags, opt);
  }
  return rebuild(writer, query.request, response, { flags, limitBytes: query.answerLimitBytes, opt });
}

/** A query of an EDNS version that nobody has defined yet (RFC 6891 §6.1.3). */
export function badVersion(request: MessageView): Uint8Array {
  const extendedRcodeBits = RCODE_BADVERS >>> EXTENDED_RCODE_SHIFT;
  const opt = { udpPayloadBytes: 0, extendedRcodeBits, version: 0, flags: 0, options: NO_OPTIONS };
  return emptyReply(request, RCODE_BADVERS, opt);
}

/** A reply of the server's own: the question, if there is one, and an rcode. */
function emptyReply(request: MessageView, rcode: number, opt: OptFields | undefined): Uint8Array {
  // NOTIFY knows neither bit.
  const copied = request.opcode === OPCODE_QUERY ? request.flags & (FLAG_RD | FLAG_CD) : 0;
  writer.start(request.id, FLAG_QR | (request.opcode << OPCODE_SHIFT) | copied | (rcode & RCODE_MASK));
  if (request.questionCount > 0) writer.copyQuestion(request);
  if (opt !== undefined) writer.opt(opt);
  return writer.finish();
}

/** The fast way: the message as it is, and the OPT behind it. */
function patched(request: MessageView, message: Uint8Array, flags: number, opt: OptFields | undefined): Uint8Array {
  scratch.set(message);
  setId(scratch, request.id);
  setFlags(scratch, flags);
  if (opt === undefined) return scratch.subarray(0, message.length);
  writeU16(scratch, ARCOUNT_OFFSET, readU16(scratch, ARCOUNT_OFFSET) + 1);
  return scratch.subarray(0, writeOpt(scratch, message.length, opt));
}

/**
 * The OPT of a reply: the upstream's, as far as there is one, else the client's sent back; always of the client's size.
 */
function optOf(query: ServerQuery, upstreamOpt: Opt | undefined, rcode: number, outcome: Outcome): OptFields {
  const { request, udpPayloadBytes } = query;
  const source = upstreamOpt === undefined ? request : outcome.response;
  const flags = (upstreamOpt ?? request.opt)?.flags ?? 0;
  const options = source === undefined ? NO_OPTIONS : optionsOf(source, upstreamOpt !== undefined);
  return {
    udpPayloadBytes,
    extendedRcodeBits: rcode >>> EXTENDED_RCODE_SHIFT,
    version: 0,
    flags: (flags & EDNS_KEPT_FLAGS) | (query.dnssecOk ? EDNS_FLAG_DO : 0),
    options: withOurs(options, outcome),
  };
}

/** The options with those that directives have put there. */
function withOurs(options: Uint8Array, { extendedError, nsid }: Outcome): Uint8Array {
  if (extendedError === undefined && nsid === undefined) return options;
  const all = nsid === undefined ? [options] : [without(OPTION_NSID, options), encodeOption(OPTION_NSID, nsid)];
  if (extendedError !== undefined) all.push(encodeExtendedError(extendedError.code, extendedError.text));
  return Buffer.concat(all);
}

function without(unwanted: number, options: Uint8Array): Uint8Array {
  const kept: Uint8Array[] = [];
  eachOption(options, 0, options.length, (code, offset, length) => {
    if (code !== unwanted) kept.push(encodeOption(code, options.subarray(offset, offset + length)));
  });
  return Buffer.concat(kept);
}

/** The options of a message's OPT: all of an upstream's, of a client's those that are echoed. */
function optionsOf(view: MessageView, all: boolean): Uint8Array {
  const { bytes, opt } = view;
  if (opt === undefined || opt.optionsLength === 0) return NO_OPTIONS;
  if (all) return bytes.subarray(opt.optionsOffset, opt.optionsOffset + opt.optionsLength);
  const echoed: Uint8Array[] = [];
  eachOption(bytes, opt.optionsOffset, opt.optionsLength, (code, offset, length) => {
    if (ECHOED_OPTIONS.has(code)) echoed.push(encodeOption(code, bytes.subarray(offset, offset + length)));
  });
  return echoed.length === 0 ? NO_OPTIONS : Buffer.concat(echoed);
}

/**
 * Whether both spell the question alike, to the letter. Compressed owner names point into the question, so only then can
 * the answer's bytes be sent as they are.
 */
function sameQuestionBytes(request: MessageView, response: MessageView): boolean {
  const end = request.questionEnd;
  if (response.questionEnd !== end) return false;
  for (let i = HEADER_BYTES; i < end; i++) if (request.bytes[i] !== response.bytes[i]) return false;
  return true;
}
