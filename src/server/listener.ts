import type { Clock, Outcome, ProcessServices } from '../directives/contract.ts';
import type { Logger } from '../observe/logger.ts';
import type { Counter, CounterFamily } from '../observe/metrics.ts';
import type { RequestMetrics } from '../observe/request-metrics.ts';
import { EDNS_VERSION } from '../wire/edns.ts';
import { RCODE_BADVERS, RCODE_REFUSED, RCODE_SERVFAIL } from '../wire/header.ts';
import { CLASS_IN } from '../wire/types.ts';
import type { RunningBlock } from './block.ts';
import type { Client, Receive } from './client.ts';
import { badVersion, finish } from './finish.ts';
import type { InflightTable } from './inflight.ts';
import { ServerQuery } from './query.ts';
import type { Responders, ServedListener } from './responder/responders.ts';
import type { RingReader } from './responder/ring.ts';
import { screen } from './screen.ts';
import { SelfQuery } from './self-query.ts';
import type { Target } from './targets.ts';
import { TcpListener } from './tcp-listener.ts';
import { UdpListener } from './udp-listener.ts';

const DEFAULT_READ_MS = 3_000;
const DEFAULT_IDLE_MS = 10_000;
const TCP_BACKLOG = 1024;

/** What all listeners of the process share. */
export type ListenerServices = {
  readonly process: ProcessServices;
  readonly log: Logger;
  readonly inflight: InflightTable;
  readonly requests: RequestMetrics;
  readonly panics: Counter;
  readonly maxTcpConnections: number;
  readonly rejectedConnections: Counter;
  readonly unsentReplies: Counter;
  readonly receiveDrops: CounterFamily;
  /** Without them all is answered here. */
  readonly responders: Responders | undefined;
};

/** The UDP and the TCP socket of one address and port. They outlive a reload; only what they serve is exchanged. */
export class Listener implements ServedListener {
  readonly id: number;
  readonly server: string;
  readonly inflight: InflightTable;
  readonly #services: ListenerServices;
  readonly #clock: Clock;
  readonly #udp: UdpListener;
  readonly #tcp: TcpListener;
  readonly #selfQuery: SelfQuery;
  #target: Target;
  #dropped = 0;
  #uncollect: (() => void) | undefined;

