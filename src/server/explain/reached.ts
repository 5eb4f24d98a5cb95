import type { Cursor } from '../../corefile/cursor.ts';
import { createUpstreams } from '../../directives/forward/forward.ts';
import { type ForwardConfig, parse } from '../../directives/forward/options.ts';
import type { Logger } from '../../observe/logger.ts';
import { Metrics } from '../../observe/metrics.ts';
import { Poller } from '../../sys/poller.ts';
import * as sockets from '../../sys/socket.ts';
import { TimerWheel } from '../../upstream/timer-wheel.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { MIN_UDP_PAYLOAD_BYTES } from '../../wire/edns.ts';
import { FLAG_RD, HEADER_BYTES, MAX_MESSAGE_BYTES, QUESTION_FIXED_BYTES, rcodeName } from '../../wire/header.ts';
import { MAX_NAME_BYTES, nameFromText } from '../../wire/name.ts';
import { CLASS_IN } from '../../wire/types.ts';
import { type MessageView, parseMessage } from '../../wire/view.ts';
import { MessageWriter } from '../../wire/writer.ts';
import { answersOf } from './answers.ts';

/** Resolvers of clients give up after 5 s. */
const TOTAL_MS = 4900;
const QUERY_BYTES = HEADER_BYTES + MAX_NAME_BYTES + QUESTION_FIXED_BYTES;

/** Whom a `forward` asks, and over what. */
export type Reached = { readonly upstream: string; readonly over: string };

/** What came back from an upstream. */
export type Asked = {
  readonly upstream: string;
  readonly over: string;
  readonly tookMs: number;
  /** `NOERROR`; undefined: there was no answer, for the reason in `error`. */
  readonly rcode?: string;
  /** The records of the answer section. */
  readonly answers?: readonly string[];
  readonly error?: string;
};

/** The upstreams of `forward` lines, outside of any server. */
export type Upstreams = {
  /** Throws ConfigError where the line's TOs cannot be upstreams. Those that are given by name are not looked up. */
  reached(line: Cursor): Reached[];
  /** Asks each of them; those that are given by name are looked up. Rejects with a ConfigError if that fails. */
  ask(line: Cursor, qname: string, qtype: number): Promise<Asked[]>;
  close(): void;
};

export function openUpstreams(log: Logger): Upstreams {
  const nowMs = () => performance.now();
  const poller = new Poller((error) => log.error(String(error)));
  const services = { system: sockets, poller, wheel: new TimerWheel(nowMs), nowMs, metrics: new Metrics(), log };
  const opened = new Map<Cursor, ReturnType<typeof open>>();
  const open = (line: Cursor) => {
    const config = parse(line);
    return { config, ...createUpstreams(config, services) };
  };
  const of = (line: Cursor) => {
    const known = opened.get(line) ?? open(line);
    opened.set(line, known);
    return known;
  };
  return {
    reached(line) {
      const { config, targets } = of(line);
      const named = targets.named.map(({ hostname, port, protocol }) => {
        return { upstream: `${hostname}:${port}`, over: `${transportOf(config, protocol)}, looked up at the start` };
      });
      return [...targets.endpoints.map((endpoint) => reachedOf(config, endpoint)), ...named];
    },
    async ask(line, qname, qtype) {
      const { config, targets, upstreams } = of(line);
      await targets.lookUp();
      return Promise.all(upstreams.upstreams.map((upstream) => askOne(upstream, config, queryFor(qname, qtype))));
    },
    close() {
      for (const { upstreams } of opened.values()) upstreams.retire();
    },
  };
}

/** As a client that asks over UDP would have it asked; what is cut it asks again over TCP. */
async function askOne(upstream: Upstream, config: ForwardConfig, request: MessageView): Promise<Asked> {
  const beganMs = performance.now();
  const usesTcp = config.forceTcp || upstream.endpoint.protocol !== 'dns';
  const { text } = upstream.endpoint;
  const over = transportOf(config, upstream.endpoint.protocol).replace(/,.*/, '');
  const tookMs = () => performance.now() - beganMs;
  try {
    const reply = await exchange(upstream, request, usesTcp ? 'tcp' : 'udp');
    if (usesTcp || !reply.tc) return { upstream: text, over, tookMs: tookMs(), ...contentOf(reply) };
    const whole = await exchange(upstream, request, 'tcp');
    return { upstream: text, over: `${over}, cut, and TCP`, tookMs: tookMs(), ...contentOf(whole) };
  } catch (error) {
    return { upstream: text, over, tookMs: tookMs(), error: error instanceof Error ? error.message : String(error) };
  }
}

function exchange(upstream: Upstream, request: MessageView, protocol: 'udp' | 'tcp'): Promise<MessageView> {
  return new Promise((resolve, reject) => {
    const nowMs = performance.now();
    const receiveLimitBytes = protocol === 'udp' ? MIN_UDP_PAYLOAD_BYTES : MAX_MESSAGE_BYTES;
    // The bytes belong to whoever reads the next answer.
    const asker = {
      onReply: (reply: MessageView) => resolve(parseMessage(Uint8Array.from(reply.bytes))),
      onFailure: reject,
    };
    upstream.exchange({ request, asker, receiveLimitBytes, deadlineMs: nowMs + TOTAL_MS, protocol }, nowMs);
  });
}

function contentOf(reply: MessageView): Pick<Asked, 'rcode' | 'answers'> {
  return { rcode: rcodeName(reply.extendedRcode), answers: answersOf(reply) };
}

function reachedOf(config: ForwardConfig, { text, protocol, serverName }: Upstream['endpoint']): Reached {
  const name = serverName ?? config.tlsServerName;
  const certificate = protocol === 'dns' || name === undefined ? '' : `, certificate for ${name}`;
  return { upstream: text, over: `${transportOf(config, protocol)}${certificate}` };
}

function transportOf({ forceTcp, preferUdp }: ForwardConfig, protocol: Upstream['endpoint']['protocol']): string {
  if (protocol !== 'dns') return protocol === 'tls' ? 'TLS' : 'HTTPS';
  if (forceTcp) return 'TCP';
  return preferUdp ? 'UDP, what is cut over TCP' : 'UDP, for clients that use TCP over TCP';
}

function queryFor(qname: string, qtype: number): MessageView {
  const name = nameFromText(qname);
  if (name === undefined) throw new Error(`not a domain name: "${qname}"`);
  const writer = new MessageWriter(QUERY_BYTES);
  writer.start(0, FLAG_RD);
  writer.question(name, qtype, CLASS_IN);
  return parseMessage(writer.finish());
}
