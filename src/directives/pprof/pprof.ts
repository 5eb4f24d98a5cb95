import type { Cursor } from '../../corefile/cursor.ts';
import {
  expectArgs,
  expectNoBody,
  type HostPort,
  parseHostPort,
  parseInteger,
  unknownProperty,
} from '../../corefile/values.ts';
import type { Directive } from '../contract.ts';
import { serveHttp } from '../serve-http.ts';
import { profileRoutes } from './routes.ts';

const NAME = 'pprof';
const DEFAULT_ADDRESS: HostPort = { host: 'localhost', port: 6053 };

export type PprofConfig = { readonly address: HostPort };

/** Syntax: `pprof [HOST:PORT] { block [RATE] }` */
export function parse(cursor: Cursor): PprofConfig {
  expectArgs(cursor, 0, 1);
  for (const property of cursor.body) checkBlock(property);
  const [address] = cursor.args;
  return { address: address === undefined ? DEFAULT_ADDRESS : parseHostPort(cursor, address) };
}

/** Go's profile of goroutines that wait for each other: there is nothing like it here. */
function checkBlock(property: Cursor): void {
  if (property.name.text !== 'block') throw unknownProperty(property, ['block']);
  expectArgs(property, 0, 1);
  expectNoBody(property);
  const [rate] = property.args;
  if (rate !== undefined) parseInteger(property, rate);
}

export const pprof: Directive<PprofConfig> = {
  name: NAME,
  repeat: 'once',
  parse,
  setup({ address }, block) {
    const stopped = new AbortController();
    block.onStop(() => stopped.abort(new Error('the configuration has been replaced, or the process ends')));
    serveHttp(block, address, profileRoutes(stopped.signal));
    return undefined;
  },
};
