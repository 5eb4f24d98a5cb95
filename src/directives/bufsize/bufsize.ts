import type { Cursor } from '../../corefile/cursor.ts';
import { expectArgs, expectNoBody, parseInteger } from '../../corefile/values.ts';
import type { Directive, Handler } from '../contract.ts';

const MIN_BYTES = 512; // RFC 1035 §4.2.1: every client can take this much.
const MAX_BYTES = 4096;
const DEFAULT_BYTES = 1232; // Fits an IPv6 packet of minimum MTU without fragments.

export type BufsizeConfig = { readonly maxPayloadBytes: number };

/** Syntax: `bufsize [SIZE]` */
export function parse(cursor: Cursor): BufsizeConfig {
  expectArgs(cursor, 0, 1);
  expectNoBody(cursor);
  const [size] = cursor.args;
  if (size === undefined) return { maxPayloadBytes: DEFAULT_BYTES };
  return { maxPayloadBytes: parseInteger(cursor, size, { name: 'SIZE', min: MIN_BYTES, max: MAX_BYTES }) };
}

/** Lowers the UDP payload size that a query offers to the cap; never raises it. */
function wrap({ maxPayloadBytes }: BufsizeConfig, next: Handler): Handler {
  return (query) => {
    if (query.udpPayloadBytes > maxPayloadBytes) query.lowerUdpPayload(maxPayloadBytes);
    return next(query);
  };
}

export const bufsize: Directive<BufsizeConfig> = {
  name: 'bufsize',
  repeat: 'first',
  parse,
  setup: (config) => (next) => wrap(config, next),
  allowHits({ maxPayloadBytes }, rules) {
    rules.maxUdpPayloadBytes = Math.min(rules.maxUdpPayloadBytes, maxPayloadBytes);
    return true;
  },
};
