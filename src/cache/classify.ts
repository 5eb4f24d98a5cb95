import {
  OPCODE_NOTIFY,
  OPCODE_UPDATE,
  RCODE_NOERROR,
  RCODE_NOTIMP,
  RCODE_NXDOMAIN,
  RCODE_SERVFAIL,
} from '../wire/header.ts';
import { rrsigValidityPeriod, secondsUntil } from '../wire/rrsig.ts';
import { TYPE_AXFR, TYPE_IXFR, TYPE_NS, TYPE_RRSIG, TYPE_SOA } from '../wire/types.ts';
import type { MessageView } from '../wire/view.ts';
import { answersQuestion } from './answers.ts';

export type ResponseClass =
  | 'success'
  | 'nodata'
  | 'nxdomain'
  | 'delegation'
  | 'serverError'
  | 'otherError'
  | 'meta'
  | 'update';

/**
 * What a response is, as CoreDNS sees it. An answer that ends in a CNAME is `nodata` if it has a SOA record, and
 * otherwise `success`; whether it may be cached is another question (`isCacheable`).
 *
 * `nowSeconds` (since 1970) is for the signatures: one that is not valid makes the response an `otherError`.
 */
export function classify(view: MessageView, nowSeconds: number): ResponseClass {
  const { opcode, qtype } = view;
  if (opcode === OPCODE_UPDATE) return 'update';
  if (opcode === OPCODE_NOTIFY || qtype === TYPE_AXFR || qtype === TYPE_IXFR) return 'meta';
  if (view.opt?.dnssecOk && hasInvalidSignature(view, nowSeconds)) return 'otherError';
  switch (view.extendedRcode) {
    case RCODE_NOERROR:
      return classifyNoError(view);
    case RCODE_NXDOMAIN:
      // Answer records belong to another name than the one that does not exist: too odd to be kept.
      return view.answerCount > 0 ? 'otherError' : 'nxdomain';
    case RCODE_SERVFAIL:
    case RCODE_NOTIMP:
      return 'serverError';
    default:
      return 'otherError';
  }
}

function classifyNoError(view: MessageView): ResponseClass {
  const hasSoa = authorityHas(view, TYPE_SOA);
  if (view.answerCount > 0) return hasSoa && !answersQuestion(view) ? 'nodata' : 'success';
  if (hasSoa) return 'nodata';
  return authorityHas(view, TYPE_NS) ? 'delegation' : 'success';
}

/** Whether a complete response to the question asked may be kept at all. */
export function isCacheable(view: MessageView, responseClass: ResponseClass): boolean {
  switch (responseClass) {
    case 'success':
      // A chain that leads nowhere tells neither that there are such records nor, without SOA, that there are none.
      return view.answerCount === 0 || answersQuestion(view);
    case 'nxdomain':
      return authorityHas(view, TYPE_SOA);
    case 'nodata':
    case 'delegation':
    case 'serverError':
      return true;
    default:
      return false;
  }
}

function authorityHas(view: MessageView, type: number): boolean {
  const start = view.answerCount;
  const end = start + view.authorityCount;
  for (let i = start; i < end; i++) if (view.typeOf(i) === type) return true;
  return false;
}

function hasInvalidSignature(view: MessageView, nowSeconds: number): boolean {
  const { recordCount } = view;
  for (let i = 0; i < recordCount; i++) {
    if (view.typeOf(i) !== TYPE_RRSIG) continue;
    const period = rrsigValidityPeriod(view, i);
    if (period === undefined) return true;
    if (secondsUntil(period.inception, nowSeconds) > 0 || secondsUntil(period.expiration, nowSeconds) < 0) return true;
  }
  return false;
}
