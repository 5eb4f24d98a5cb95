import util from 'node:util';
import { EAGAIN, ECONNREFUSED } from '../sys/errno.ts';
import { copyBytes, readU16, writeU16 } from '../wire/bytes.ts';
import { HEADER_BYTES, ID_OFFSET, MAX_MESSAGE_BYTES } from '../wire/header.ts';
import { parseMessage } from '../wire/view.ts';
import type { Endpoint } from './endpoint.ts';
import { type Exchange, type Holder, type OnStray, PendingTable } from './exchange.ts';
import { fitOf, isReadable, lacksData, truncatedReply } from './reply.ts';
import type { Timed, TimerWheel } from './timer-wheel.ts';

/** The system's connected UDP sockets: `src/sys/socket.ts`. Failures of `send` and `receive` are negative errnos. */
export interface UdpSystem {
  connectUdp(address: string, port: number, options: { readonly sourceAddress?: string | undefined }): number;
  send(fd: number, bytes: Uint8Array): number;
  receive(fd: number, buffer: Uint8Array): number;
  close(fd: number): void;
  localText(fd: number): string;
}

export interface ReadablePoller {
  add(fd: number, onReadable: () => void): void;
  remove(fd: number): void;
}

export type UdpServices = {
  readonly system: UdpSystem;
  readonly poller: ReadablePoller;
  readonly wheel: TimerWheel;
  readonly nowMs: () => number;
};

export type UdpSocketOptions = {
  /** Queries leave from this address; by default from that which the routing table says. */
  readonly sourceAddress?: string | undefined;
  readonly readTimeoutMs: number;
  /** A socket that nobody has used for so long is closed. */
  readonly idleMs: number;
  /** How many queries it carries, and until when: then the next ones leave from another port. */
  readonly maxQueries: number;
  readonly retireAtMs: number;
  readonly onStray: OnStray;
  readonly onClosed: (socket: UdpSocket) => void;
};

/** Datagrams read in one go before other work gets its turn. */
const MAX_READS_PER_TURN = 64;
/** So many datagrams that answer nothing look like somebody guessing ids; late answers alone do not come to this. */
const MAX_STRAYS = 64;

/** Shared by all sockets: the kernel copies what is sent, and we what is received before anything else runs. */
const sendBuffer = new Uint8Array(MAX_MESSAGE_BYTES);
const receiveBuffer = new Uint8Array(MAX_MESSAGE_BYTES);

/**
 * One connected UDP socket to one upstream: the kernel drops datagrams of any other source, and reports that nobody
 * listens there. Many queries are in flight on it, told apart by their ids.
 */
export class UdpSocket implements Holder, Timed {
  readonly #fd: number;
  readonly #endpoint: Endpoint;
  readonly #services: UdpServices;
  readonly #options: UdpSocketOptions;
  readonly #pending = new PendingTable();
  #queryCount = 0;
  #strayCount = 0;
  #lastUsedMs: number;
  #retired = false;
  #closed = false;
  dueAtMs = 0;
  wheelSlot = -1;
  wheelPrevious: Timed | undefined;
  wheelNext: Timed | undefined;

