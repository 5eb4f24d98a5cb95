import { readU32 } from '../wire/bytes.ts';
import { TYPE_OPT, TYPE_SOA } from '../wire/types.ts';
import type { MessageView } from '../wire/view.ts';
import type { ResponseClass } from './classify.ts';

/** For what has no TTL of its own: empty answers, errors, referrals. */
export const DEFAULT_TTL = 5;
const MAX_TTL = 0xffffffff;
/** Two names of at least one byte, then five numbers, the last of which is MINIMUM (RFC 1035 §3.3.13). */
const MIN_SOA_BYTES = 22;
const SOA_MINIMUM_BYTES = 4;

/** Seconds: what answers of one kind are kept for at least and at most. The most wins. */
export type TtlLimits = { readonly minTtl: number; readonly maxTtl: number };

/** How long a response may be kept: its lowest TTL within the limits. */
export function durationSeconds(view: MessageView, responseClass: ResponseClass, limits: TtlLimits): number {
  return Math.min(Math.max(lowestTtl(view, responseClass, limits.maxTtl), limits.minTtl), limits.maxTtl);
}

/** The lowest TTL of all records, at most `maxTtl`. */
function lowestTtl(view: MessageView, responseClass: ResponseClass, maxTtl: number): number {
  const isNegative = responseClass === 'nodata' || responseClass === 'nxdomain';
  if (responseClass !== 'success' && !isNegative) return DEFAULT_TTL;
  const { answerCount, authorityCount, recordCount } = view;
  const authorityEnd = answerCount + authorityCount;
  let lowest = maxTtl;
  let counted = 0;
  for (let i = 0; i < recordCount; i++) {
    const type = view.typeOf(i);
    if (type === TYPE_OPT) continue;
    counted++;
    lowest = Math.min(lowest, view.ttlOf(i)); // RFC 8767 §4: the highest bit is one of the number's.
    if (isNegative && type === TYPE_SOA && i >= answerCount && i < authorityEnd) {
      lowest = Math.min(lowest, soaMinimum(view, i));
    }
  }
  return counted === 0 ? DEFAULT_TTL : lowest;
}

/** RFC 2308 §5: how long the zone allows that something is said not to be there. */
function soaMinimum(view: MessageView, index: number): number {
  if (view.rdataLength(index) < MIN_SOA_BYTES) return MAX_TTL;
  return readU32(view.bytes, view.recordEnd(index) - SOA_MINIMUM_BYTES);
}
