/** What a scripted upstream can do with a query: the right thing, late, or one of the wrong ones. */
import { setTimeout as sleep } from 'node:timers/promises';
import { encode } from 'dns-packet';
import { buildOpt, encodeName, FLAGS, numbers16, type QueryParts, RCODES } from '../support/message.ts';
import { parseRecord } from '../support/records.ts';
import type { Behaviour, UpstreamQuery } from './scripted-upstream.ts';

const HEADER_BYTES = 12;
const OPCODE_BITS = 0x7800;

export type ReplyParts = {
  readonly rcode?: string;
  /** AA, TC, RA, AD, CD bits; RA unless told. QR and the query's opcode and RD come by themselves. */
  readonly flags?: number;
  /** Lines like `www.example.org 300 A 192.0.2.1`. */
  readonly answers?: readonly string[];
  readonly authorities?: readonly string[];
  readonly additionals?: readonly string[];
  readonly edns?: QueryParts['edns'];
};

/** Answers, with the query's id and question. */
export function reply(parts: ReplyParts): Behaviour {
  return ({ query, send }) => send(buildReply(query, parts));
}

/** Answers with these records. */
export function answer(...answers: string[]): Behaviour {
  return reply({ answers });
}

/** Says nothing. */
export const drop: Behaviour = () => undefined;

export function delayed(delayMs: number, behaviour: Behaviour): Behaviour {
  return async (exchange) => {
    await sleep(delayMs, undefined, { ref: false });
    await behaviour(exchange);
  };
}

/** The first query gets the first behaviour, the second the second; the last one stays. */
export function inTurn(...behaviours: Behaviour[]): Behaviour {
  let count = 0;
  return (exchange) => behaviours[Math.min(count++, behaviours.length - 1)](exchange);
}

/** All of them, for each query: a forgery first, then the right answer. */
export function all(...behaviours: Behaviour[]): Behaviour {
  return async (exchange) => {
    for (const behaviour of behaviours) await behaviour(exchange);
  };
}

export type Hold = { readonly behaviour: Behaviour; readonly held: number; release(): void };

/** Keeps queries waiting until released. */
export function hold(behaviour: Behaviour): Hold {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  let held = 0;
  return {
    get held() {
      return held;
    },
    release,
    behaviour: async (exchange) => {
      held++;
      await released;
      await behaviour(exchange);
    },
  };
}

export function wrongId(parts: ReplyParts): Behaviour {
  return ({ query, send }) => {
    const message = buildReply(query, parts);
    message.writeUInt16BE(query.id ^ 0x5555, 0);
    send(message);
  };
}

/** The right id, but about another name. */
export function wrongQuestion(parts: ReplyParts): Behaviour {
  const question = Buffer.concat([encodeName('forged.example.org'), numbers16(1, 1)]);
  return ({ query, send }) => send(buildReply(query, parts, question));
}

/** The right message, from a port that nobody asked. */
export function wrongSource(parts: ReplyParts): Behaviour {
  return ({ query, sendFromElsewhere }) => sendFromElsewhere(buildReply(query, parts));
}

/** TC over UDP, with whatever records; the whole answer over TCP. */
export function truncatedOverUdp(parts: ReplyParts, partial: readonly string[] = []): Behaviour {
  return ({ query, send }) => {
    const cut = { ...parts, flags: FLAGS.RA | FLAGS.TC, answers: partial };
    send(buildReply(query, query.protocol === 'udp' ? cut : parts));
  };
}

/** The right id, then noise. */
export const garbage: Behaviour = ({ query, send }) => {
  send(Buffer.concat([numbers16(query.id, FLAGS.QR), Buffer.alloc(40, 0xff)]));
};

/** Over TCP, half of the answer, then the end. */
export function closeMidMessage(parts: ReplyParts): Behaviour {
  return ({ query, breakOff }) => {
    const message = buildReply(query, parts);
    breakOff(Buffer.concat([numbers16(message.length), message.subarray(0, message.length >> 1)]));
  };
}

/** Over TCP, the end without a word. */
export const closeAtOnce: Behaviour = ({ breakOff }) => breakOff(Buffer.alloc(0));

export function buildReply(query: UpstreamQuery, parts: ReplyParts, question = questionOf(query)): Buffer {
  const { rcode = 'NOERROR', flags = FLAGS.RA, answers = [], authorities = [], additionals = [], edns } = parts;
  // dns-packet writes names without compression, so that the question may be put before its records afterwards.
  const records = encode({
    answers: answers.map(parseRecord),
    authorities: authorities.map(parseRecord),
    additionals: additionals.map(parseRecord),
  });
  const counts = [answers.length, authorities.length, additionals.length + (edns ? 1 : 0)];
  const bits = FLAGS.QR | (query.flags & (OPCODE_BITS | FLAGS.RD)) | flags | rcodeNumber(rcode);
  const opt = edns ? [buildOpt(edns)] : [];
  return Buffer.concat([numbers16(query.id, bits, 1, ...counts), question, records.subarray(HEADER_BYTES), ...opt]);
}

function rcodeNumber(rcode: string): number {
  const number = RCODES.indexOf(rcode);
  if (number < 0) throw new Error(`unknown rcode ${rcode}`);
  return number;
}

function questionOf({ bytes }: UpstreamQuery): Buffer {
  let offset = HEADER_BYTES;
  while (bytes[offset] !== 0) offset += bytes[offset] + 1;
  return bytes.subarray(HEADER_BYTES, offset + 5);
}
