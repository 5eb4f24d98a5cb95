import type { Cursor } from '../../corefile/cursor.ts';
import { expectArgs, expectNoBody } from '../../corefile/values.ts';
import type { Block, Directive } from '../contract.ts';

/** Syntax: `debug` */
export function parse(cursor: Cursor): undefined {
  expectArgs(cursor, 0, 0);
  expectNoBody(cursor);
}

/** DEBUG lines for the whole process as long as this load lives, and no recovery from faults on this listener. */
function setup(_config: undefined, block: Block): undefined {
  block.listener.debug = true;
  block.onStop(block.log.holdDebug());
}

export const debug: Directive<undefined> = { name: 'debug', repeat: 'first', parse, setup };
