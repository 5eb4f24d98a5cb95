import { TRAIT_LOWER } from '../../cache/layout.ts';
import { type Lookup, TRAIT_NXDOMAIN } from '../../cache/lookup.ts';
import type { DatagramBatch } from '../../sys/datagrams.ts';
import type { DirectReplies } from '../../sys/direct-replies.ts';
import { copyBytes, readU16, writeU16 } from '../../wire/bytes.ts';
import {
  EDE_STALE_ANSWER,
  EDE_STALE_NXDOMAIN,
  EDNS_KEPT_FLAGS,
  EDNS_VERSION,
  encodeExtendedError,
  MIN_UDP_PAYLOAD_BYTES,
  type OptFields,
  writeOpt,
} from '../../wire/edns.ts';
import {
  ARCOUNT_OFFSET,
  FLAG_AD,
  FLAG_CD,
  FLAG_RD,
  FLAGS_OFFSET,
  HEADER_BYTES,
  RCODE_MASK,
  RCODE_NOERROR,
} from '../../wire/header.ts';
import { MessageView, parseMessage } from '../../wire/view.ts';
import { MessageWriter } from '../../wire/writer.ts';
import { optBytes, rebuild } from '../rebuild.ts';
import type { PlainQuery } from './plain-query.ts';
import type { BlockPlan } from './plan.ts';
import { shuffleAddresses } from './shuffle.ts';

/** The largest reply that is made here. */
export const MAX_REPLY_BYTES = 4096;

const NO_OPTIONS = new Uint8Array(0);
const STALE_OPTIONS = encodeExtendedError(EDE_STALE_ANSWER);
const STALE_NXDOMAIN_OPTIONS = encodeExtendedError(EDE_STALE_NXDOMAIN);

type ReplyRules = Pick<BlockPlan, 'maxUdpPayloadBytes' | 'shufflesAddresses'>;

/** Makes of an answer in the cache the reply to a query, as `finish` does of a chain's outcome. */
export class HitReply {
  /** Of the reply that was written last. */
  rcode = 0;
  readonly #batch: DatagramBatch;
  readonly #replies: DirectReplies;
  /** Of the query at hand: one object for all. */
  readonly #opt: { -readonly [Field in keyof OptFields]: OptFields[Field] } = {
    udpPayloadBytes: 0,
    extendedRcodeBits: 0,
    version: EDNS_VERSION,
    flags: 0,
    options: NO_OPTIONS,
  };
  #writer: MessageWriter | undefined;

  constructor(batch: DatagramBatch, replies: DirectReplies) {
    this.#batch = batch;
    this.#replies = replies;
  }

  /**
   * Adds the reply to the query in a slot, with what `lookup` has found; false if it cannot be made here. There must be
   * room for MAX_REPLY_BYTES.
   */
  write(query: PlainQuery, slot: number, lookup: Lookup, ttl: number, block: ReplyRules): boolean {
    const replies = this.#replies;
    const { messageBytes } = lookup.reader;
    const payloadBytes = Math.min(query.udpPayloadBytes, block.maxUdpPayloadBytes);
    if (query.hasOpt) this.#setOpt(payloadBytes, query.optFlags, lookup);
    const opt = query.hasOpt ? this.#opt : undefined;
    const replyBytes = messageBytes + optBytes(opt);
    if (replyBytes > MAX_REPLY_BYTES) return false;
    const start = replies.writeOffset;
    if (!lookup.reader.copyMessage(lookup.entry, replies.words, replies.bytes, start, ttl)) return false;

    const { bytes } = replies;
    const end = start + messageBytes;
    const flags = replyFlags(query, readU16(bytes, start + FLAGS_OFFSET));
    this.rcode = flags & RCODE_MASK;
    const isShuffled = block.shufflesAddresses && this.rcode === RCODE_NOERROR;
    if (isShuffled && !shuffleAddresses(bytes, start, query.questionEnd, end, Math.random)) return false;
    const limitBytes = Math.max(MIN_UDP_PAYLOAD_BYTES, payloadBytes);
    if (replyBytes > limitBytes || !this.#hasSameQuestion(query, slot, start, lookup)) {
      replies.add(slot, this.#rebuild(query, slot, start, messageBytes, { flags, limitBytes, opt }));
      return true;
    }
    const source = this.#batch.messageOffset(slot);
    bytes[start] = this.#batch.bytes[source]; // The id.
    bytes[start + 1] = this.#batch.bytes[source + 1];
    writeU16(bytes, start + FLAGS_OFFSET, flags);
    if (opt !== undefined) {
      writeU16(bytes, start + ARCOUNT_OFFSET, readU16(bytes, start + ARCOUNT_OFFSET) + 1);
      writeOpt(bytes, end, opt);
    }
    replies.add(slot, replyBytes);
    return true;
  }

  /** The client's own, sent back; with it goes what is to be said of a stale answer. */
  #setOpt(payloadBytes: number, flags: number, lookup: Lookup): void {
    const opt = this.#opt;
    opt.udpPayloadBytes = payloadBytes;
    opt.flags = flags & EDNS_KEPT_FLAGS;
    if (lookup.remaining > 0) opt.options = NO_OPTIONS;
    else opt.options = lookup.has(TRAIT_NXDOMAIN) ? STALE_NXDOMAIN_OPTIONS : STALE_OPTIONS;
  }

  /**
   * Whether the query spells the question as the answer at `start` does, to the letter: compressed owner names point
   * into it. Both begin at a word's edge.
   */
  #hasSameQuestion({ key, questionEnd }: PlainQuery, slot: number, start: number, lookup: Lookup): boolean {
    if (key.isLower && lookup.has(TRAIT_LOWER)) return true;
    const asked = this.#batch.words;
    const stored = this.#replies.words;
    let a = (this.#batch.messageOffset(slot) + HEADER_BYTES) >>> 2;
    let b = (start + HEADER_BYTES) >>> 2;
    const last = a + ((questionEnd - HEADER_BYTES) >>> 2);
    while (a < last) if (asked[a++] !== stored[b++]) return false;
    const restBits = (questionEnd & 3) << 3;
    return restBits === 0 || ((asked[a] ^ stored[b]) & ((1 << restBits) - 1)) === 0;
  }

  /** Writes the reply at `start`, where the answer is, once more; returns its length. Rare, so it may allocate. */
  #rebuild(
    query: PlainQuery,
    slot: number,
    start: number,
    messageBytes: number,
    how: Parameters<typeof rebuild>[3],
  ): number {
    this.#writer ??= new MessageWriter(MAX_REPLY_BYTES);
    const source = this.#batch.messageOffset(slot);
    const request = parseMessage(this.#batch.bytes.subarray(source, source + query.messageBytes));
    const { bytes } = this.#replies;
    const answer = MessageView.trusted(copyBytes(bytes, start, start + messageBytes));
    const reply = rebuild(this.#writer, request, answer, how);
    bytes.set(reply, start);
    return reply.length;
  }
}

/** The flags of the answer, and those that the query had. */
function replyFlags(query: PlainQuery, stored: number): number {
  return (query.wantsAuthentic ? stored : stored & ~FLAG_AD) | (query.flags & (FLAG_RD | FLAG_CD));
}