  /**
   * Opens the sockets; throws a SystemError, and leaves none open, if one cannot be had. An address that `mayComeLater`
   * need not be on the host.
   */
  constructor(target: Target, services: ListenerServices, mayComeLater = false) {
    const { address, port } = target;
    const receive: Receive = (message, client, arrivedAtMs) => this.#receive(message, client, arrivedAtMs);
    this.id = services.responders?.takeId() ?? 0;
    this.server = target.id;
    this.inflight = services.inflight;
    this.#services = services;
    this.#clock = services.process.clock;
    this.#target = target;
    this.#selfQuery = new SelfQuery(services.process.poller);
    this.#tcp = new TcpListener({
      address,
      port,
      mayComeLater,
      backlog: TCP_BACKLOG,
      maxConnections: services.maxTcpConnections,
      timeouts: timeoutsOf(target),
      maxQueries: target.maxTcpQueries,
      receive,
      onRejected: (clientPort) => {
        if (!this.#selfQuery.turnedAway(clientPort)) services.rejectedConnections.inc();
      },
    });
    try {
      this.#udp = new UdpListener({
        address,
        port: this.#tcp.port,
        mayComeLater,
        poller: services.process.poller,
        receive,
        onDropped: (count) => services.unsentReplies.inc(count),
        responderCount: services.responders?.count ?? 0,
      });
    } catch (error) {
      void this.#tcp.close({ graceMs: 0 });
      throw error;
    }
  }

  start(): void {
    this.#services.responders?.add(this);
    this.#uncollect = this.#services.process.metrics.beforeExposing(() => this.#collect());
    this.#udp.start();
    this.#tcp.start();
  }

  /** Of the UDP sockets, one for each responder. */
  get fds(): readonly number[] {
    return this.#udp.fds;
  }

  deliver(responder: number, reader: RingReader): void {
    this.#udp.deliver(responder, reader);
  }

  refresh(responder: number, reader: RingReader): void {
    this.#udp.deliver(responder, reader, (message, client) => {
      client.drop(); // It has its answer.
      this.#refresh(message, client);
    });
  }

  get target(): Target {
    return this.#target;
  }

  /** From now on queries are answered as the target says; those under way end as they began. */
  serve(target: Target): void {
    this.#target = target;
    this.#tcp.setTimeouts(timeoutsOf(target));
    this.#tcp.setMaxQueries(target.maxTcpQueries);
  }

  /** The port, also where the kernel chose it. */
  get port(): number {
    return this.#udp.port;
  }

  /** Whether all its sockets answer, within `deadlineMs`, and no other process in their place. */
  selfQuery(deadlineMs: number): Promise<boolean> {
    const { address } = this.#target;
    return this.#selfQuery.ask({ address, port: this.port }, this.fds.length, deadlineMs);
  }

  /** Connections from now on are ours to the rules of the node, or not. */
  mark(isOurs: boolean): void {
    this.#tcp.mark(isOurs);
  }

  /** Answers what has been taken and takes no more; what is not answered after `graceMs` is given up. */
  async close(graceMs: number): Promise<void> {
    const release = async () => (await this.#services.responders?.remove(this)) ?? true;
    this.#uncollect?.();
    this.#collect();
    await Promise.all([this.#udp.close({ graceMs, release }), this.#tcp.close({ graceMs })]);
  }

  /** Counts what the sockets had no room for. */
  #collect(): void {
    const dropped = this.#udp.droppedDatagrams;
    this.#services.receiveDrops.labels(this.server).inc((dropped - this.#dropped) >>> 0);
    this.#dropped = dropped;
  }

  #receive(message: Uint8Array, client: Client, arrivedAtMs = this.#clock.nowMs()): void {
    this.#selfQuery.arrived(message, client);
    const request = screen(message);
    if (request === undefined) client.drop();
    else if (request instanceof Uint8Array) client.send(request);
    else this.#serve(new ServerQuery(request, this, client, arrivedAtMs));
  }

  #refresh(message: Uint8Array, client: Client): void {
    const request = screen(message);
    if (request === undefined || request instanceof Uint8Array) return;
    const query = new ServerQuery(request, this, client, this.#clock.nowMs());
    const found = findBlock(query, this.#target);
    if (typeof found === 'number') return;
    const { cache, maxUdpPayloadBytes } = found.hits;
    query.lowerUdpPayload(maxUdpPayloadBytes);
    cache?.refresh(query);
  }

  #serve(query: ServerQuery): void {
    const target = this.#target;
    const found = findBlock(query, target);
    if (typeof found === 'number') this.#reject(query, found);
    else this.#run(found, query, target);
  }

  /** What its block's chain makes of a query that is a part of another one. */
  async resolve(query: ServerQuery): Promise<Outcome> {
    const target = this.#target;
    const found = findBlock(query, target);
    if (typeof found === 'number') return { response: undefined, rcode: found, source: '' };
    found.load.enter();
    try {
      return await found.handler(query);
    } catch (error) {
      this.#report(error, target);
      return { response: undefined, rcode: RCODE_SERVFAIL, source: '', error: new Error('a fault of the server') };
    } finally {
      found.load.leave();
    }
  }

  /** Sends the query through its block's chain. Most hits come back at once; the others are waited for. */
  #run(block: RunningBlock, query: ServerQuery, target: Target): void {
    try {
      const outcome = block.handler(query);
      if (outcome instanceof Promise) this.#await(outcome, block, query, target);
      else this.#answer(query, outcome);
    } catch (error) {
      this.#recover(error, query, target);
    }
  }

  #await(outcome: Promise<Outcome>, block: RunningBlock, query: ServerQuery, target: Target): void {
    block.load.enter();
    outcome
      .then((late) => this.#answer(query, late))
      .catch((error) => this.#recover(error, query, target))
      .finally(() => block.load.leave());
  }

  #answer(query: ServerQuery, outcome: Outcome): void {
    query.done();
    if (outcome.drop === true) query.client.drop();
    else this.#send(query, finish(query, outcome));
  }

  #send(query: ServerQuery, answer: Uint8Array): void {
    query.client.send(answer);
    query.answered(answer);
  }

  /** An answer that no chain has given. */
  #reject(query: ServerQuery, rcode: number): void {
    if (rcode === RCODE_BADVERS) {
      query.client.send(badVersion(query.request));
      return;
    }
    const reply = finish(query, { response: undefined, rcode, source: '' });
    this.#services.requests.countDropped(query, rcode, reply.length);
    this.#send(query, reply);
  }

  /** A fault of ours costs this one query its answer; under `debug` it ends the process, to be looked at. */
  #recover(error: unknown, query: ServerQuery, target: Target): void {
    query.done();
    this.#report(error, target);
    this.#reject(query, RCODE_SERVFAIL);
  }

  #report(error: unknown, target: Target): void {
    const text =
      error instanceof Error ? ((target.stacktrace ? error.stack : undefined) ?? error.message) : String(error);
    if (target.debug) this.#services.process.fatal(text);
    this.#services.panics.inc();
    this.#services.log.error(`Recovered from panic in server: "${target.id}" ${text}`);
  }
}

/** The block that the query belongs to, or the rcode to refuse it with. */
function findBlock(query: ServerQuery, target: Target): RunningBlock | number {
  const { request } = query;
  if (request.questionCount === 0) return RCODE_SERVFAIL;
  if (request.qclass !== CLASS_IN && !target.anyClass) return RCODE_REFUSED;
  if (request.opt !== undefined && request.opt.version !== EDNS_VERSION) return RCODE_BADVERS;
  const block = target.router.route(query.qname, query.qtype);
  return block === undefined || block.handlers.length === 0 ? RCODE_REFUSED : block;
}

function timeoutsOf(target: Target): { readMs: number; idleMs: number } {
  return { readMs: target.readMs ?? DEFAULT_READ_MS, idleMs: target.idleMs ?? DEFAULT_IDLE_MS };
}
