import type { Cursor } from '../../corefile/cursor.ts';
import { expectArgs, expectNoBody, type HostPort, parseHostPort, unknownProperty } from '../../corefile/values.ts';
import { respond } from '../../observe/http-listeners.ts';
import type { Block, Directive } from '../contract.ts';
import { serveHttp } from '../serve-http.ts';

const NAME = 'ready';
const PATH = '/ready';
const DEFAULT_ADDRESS: HostPort = { host: '', port: 8181 };
const MONITORS = ['until-ready', 'continuously'];

export type ReadyConfig = { readonly address: HostPort };

/** Syntax: `ready [HOST:PORT] { monitor until-ready|continuously }` */
export function parse(cursor: Cursor): ReadyConfig {
  expectArgs(cursor, 0, 1);
  for (const property of cursor.body) checkMonitor(property);
  const [address] = cursor.args;
  return { address: address === undefined ? DEFAULT_ADDRESS : parseHostPort(cursor, address) };
}

/** What is asked about, the listeners, answers once and for all: both ways of monitoring come to the same. */
function checkMonitor(property: Cursor): void {
  if (property.name.text !== 'monitor') throw unknownProperty(property, ['monitor']);
  expectArgs(property, 1, 1);
  expectNoBody(property);
  const [mode] = property.args;
  if (MONITORS.includes(mode.text)) return;
  throw property.error(`monitor must be ${MONITORS.join(' or ')}, got "${mode.text}"`, mode);
}

/** Ready while the listeners of this load answer and the process has not been told to end. */
function setup({ address }: ReadyConfig, block: Block): undefined {
  let serving = false;
  block.onServing(() => {
    serving = true;
  });
  const handler = (_request: unknown, response: Parameters<typeof respond>[0]) => {
    if (block.process.shuttingDown) respond(response, 503, 'Shutting down');
    else if (!serving) respond(response, 503, [...block.servers].sort().join());
    else respond(response, 200, 'OK');
  };
  serveHttp(block, address, new Map([[PATH, handler]]));
}

export const ready: Directive<ReadyConfig> = { name: NAME, repeat: 'once', parse, setup };
