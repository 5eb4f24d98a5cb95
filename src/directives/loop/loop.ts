import { randomBytes } from 'node:crypto';
import type { Cursor } from '../../corefile/cursor.ts';
import { expectArgs, expectNoBody } from '../../corefile/values.ts';
import { hostPort, isWildcard } from '../../sys/socket.ts';
import { FLAG_RD } from '../../wire/header.ts';
import { nameFromText, ROOT_NAME } from '../../wire/name.ts';
import { CLASS_IN, TYPE_HINFO } from '../../wire/types.ts';
import { MessageWriter } from '../../wire/writer.ts';
import type { Block, Directive, Handler, Query } from '../contract.ts';
import { type ProbeTimes, sendUntilAnswered } from './probe.ts';

const NAME = 'loop';
const TIMES: ProbeTimes = { timeoutMs: 2000, retryMs: 1000, totalMs: 30_000 };
/** Our own query is the first sight; a resolver in between may repeat it once. */
const MAX_SIGHTS = 2;
const MESSAGE_BYTES = 512;
const ADVICE = 'see https://coredns.io/plugins/loop#troubleshooting';

/** Syntax: `loop` */
export function parse(cursor: Cursor): undefined {
  expectArgs(cursor, 0, 0);
  expectNoBody(cursor);
}

/**
 * Asks the own listener for a name that nobody else knows. If the query comes back, from an upstream that leads here, the
 * process ends: it would otherwise ask itself until it has eaten the node.
 */
export function detectLoop(block: Block, times: ProbeTimes) {
  const [zone] = block.zones;
  const qname = probeName(zone);
  const stopping = new AbortController();
  let looking = true;
  let sights = 0;

  block.onServing(async () => {
    const probe = {
      ...times,
      address: probeAddress(block.listener.addresses[0] ?? ''),
      port: block.keys[0].port,
      message: probeMessage(qname),
      onRetry: () => {
        sights = 0;
      },
    };
    await sendUntilAnswered(probe, stopping.signal);
    looking = false;
  });
  block.onStop(() => stopping.abort());

  const see = (query: Query) => {
    if (query.qname !== qname || ++sights <= MAX_SIGHTS) return;
    const client = hostPort(query.clientAddress, query.clientPort);
    const local = hostPort(query.localAddress, query.localPort);
    const found = `Loop (${client} -> ${local}) detected for zone "${zone}", ${ADVICE}. Query: "HINFO ${qname}"`;
    block.process.fatal(`plugin/${NAME}: ${found}`);
  };
  return (next: Handler): Handler =>
    (query) => {
      if (query.qtype === TYPE_HINFO && looking) see(query);
      return next(query);
    };
}

/** Two numbers of 63 bits before the zone. */
function probeName(zone: string): string {
  const number = () => randomBytes(8).readBigUInt64BE() >> 1n;
  return `${number()}.${number()}.${zone === '.' ? '' : zone}`;
}

function probeMessage(qname: string): Uint8Array {
  const writer = new MessageWriter(MESSAGE_BYTES);
  writer.start(randomBytes(2).readUInt16BE(), FLAG_RD);
  writer.question(nameFromText(qname) ?? ROOT_NAME, TYPE_HINFO, CLASS_IN);
  return writer.finish();
}

function probeAddress(address: string): string {
  return isWildcard(address) ? '127.0.0.1' : address;
}

export const loop: Directive<undefined> = {
  name: NAME,
  repeat: 'once',
  parse,
  setup: (_config, block) => detectLoop(block, TIMES),
};
