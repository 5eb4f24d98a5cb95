import type { BackgroundQuery, Outcome, Query } from '../directives/contract.ts';
import { writeU16 } from '../wire/bytes.ts';
import { MIN_UDP_PAYLOAD_BYTES } from '../wire/edns.ts';
import { FLAG_AD, FLAG_CD, FLAG_RD, RCODE_SERVFAIL } from '../wire/header.ts';
import type { WireName } from '../wire/name.ts';
import { type MessageView, parseMessage } from '../wire/view.ts';
import { MessageWriter } from '../wire/writer.ts';
import type { Client } from './client.ts';
import type { InflightTable } from './inflight.ts';

const CLASS_TO_TTL_BYTES = 2; // In a record the class stands right before the TTL; in OPT the class is the payload size.
const MAX_UDP_BYTES = 65507; // Of a UDP datagram over IPv4, whatever the client offers.
const MAX_TCP_BYTES = 65535;
/** Of questions that lead to each other, such as a CNAME of a template whose target has another one. */
const MAX_DEPTH = 8;
/** Of questions that one query leads to, at any depth. */
const MAX_QUESTIONS = 32;
const QUERY_BYTES = 512; // A question and an OPT without options.
const NO_OPTIONS = new Uint8Array();

const writer = new MessageWriter(QUERY_BYTES);

/** Where queries arrive. */
export type Arrival = {
  /** The listener's id. */
  readonly server: string;
  readonly inflight: InflightTable;
  /** What comes of a query that no client waits for. Never rejects. */
  resolve(query: ServerQuery): Promise<Outcome>;
};

/** A query of a client. `request` must have been screened: one question, nothing malformed. */
export class ServerQuery implements Query {
  readonly request: MessageView;
  readonly client: Client;
  readonly receivedAtMs: number;
  requestBytes: number;
  readonly protocol: 'udp' | 'tcp';
  readonly hasOpt: boolean;
  readonly dnssecOk: boolean;
  udpPayloadBytes: number;
  readonly #arrival: Arrival;
  #metadata: Map<string, string> | undefined;
  #admitted = false;
  #isDone = false;
  /** What still works for it though it is done. */
  #keepers = 0;
  #watchers: ((answer: Uint8Array) => void)[] | undefined;
  /** The query of the client that this one is a part of: it has the metadata and the place in flight. */
  #root: ServerQuery = this;
  /** How many questions have led to this one. */
  #depth = 0;
  /** How many have been asked on behalf of it. */
  #questions = 0;

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

  get isNested(): boolean {
    return this.#depth > 0;
  }

  get metadata(): Map<string, string> {
    this.#root.#metadata ??= new Map();
    return this.#root.#metadata;
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
    const root = this.#root;
    if (!root.#admitted) root.#admitted = root.#arrival.inflight.take();
    return root.#admitted;
  }

  keepPlace(until: Promise<unknown>): void {
    const root = this.#root;
    root.#keepers++;
    const end = () => {
      root.#keepers--;
      root.#release();
    };
    until.then(end, end);
  }

  /** Gives back the place in the table of queries in flight, if the query took one and nothing keeps it. */
  done(): void {
    this.#isDone = true;
    this.#release();
  }

  #release(): void {
    if (!this.#admitted || !this.#isDone || this.#keepers > 0) return;
    this.#admitted = false;
    this.#arrival.inflight.release();
  }

  withRequest(request: MessageView): ServerQuery {
    return this.#part(request, this.#depth);
  }

  resolve(qname: WireName, qtype: number): Promise<Outcome> {
    if (this.#depth === MAX_DEPTH) return tooMany(`more than ${MAX_DEPTH} questions lead to each other`);
    if (this.#root.#questions++ >= MAX_QUESTIONS) return tooMany(`it leads to more than ${MAX_QUESTIONS} questions`);
    const { request, qclass } = this;
    writer.start(request.id, request.flags & (FLAG_RD | FLAG_AD | FLAG_CD));
    writer.question(qname, qtype, qclass);
    const { udpPayloadBytes } = this;
    const { opt } = request;
    if (opt !== undefined)
      writer.opt({ version: 0, flags: opt.flags, udpPayloadBytes, extendedRcodeBits: 0, options: NO_OPTIONS });
    return this.#arrival.resolve(this.#part(parseMessage(writer.finish()), this.#depth + 1));
  }

  #part(request: MessageView, depth: number): ServerQuery {
    const { requestBytes, client, receivedAtMs, protocol } = this;
    const part = new ServerQuery(request, this.#arrival, client, receivedAtMs, protocol);
    part.requestBytes = requestBytes;
    part.#root = this.#root;
    part.#depth = depth;
    return part;
  }

  onAnswered(see: (answer: Uint8Array) => void): void {
    const root = this.#root;
    root.#watchers ??= [];
    root.#watchers.push(see);
  }

  /** To be called when the client has been sent its answer. */
  answered(answer: Uint8Array): void {
    if (this.#watchers === undefined) return;
    for (const see of this.#watchers) see(answer);
  }

  background(protocol: 'udp' | 'tcp' = 'tcp'): BackgroundQuery {
    const request = parseMessage(this.request.bytes.slice());
    return new ServerQuery(request, this.#arrival, this.client, this.receivedAtMs, protocol);
  }
}

function tooMany(reason: string): Promise<Outcome> {
  return Promise.resolve({ response: undefined, rcode: RCODE_SERVFAIL, source: '', error: new Error(reason) });
}
