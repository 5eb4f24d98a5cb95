import type { BackgroundQuery, Query } from '../directives/contract.ts';
import { writeU16 } from '../wire/bytes.ts';
import { MIN_UDP_PAYLOAD_BYTES } from '../wire/edns.ts';
import { type MessageView, parseMessage } from '../wire/view.ts';
import type { Client } from './client.ts';
import type { InflightTable } from './inflight.ts';

const CLASS_TO_TTL_BYTES = 2; // In a record the class stands right before the TTL; in OPT the class is the payload size.
const MAX_UDP_BYTES = 65507; // Of a UDP datagram over IPv4, whatever the client offers.
const MAX_TCP_BYTES = 65535;

/** Where queries arrive. */
export type Arrival = {
  /** The listener's id. */
  readonly server: string;
  readonly inflight: InflightTable;
};

/** A query of a client. `request` must have been screened: one question, nothing malformed. */
export class ServerQuery implements Query {
  readonly request: MessageView;
  readonly client: Client;
  readonly receivedAtMs: number;
  readonly requestBytes: number;
  readonly protocol: 'udp' | 'tcp';
  readonly hasOpt: boolean;
  readonly dnssecOk: boolean;
  udpPayloadBytes: number;
  readonly #arrival: Arrival;
  #metadata: Map<string, string> | undefined;
  #admitted = false;

  constructor(
    request: MessageView,
    arrival: Arrival,
    client: Client,
    receivedAtMs: number,
    protocol: 'udp' | 'tcp' = client.protocol,
  ) {
    const opt = request.opt;
    this.request = request;
    this.client = client;
    this.receivedAtMs = receivedAtMs;
    this.requestBytes = request.bytes.length;
    this.protocol = protocol;
    this.hasOpt = opt !== undefined;
    this.dnssecOk = opt?.dnssecOk ?? false;
    this.udpPayloadBytes = opt?.udpPayloadBytes ?? 0;
    this.#arrival = arrival;
  }

  get qname(): string {
    return this.request.qnameLower;
  }

  get qtype(): number {
    return this.request.qtype;
  }

  get qclass(): number {
    return this.request.qclass;
  }

  get family(): 4 | 6 {
    return this.client.family;
  }

  get clientAddress(): string {
    return this.client.address;
  }

  get clientPort(): number {
    return this.client.port;
  }

  get localAddress(): string {
    return this.client.localAddress;
  }

  get localPort(): number {
    return this.client.localPort;
  }

  get server(): string {
    return this.#arrival.server;
  }

  get metadata(): Map<string, string> {
    this.#metadata ??= new Map();
    return this.#metadata;
  }

  /** The largest answer that the client can take, in bytes. */
  get answerLimitBytes(): number {
    if (this.protocol === 'tcp') return MAX_TCP_BYTES;
    return Math.min(Math.max(MIN_UDP_PAYLOAD_BYTES, this.udpPayloadBytes), MAX_UDP_BYTES);
  }

  lowerUdpPayload(bytes: number): void {
    const { request } = this;
    if (request.opt === undefined || this.udpPayloadBytes <= bytes) return;
    this.udpPayloadBytes = bytes;
    writeU16(request.bytes, request.ttlOffset(request.opt.index) - CLASS_TO_TTL_BYTES, bytes);
  }

  admit(): boolean {
    if (!this.#admitted) this.#admitted = this.#arrival.inflight.take();
    return this.#admitted;
  }

  /** Gives back the place in the table of queries in flight, if the query took one. */
  done(): void {
    if (!this.#admitted) return;
    this.#admitted = false;
    this.#arrival.inflight.release();
  }

  background(protocol: 'udp' | 'tcp' = 'tcp'): BackgroundQuery {
    const request = parseMessage(this.request.bytes.slice());
    return new ServerQuery(request, this.#arrival, this.client, this.receivedAtMs, protocol);
  }
}
