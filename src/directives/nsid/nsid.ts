import { hostname } from 'node:os';
import type { Cursor } from '../../corefile/cursor.ts';
import { expectNoBody } from '../../corefile/values.ts';
import { eachOption, OPTION_NSID } from '../../wire/edns.ts';
import { after } from '../after.ts';
import type { Directive, Handler, Outcome, Query } from '../contract.ts';

/** What is put on an answer must leave room for the answer in 512 bytes. */
const MAX_BYTES = 128;

export type NsidConfig = { readonly data: Uint8Array };

/** Syntax: `nsid [DATA...]` */
export function parse(cursor: Cursor): NsidConfig {
  expectNoBody(cursor);
  const text = cursor.args.map((token) => token.text).join(' ') || hostname();
  const data = Buffer.from(text, 'utf8');
  if (data.length <= MAX_BYTES) return { data };
  throw cursor.error(`DATA must have at most ${MAX_BYTES} bytes, got ${data.length}`, cursor.args[0]);
}

function asksForIt({ request: { bytes, opt } }: Query): boolean {
  if (opt === undefined) return false;
  let asks = false;
  eachOption(bytes, opt.optionsOffset, opt.optionsLength, (code) => {
    if (code === OPTION_NSID) asks = true;
  });
  return asks;
}

/** Says which server it is, to those who ask (RFC 5001). */
export const nsid: Directive<NsidConfig> = {
  name: 'nsid',
  repeat: 'once',
  parse,
  setup({ data }) {
    const signed = (outcome: Outcome): Outcome => ({ ...outcome, nsid: data });
    return (next: Handler) => (query) => (asksForIt(query) ? after(next(query), signed) : next(query));
  },
  allowHits: () => true, // Queries with an option come through the chain anyway.
};
