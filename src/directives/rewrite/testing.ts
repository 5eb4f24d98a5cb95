/** Rules with a made-up rest of the chain, for their tests; what comes of them is read by dns-packet. */
import dnsPacket, { type Answer, type OptAnswer } from 'dns-packet';
import { cursorOf } from '../../corefile/testing.ts';
import { typeName } from '../../wire/types.ts';
import type { Handler, Outcome, Query } from '../contract.ts';
import { type FakeQueryOptions, type FakeReplyOptions, fakeBlock, fakeQuery, fakeReply } from '../testing.ts';
import { rewrite } from './rewrite.ts';

/** The rules of so many directives. */
export function rulesOf(...directives: string[]) {
  return { rules: directives.flatMap((text) => rewrite.parse(cursorOf(text), []).rules) };
}

/** What the rest of the chain says: a reply, or whatever a handler makes of the query. */
export type Below = FakeReplyOptions | Handler;

/** What there is to see of a query that went through rules. */
export type Seen = {
  /** What the directives below were asked: `www.example.org. A`, with the class if it is not IN. */
  readonly asked: readonly string[];
  readonly outcome: Outcome;
  readonly question: string;
  /** Records as `NAME TTL TYPE DATA`. */
  readonly answers: readonly string[];
  readonly authorities: readonly string[];
  readonly additionals: readonly string[];
  /** Options of the OPT, `CODE:HEX`; undefined without OPT. */
  readonly options: readonly string[] | undefined;
  readonly queries: readonly Query[];
  readonly lines: readonly string[];
};

/** Sends a query through rules. */
export async function through(
  directives: readonly string[],
  query: FakeQueryOptions & { readonly lookUp?: Handler },
  below: Below = {},
): Promise<Seen> {
  const block = fakeBlock();
  const wrap = rewrite.setup(rulesOf(...directives), block);
  if (wrap === undefined) throw new Error('rewrite handles no queries');
  const queries: Query[] = [];
  const handler = wrap((part) => {
    queries.push(part);
    return typeof below === 'function' ? below(part) : replied(part, below);
  });
  const { lookUp, ...options } = query;
  const outcome = await handler(fakeQuery({ ...options, ...(lookUp && { resolve: lookUp }) }));
  return { ...read(outcome), outcome, queries, asked: queries.map(questionText), lines: block.lines() };
}

/** An outcome with such a reply. */
export function replied(query: Query, options: FakeReplyOptions): Outcome {
  const response = fakeReply(query, options);
  return { response, rcode: response.rcode, source: 'forward' };
}

export function questionText({ request, qtype, qclass }: Query): string {
  return `${request.qname} ${qclass === 1 ? '' : `${qclass} `}${typeName(qtype)}`;
}

function read({ response }: Outcome) {
  if (response === undefined)
    return { question: '', answers: [], authorities: [], additionals: [], options: undefined };
  const {
    questions = [],
    answers = [],
    authorities = [],
    additionals = [],
  } = dnsPacket.decode(Buffer.from(response.bytes));
  const opt = additionals.find((record): record is OptAnswer => record.type === 'OPT');
  const [question] = questions;
  return {
    question: `${question.name} ${question.class === 'IN' ? '' : `${question.class} `}${question.type}`,
    answers: answers.map(recordText),
    authorities: authorities.map(recordText),
    additionals: additionals.filter(({ type }) => type !== 'OPT').map(recordText),
    options: opt?.options.map(({ code, data }) => `${code}:${Buffer.from(data ?? []).toString('hex')}`),
  };
}

function recordText(record: Answer): string {
  const data = 'data' in record ? record.data : '';
  const text = typeof data === 'object' && !Buffer.isBuffer(data) ? Object.values(data).join(' ') : String(data);
  return `${record.name} ${'ttl' in record ? record.ttl : 0} ${record.type} ${text}`;
}

/** The options that a query has when it comes to the directives below. */
export function optionsOf(query: Query): string[] | undefined {
  const { additionals = [] } = dnsPacket.decode(Buffer.from(query.request.bytes));
  const opt = additionals.find((record): record is OptAnswer => record.type === 'OPT');
  return opt?.options.map(({ code, data }) => `${code}:${Buffer.from(data ?? []).toString('hex')}`);
}
