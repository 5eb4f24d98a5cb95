import type { Endpoint } from './endpoint.ts';
import type { Exchange, OnStray } from './exchange.ts';
import { randomU16, shortened } from './random.ts';
import { type UdpServices, UdpSocket } from './udp-socket.ts';

/**
 * How hard a reply is to forge for somebody who cannot see the queries (RFC 5452). A query has 16 random bits of id and
 * leaves from a port that the kernel took at random, over its range of 28,232 another 14.8 bits; as many ports are in use
 * as queries are under way, up to eight. So one forged datagram hits one time in 1.8 × 10⁹, and only within the
 * milliseconds that the query waits; those who share answers (the cache) have one query in flight for each question, so
 * more guesses at once do not help.
 *
 * Ports that stay could be found out. So each carries at most 128 queries (64 to 128, at random) and no longer than 5 s;
 * to scan the range takes 28 s at the rate of ICMP errors that kernels allow (1,000 a second). Under load one query in
 * about 96 pays for opening a socket, and each socket is a flow in conntrack's table where that watches: a port for each
 * query would cost both every time.
 */
const SLOT_COUNT = 8;
const MAX_QUERIES = 128;
const MAX_QUERIES_SPREAD = 0.5;
const MAX_AGE_MS = 5000;
const MAX_AGE_SPREAD = 0.5;

export type UdpPoolOptions = {
  readonly sourceAddress?: string | undefined;
  readonly readTimeoutMs: number;
  readonly idleMs: number;
  /** Sockets are not used for longer; 0 is no limit but the pool's own. */
  readonly maxAgeMs: number;
  /** Sockets kept for further queries; 0 is no limit but the pool's own. */
  readonly maxIdle: number;
  readonly onStray: OnStray;
  /** Whether a query could be sent from a socket that was open already. */
  readonly onTake: (reused: boolean) => void;
};

/** The UDP sockets to one upstream. */
export class UdpPool {
  readonly #endpoint: Endpoint;
  readonly #services: UdpServices;
  readonly #options: UdpPoolOptions;
  readonly #slots: (UdpSocket | undefined)[];
  /** All that are open, also those that only wait for their last answers. */
  readonly #open = new Set<UdpSocket>();
  #retired = false;

  constructor(endpoint: Endpoint, services: UdpServices, options: UdpPoolOptions) {
    this.#endpoint = endpoint;
    this.#services = services;
    this.#options = options;
    const slotCount = options.maxIdle === 0 ? SLOT_COUNT : Math.min(SLOT_COUNT, options.maxIdle);
    this.#slots = new Array(slotCount).fill(undefined);
  }

  /** Sockets open. */
  get size(): number {
    return this.#open.size;
  }

  exchange(exchange: Exchange, nowMs: number): void {
    const slot = this.#slotFor(nowMs);
    let socket = this.#slots[slot];
    const reused = socket?.isUsable(nowMs) ?? false;
    this.#options.onTake(reused);
    if (socket === undefined || !reused) {
      socket?.retire();
      try {
        socket = this.#openSocket(nowMs);
      } catch (error) {
        this.#slots[slot] = undefined;
        const reason = error instanceof Error ? error.message : String(error);
        exchange.asker.onFailure(new Error(`dial udp ${this.#endpoint.text}: ${reason}`, { cause: error }));
        return;
      }
      this.#slots[slot] = socket;
    }
    socket.ask(exchange, nowMs);
    if (this.#retired) socket.retire();
  }

  /** Closes each socket once its last query is answered; what is asked from now on gets a socket of its own. */
  retire(): void {
    this.#retired = true;
    for (const socket of this.#open) socket.retire();
  }

  /** Of a socket with nothing in flight; else one where a socket can be opened; else any. */
  #slotFor(nowMs: number): number {
    const count = this.#slots.length;
    const first = randomU16() % count;
    let empty = -1;
    for (let i = 0; i < count; i++) {
      const slot = (first + i) % count;
      const socket = this.#slots[slot];
      const isUsable = socket?.isUsable(nowMs) ?? false;
      if (isUsable && socket?.inFlight === 0) return slot;
      if (!isUsable) empty = slot;
    }
    return empty === -1 ? first : empty;
  }

  #openSocket(nowMs: number): UdpSocket {
    const { sourceAddress, readTimeoutMs, idleMs, maxAgeMs, onStray } = this.#options;
    const ageMs = maxAgeMs === 0 ? MAX_AGE_MS : Math.min(MAX_AGE_MS, maxAgeMs);
    const socket = new UdpSocket(this.#endpoint, this.#services, {
      sourceAddress,
      readTimeoutMs,
      idleMs,
      maxQueries: shortened(MAX_QUERIES, MAX_QUERIES_SPREAD),
      retireAtMs: nowMs + shortened(ageMs, MAX_AGE_SPREAD),
      onStray,
      onClosed: (closed) => this.#open.delete(closed),
    });
    this.#open.add(socket);
    return socket;
  }
}
