import net from 'node:net';
import { createTlsContext } from '../../upstream/tls-context.ts';
import { writeU16 } from '../../wire/bytes.ts';
import { MessageView } from '../../wire/view.ts';
import type { Block, Clock, Directive, Handler, Query, UpstreamAttempt } from '../contract.ts';
import { Collector, type CollectorAddress } from './collector.ts';
import { type DnstapConfig, parse } from './options.ts';
import { type Encode, payloadEncoder, type TapMessage } from './payload.ts';

const NAME = 'dnstap';
/** Messages are some hundred bytes, and few of them a whole packet. */
const BYTES_PER_MESSAGE = 512;

/** Sends what clients and upstreams are asked and answer to a collector. */
function setup(config: DnstapConfig, block: Block) {
  const dropped = block.process.metrics.counter(
    'nodens_dnstap_dropped_total',
    'Messages that were not sent to a collector of dnstap because too many were waiting for it.',
    ['endpoint'],
  );
  const collector = new Collector({
    address: addressOf(config),
    name: config.name,
    maxCount: config.queueCount,
    maxBytes: config.queueCount * BYTES_PER_MESSAGE,
    writeBufferBytes: config.writeBufferMib * 2 ** 20,
    log: block.log.plugin(NAME),
    dropped: dropped.labels(config.name),
  });
  block.onStart(() => collector.start());
  block.onStop(() => collector.stop());
  const tap = new Tap(config, block.process.clock, (payload) => collector.put(payload));
  block.watchUpstreams((attempt) => tap.attempt(attempt));
  return (next: Handler): Handler =>
    (query) => {
      // A question of our own has no client; what upstreams are asked for its sake is told nevertheless.
      if (!query.isNested) tap.client(query);
      return next(query);
    };
}

function addressOf({ endpoint, skipVerify }: DnstapConfig): CollectorAddress {
  if (endpoint.kind === 'unix') return { path: endpoint.path };
  const { host, port } = endpoint;
  if (endpoint.kind === 'tcp') return { host, port };
  const servername = net.isIP(host) === 0 ? host : '';
  return { host, port, tls: { secureContext: createTlsContext({}), servername, rejectUnauthorized: !skipVerify } };
}

/** What a query and its attempts are to a collector. */
class Tap {
  readonly #config: DnstapConfig;
  readonly #clock: Clock;
  readonly #encode: Encode;
  readonly #put: (payload: Uint8Array) => void;

  constructor(config: DnstapConfig, clock: Clock, put: (payload: Uint8Array) => void) {
    this.#config = config;
    this.#clock = clock;
    this.#encode = payloadEncoder(config.identity, config.version);
    this.#put = put;
  }

  /** Tells of the query now, and of its answer when it is sent. */
  client(query: Query): void {
    const { protocol, receivedAtMs } = query;
    const common = {
      protocol,
      query: { address: query.clientAddress, port: query.clientPort },
      response: { address: query.localAddress, port: query.localPort },
      queryUnixMs: this.#unixMs(receivedAtMs),
    };
    this.#send({ ...common, type: 'clientQuery', queryMessage: this.#bytes(query.request) }, query);
    query.onAnswered((answer) => {
      const responseMessage = this.#config.full ? answer : undefined;
      const responseUnixMs = this.#unixMs(this.#clock.nowMs());
      const view = MessageView.trusted(answer);
      this.#send({ ...common, type: 'clientResponse', responseUnixMs, responseMessage }, query, view);
    });
  }

  attempt({ query, endpoint, protocol, startedAtMs, endedAtMs, reply }: UpstreamAttempt): void {
    const { address, port } = endpoint;
    const common = { protocol, response: { address, port }, queryUnixMs: this.#unixMs(startedAtMs) };
    this.#send({ ...common, type: 'forwarderQuery', queryMessage: this.#asked(query.request, reply) }, query);
    if (reply === undefined) return;
    const responseUnixMs = this.#unixMs(endedAtMs);
    const responseMessage = this.#bytes(reply);
    this.#send({ ...common, type: 'forwarderResponse', responseUnixMs, responseMessage }, query, reply);
  }

  #send(message: TapMessage, query: Query, response?: MessageView): void {
    this.#put(this.#encode(message, this.#extraOf(query, response)));
  }

  #extraOf(query: Query, response: MessageView | undefined): string | undefined {
    const { extra } = this.#config;
    if (extra === undefined) return undefined;
    const outcome = response && { response, rcode: response.extendedRcode, source: NAME };
    return extra(query, outcome, this.#clock.nowMs() - query.receivedAtMs);
  }

  #bytes({ bytes }: MessageView): Uint8Array | undefined {
    return this.#config.full ? bytes : undefined;
  }

  /** As it was on the wire, where it had an id of its own: that of its reply. */
  #asked(request: MessageView, reply: MessageView | undefined): Uint8Array | undefined {
    if (!this.#config.full || reply === undefined) return this.#bytes(request);
    const bytes = request.bytes.slice();
    writeU16(bytes, 0, reply.id);
    return bytes;
  }

  #unixMs(atMs: number): number {
    return Date.now() - (this.#clock.nowMs() - atMs);
  }
}

export const dnstap: Directive<DnstapConfig> = { name: NAME, repeat: 'each', parse, setup };
