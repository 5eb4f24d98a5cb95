import type { Cursor } from '../../corefile/cursor.ts';
import { expectNoBody } from '../../corefile/values.ts';
import type { Directive } from '../contract.ts';

/** Syntax: `metadata [ZONES...]` */
export function parse(cursor: Cursor): undefined {
  expectNoBody(cursor);
}

/** Nothing is left to do for it: every query has metadata. */
export const metadata: Directive<undefined> = {
  name: 'metadata',
  repeat: 'once',
  parse,
  setup: () => undefined,
};
