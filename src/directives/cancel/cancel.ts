import type { Cursor } from '../../corefile/cursor.ts';
import { durationText } from '../../corefile/duration.ts';
import { expectArgs, expectNoBody, parseDuration } from '../../corefile/values.ts';
import { RCODE_SERVFAIL } from '../../wire/header.ts';
import type { Directive, Handler, Outcome } from '../contract.ts';
import { within } from '../deadline.ts';

const NAME = 'cancel';
const DEFAULT_TIMEOUT_MS = 5001; // A client that waits for 5 s has gone by then.
const MAX_TIMEOUT_MS = 2 ** 31 - 1; // A timer takes no more.

export type CancelConfig = { readonly timeoutMs: number };

/** Syntax: `cancel [TIMEOUT]` */
export function parse(cursor: Cursor): CancelConfig {
  expectArgs(cursor, 0, 1);
  expectNoBody(cursor);
  const [timeout] = cursor.args;
  if (timeout === undefined) return { timeoutMs: DEFAULT_TIMEOUT_MS };
  const timeoutMs = parseDuration(cursor, timeout, { name: 'TIMEOUT' });
  if (timeoutMs <= 0) throw cursor.error(`TIMEOUT must be more than 0, got "${timeout.text}"`, timeout);
  return { timeoutMs: Math.min(timeoutMs, MAX_TIMEOUT_MS) };
}

/** Ends a query that takes too long; what is under way for it may still reach the cache. */
export const cancel: Directive<CancelConfig> = {
  name: NAME,
  repeat: 'last',
  parse,
  setup({ timeoutMs }, block) {
    const { metrics } = block.process;
    const help = 'Queries answered SERVFAIL because they took too long.';
    const cancelled = metrics.counter('nodens_cancelled_queries_total', help, ['server']);
    const error = new Error(`no answer within ${durationText(timeoutMs)}`);
    const late: Outcome = { response: undefined, rcode: RCODE_SERVFAIL, source: '', error };
    return (next: Handler) => (query) => {
      const outcome = next(query);
      if (!(outcome instanceof Promise)) return outcome;
      return within(timeoutMs, outcome).then((inTime) => {
        if (inTime !== undefined) return inTime;
        cancelled.labels(query.server).inc();
        query.keepPlace(outcome);
        return late;
      });
    };
  },
  allowHits: () => true, // They take no time.
};
