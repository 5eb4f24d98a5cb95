import type tls from 'node:tls';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { hostPort } from '../sys/socket.ts';
import type { MessageView } from '../wire/view.ts';
import type { OpenChannel } from './channel.ts';
import { Dialer } from './dialer.ts';
import type { Endpoint } from './endpoint.ts';
import { type Asker, Exchange, type ExchangeFields, type OnStray } from './exchange.ts';
import { Health, type HealthOptions } from './health.ts';
import { hexDump } from './hex-dump.ts';
import { type HttpsMethod, httpsChannel } from './https-channel.ts';
import { probeStream, probeUdp } from './probe.ts';
import { StreamPool } from './stream-pool.ts';
import { TcpChannel } from './tcp-channel.ts';
import { UdpPool } from './udp-pool.ts';
import type { UdpServices } from './udp-socket.ts';
import { UpstreamMetrics, type WireProtocol } from './upstream-metrics.ts';

export type UpstreamServices = UdpServices & { readonly metrics: Metrics; readonly log: Logger };

export type UpstreamOptions = {
  /** The metrics' label `proxy_name`. */
  readonly proxyName: string;
  readonly readTimeoutMs: number;
  readonly idleMs: number;
  /** 0: the pools' own limits. */
  readonly maxAgeMs: number;
  readonly maxIdle: number;
  readonly health: HealthOptions;
  /** Health checks go over TCP, since queries do. */
  readonly probeOverTcp: boolean;
  /** For endpoints over HTTPS. */
  readonly httpsMethod?: HttpsMethod | undefined;
  /** For endpoints with TLS: what to connect with, and the name of the certificate. */
  readonly tlsContext?: tls.SecureContext | undefined;
  readonly tlsServerName?: string | undefined;
  /** Everything leaves from this address; by default from that which the routing table says. */
  readonly sourceAddress?: string | undefined;
};

/** What queries go over that do not go over UDP. */
const STREAM_PROTOCOLS = { dns: 'tcp', tls: 'tcp-tls', https: 'https' } as const;

/** What one attempt to get an answer needs to know; `udp` is TLS or HTTPS for an upstream with that. */
export type Attempt = ExchangeFields & { readonly protocol: 'udp' | 'tcp' };

/** One server to ask: its connections, its health, its metrics. */
export class Upstream {
  readonly endpoint: Endpoint;
  readonly #options: UpstreamOptions;
  readonly #services: UpstreamServices;
  readonly #metrics: UpstreamMetrics;
  readonly #dialer: Dialer;
  readonly #openChannel: OpenChannel;
  readonly #health: Health;
  #udp: UdpPool | undefined;
  #stream: StreamPool | undefined;
  #isRetired = false;

  constructor(endpoint: Endpoint, options: UpstreamOptions, services: UpstreamServices) {
    this.endpoint = endpoint;
    this.#options = options;
    this.#services = services;
    this.#metrics = new UpstreamMetrics(services.metrics, options.proxyName, endpoint.text);
    this.#dialer = new Dialer(endpoint, {
      tlsContext: endpoint.protocol === 'dns' ? undefined : options.tlsContext,
      serverName: options.tlsServerName,
      sourceAddress: options.sourceAddress,
    });
    this.#openChannel = openChannelOf(endpoint, options);
    this.#health = new Health(options.health, {
      probe: (question, asker) => this.#probe(question, asker),
      onFailed: () => this.#metrics.failedProbes.inc(),
    });
  }

  /** So many health checks in a row have failed that others should be asked. */
  get isDown(): boolean {
    return this.#health.isDown;
  }

  /** Sockets and connections open. */
  get openCount(): number {
    return (this.#udp?.size ?? 0) + (this.#stream?.size ?? 0);
  }

  exchange(attempt: Attempt, nowMs: number): void {
    const exchange = new Exchange(attempt);
    if (attempt.protocol === 'udp' && this.endpoint.protocol === 'dns') this.#udpPool().exchange(exchange, nowMs);
    else this.#streamPool().exchange(exchange, nowMs);
  }

  /** To be called with each answer, for the metrics; `tookMs` since it was asked. */
  answered(rcode: number, tookMs: number): void {
    this.#metrics.observe(rcode, tookMs);
  }

  /** To be called when an exchange has failed: looks whether the upstream is alive. */
  failed(): void {
    if (!this.#isRetired) this.#health.check();
  }

  /**
   * Closes everything as soon as nothing is in flight on it. It can still be asked by those who have not heard yet, and
   * closes what that opens as well.
   */
  retire(): void {
    this.#isRetired = true;
    this.#health.stop();
    this.#udp?.retire();
    this.#stream?.retire();
  }

  /** Who looks for what is wrong with an upstream wants to see the answers to questions that nobody had asked. */
  readonly #onStray: OnStray = (message, exchange) => {
    const { log } = this.#services;
    this.#metrics.strays.inc();
    if (exchange === undefined || !log.isDebug) return;
    const { id, qname, qtype } = exchange.request;
    log.debug(`Wrong reply for id: ${id}, ${qname} ${qtype}\n${hexDump(message)}`);
  };

  #udpPool(): UdpPool {
    if (this.#udp === undefined) {
      this.#udp = new UdpPool(this.endpoint, this.#services, this.#poolOptions('udp'));
      if (this.#isRetired) this.#udp.retire();
    }
    return this.#udp;
  }

  #streamPool(): StreamPool {
    if (this.#stream === undefined) {
      const options = {
        openChannel: this.#openChannel,
        ...this.#poolOptions(STREAM_PROTOCOLS[this.endpoint.protocol]),
      };
      this.#stream = new StreamPool(this.#dialer, this.endpoint.text, { ...this.#services, ...options });
      if (this.#isRetired) this.#stream.retire();
    }
    return this.#stream;
  }

  #poolOptions(protocol: WireProtocol) {
    const { sourceAddress, readTimeoutMs, idleMs, maxAgeMs, maxIdle } = this.#options;
    const onTake = this.#metrics.takes(protocol);
    return { sourceAddress, readTimeoutMs, idleMs, maxAgeMs, maxIdle, onStray: this.#onStray, onTake };
  }

  #probe(question: MessageView, asker: Asker): () => void {
    const services = { ...this.#services, onStray: this.#onStray };
    if (this.endpoint.protocol !== 'dns' || this.#options.probeOverTcp) {
      const { endpoint } = this;
      return probeStream(question, asker, { ...services, openChannel: this.#openChannel }, this.#dialer, endpoint);
    }
    return probeUdp(question, asker, services, this.endpoint, this.#options.sourceAddress);
  }
}

function openChannelOf(endpoint: Endpoint, { tlsServerName, httpsMethod = 'POST' }: UpstreamOptions): OpenChannel {
  if (endpoint.protocol !== 'https') return (socket, events) => new TcpChannel(socket, events);
  const { address, port } = endpoint;
  return httpsChannel(hostPort(endpoint.serverName ?? tlsServerName ?? address, port), httpsMethod);
}