  /** Throws SystemError if there is no way to the upstream. */
  constructor(endpoint: Endpoint, services: UdpServices, options: UdpSocketOptions) {
    this.#endpoint = endpoint;
    this.#services = services;
    this.#options = options;
    const { sourceAddress } = options;
    this.#fd = services.system.connectUdp(endpoint.address, endpoint.port, { sourceAddress });
    this.#lastUsedMs = services.nowMs();
    services.poller.add(this.#fd, () => this.#onReadable());
    services.wheel.add(this, this.#lastUsedMs + options.idleMs);
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  /** Whether further queries may be sent from it. */
  isUsable(nowMs: number): boolean {
    return !this.#retired && this.#queryCount < this.#options.maxQueries && nowMs < this.#options.retireAtMs;
  }

  ask(exchange: Exchange, nowMs: number): void {
    const { bytes } = exchange.request;
    this.#queryCount++;
    this.#lastUsedMs = nowMs;
    this.#pending.add(exchange);
    exchange.holder = this;
    exchange.sentAtMs = nowMs;
    this.#services.wheel.add(exchange, Math.min(nowMs + this.#options.readTimeoutMs, exchange.deadlineMs));
    sendBuffer.set(bytes);
    writeU16(sendBuffer, ID_OFFSET, exchange.id);
    const sent = this.#services.system.send(this.#fd, sendBuffer.subarray(0, bytes.length));
    // Refused was one that had been sent before; whatever else there is concerns this one.
    if (sent === -ECONNREFUSED) this.#failAll('write', -sent);
    else if (sent < 0) this.#fail(exchange, this.#error('write', errorText('write', -sent)));
  }

  /** Closes it once what is in flight has been answered. */
  retire(): void {
    this.#retired = true;
    if (this.#pending.size === 0) this.#close();
  }

  /** Closes it at once; what is in flight fails. */
  abort(): void {
    const error = this.#error('read', 'use of closed network connection');
    for (const exchange of this.#pending.takeAll()) this.#fail(exchange, error);
    this.#close();
  }

  onTimeout(exchange: Exchange): void {
    this.#fail(exchange, this.#error('read', 'i/o timeout'));
  }

  /** Nobody may have used it for a while. */
  onDue(nowMs: number): void {
    const idleUntilMs = this.#lastUsedMs + this.#options.idleMs;
    if (this.#pending.size === 0 && nowMs >= idleUntilMs) this.#close();
    else this.#services.wheel.add(this, Math.max(idleUntilMs, nowMs + 1));
  }

  #onReadable(): void {
    for (let i = 0; i < MAX_READS_PER_TURN && !this.#closed; i++) {
      const length = this.#services.system.receive(this.#fd, receiveBuffer);
      if (length === -EAGAIN) return;
      if (length < 0) this.#failAll('read', -length);
      else this.#onDatagram(length);
      // Nothing more is expected: do not ask the kernel once more only to hear so.
      if (this.#pending.size === 0) return;
    }
  }

  #onDatagram(length: number): void {
    const exchange = length < HEADER_BYTES ? undefined : this.#pending.find(readU16(receiveBuffer, ID_OFFSET));
    const fit = exchange === undefined ? 'stray' : fitOf(exchange, receiveBuffer, length);
    if (exchange === undefined || fit === 'stray') {
      this.#options.onStray(receiveBuffer.subarray(0, length), exchange);
      if (++this.#strayCount >= MAX_STRAYS) this.retire();
      return;
    }
    const reply = parseMessage(copyBytes(receiveBuffer, 0, length));
    const { headerSuffices, receiveLimitBytes, request } = exchange;
    const isCut = !headerSuffices && (fit === 'cut' || length > receiveLimitBytes || lacksData(reply));
    if (isCut || headerSuffices || isReadable(reply)) {
      this.#settle(exchange);
      exchange.asker.onReply(isCut ? truncatedReply(request, reply.bytes) : reply);
    } else {
      this.#fail(exchange, this.#error('read', 'malformed reply'));
    }
  }

  /** An error of the socket concerns everything in flight on it: nobody listens there, or no way leads there (ICMP). */
  #failAll(operation: 'read' | 'write', errno: number): void {
    const error = this.#error(operation, errorText(operation, errno));
    this.#retired = true;
    for (const exchange of this.#pending.takeAll()) this.#fail(exchange, error);
    this.#close();
  }

  #fail(exchange: Exchange, error: Error): void {
    this.#settle(exchange);
    exchange.asker.onFailure(error);
  }

  #settle(exchange: Exchange): void {
    this.#pending.delete(exchange);
    this.#services.wheel.remove(exchange);
    exchange.holder = undefined;
    if (this.#retired && this.#pending.size === 0) this.#close();
  }

  #error(operation: 'read' | 'write', text: string): Error {
    const local = this.#closed ? '' : this.#services.system.localText(this.#fd);
    return new Error(`${operation} udp ${local}->${this.#endpoint.text}: ${text}`);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#retired = true;
    this.#services.wheel.remove(this);
    this.#services.poller.remove(this.#fd);
    this.#services.system.close(this.#fd);
    this.#options.onClosed(this);
  }
}

function errorText(operation: string, errno: number): string {
  return `${operation}: ${util.getSystemErrorMessage(-errno)}`;
}
