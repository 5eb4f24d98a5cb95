import type { Cursor } from '../../corefile/cursor.ts';
import { expectArgs, expectNoBody } from '../../corefile/values.ts';
import { characterString } from '../../wire/character-string.ts';
import { RCODE_NOERROR } from '../../wire/header.ts';
import { TYPE_ANY, TYPE_HINFO } from '../../wire/types.ts';
import type { Directive, Handler, Outcome, Query } from '../contract.ts';
import { askedName, localReply } from '../local-reply.ts';

const NAME = 'any';
const TTL = 8482; // The number of the RFC that says what to answer (§4.2).
const RDATA = Buffer.concat([characterString('ANY obsoleted'), characterString('See RFC 8482')]);

/** Syntax: `any` */
export function parse(cursor: Cursor): undefined {
  expectArgs(cursor, 0, 0);
  expectNoBody(cursor);
}

function answer(query: Query): Outcome {
  const record = { owner: askedName(query), type: TYPE_HINFO, class: query.qclass, ttl: TTL, rdata: RDATA };
  const response = localReply(query, { answers: [record], isAuthoritative: false });
  return { response, rcode: RCODE_NOERROR, source: NAME };
}

/** Answers who asks for all types with one record that says why not. */
export const any: Directive<undefined> = {
  name: NAME,
  repeat: 'first',
  parse,
  setup: () => (next: Handler) => (query) => (query.qtype === TYPE_ANY ? answer(query) : next(query)),
  allowHits: () => true, // No answer to ANY ever comes to the cache.
};
