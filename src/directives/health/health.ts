import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cursor } from '../../corefile/cursor.ts';
import { durationText } from '../../corefile/duration.ts';
import {
  expectArgs,
  expectNoBody,
  type HostPort,
  parseDuration,
  parseHostPort,
  unknownProperty,
} from '../../corefile/values.ts';
import { respond } from '../../observe/http-listeners.ts';
import { SLIM_BUCKETS } from '../../observe/metrics.ts';
import { hostPort, isWildcard } from '../../sys/socket.ts';
import type { Block, Directive } from '../contract.ts';
import { serveHttp } from '../serve-http.ts';
import { repeatSelfCheck, type SelfCheck } from './self-check.ts';

const NAME = 'health';
const PATH = '/health';
const DEFAULT_ADDRESS: HostPort = { host: '', port: 8080 };

export type HealthConfig = {
  readonly address?: HostPort;
  readonly lameduckMs?: number;
};

/** Syntax: `health [HOST:PORT] { lameduck DURATION }` */
export function parse(cursor: Cursor): HealthConfig {
  expectArgs(cursor, 0, 1);
  const config: { -readonly [Field in keyof HealthConfig]: HealthConfig[Field] } = {};
  const [address] = cursor.args;
  if (address !== undefined) config.address = parseHostPort(cursor, address);
  for (const property of cursor.body) {
    if (property.name.text !== 'lameduck') throw unknownProperty(property, ['lameduck']);
    expectArgs(property, 1, 1);
    expectNoBody(property);
    config.lameduckMs = parseDuration(property, property.args[0], { minMs: 0 });
  }
  return config;
}

/** Of several in one block the last that sets something counts. */
function merge(configs: readonly HealthConfig[]): HealthConfig {
  return Object.assign({}, ...configs);
}

function setup({ address = DEFAULT_ADDRESS, lameduckMs = 0 }: HealthConfig, block: Block): undefined {
  serveHttp(block, address, new Map([[PATH, (_request, response) => answer(response, block.process.illness)]]));
  if (lameduckMs > 0) {
    block.onShutdown(async () => {
      block.log.plugin(NAME).info(`Going into lameduck mode for ${durationText(lameduckMs)}`);
      await sleep(lameduckMs);
    });
  }
  const check = selfCheck(address, block);
  let stop: (() => void) | undefined;
  block.onServing(() => {
    stop = repeatSelfCheck(check);
  });
  block.onStop(() => stop?.());
}

function answer(response: ServerResponse, illness: string | undefined): void {
  if (illness === undefined) respond(response, 200, 'OK');
  else respond(response, 503, illness);
}

function selfCheck({ host, port }: HostPort, block: Block): SelfCheck {
  const { clock, metrics } = block.process;
  const failuresHelp = 'Requests to the own health endpoint that failed.';
  const durationHelp = 'Time that requests to the own health endpoint took in seconds.';
  return {
    host: isWildcard(host) || host === 'localhost' ? '127.0.0.1' : host,
    port,
    path: PATH,
    url: `http://${hostPort(host === '' ? 'localhost' : host, port)}${PATH}`,
    failures: metrics.counter('coredns_health_request_failures_total', failuresHelp).labels(),
    duration: metrics.histogram('coredns_health_request_duration_seconds', durationHelp, [], SLIM_BUCKETS).labels(),
    clock,
    log: block.log.plugin(NAME),
  };
}

export const health: Directive<HealthConfig> = { name: NAME, repeat: merge, parse, setup };
