/** What tests of directives need instead of a server: blocks, queries and outcomes. */
import type { CacheStore } from '../cache/store.ts';
import type { Key } from '../corefile/cursor.ts';
import type { HostPort } from '../corefile/values.ts';
import { HttpListeners } from '../observe/http-listeners.ts';
import type { Logger } from '../observe/logger.ts';
import { Metrics } from '../observe/metrics.ts';
import { fakeLog } from '../observe/testing.ts';
import type { Poller } from '../sys/poller.ts';
import { writeU16 } from '../wire/bytes.ts';
import { FLAG_QR, FLAG_RA, FLAG_RD, RCODE_SERVFAIL } from '../wire/header.ts';
import { nameFromText, nameToText, type WireName } from '../wire/name.ts';
import { parseRecord } from '../wire/presentation.ts';
import { CLASS_IN, TYPE_A, TYPE_OPT } from '../wire/types.ts';
import { type MessageView, parseMessage, SECTION_ADDITIONAL, SECTION_ANSWER, SECTION_AUTHORITY } from '../wire/view.ts';
import { MessageWriter } from '../wire/writer.ts';

import type {
  BackgroundQuery,
  Block,
  ChainWatcher,
  Clock,
  Configuration,
  Handler,
  ListenerSettings,
  MaybePromise,
  NodeClaim,
  Outcome,
  ProcessServices,
  Query,
  UpstreamWatcher,
} from './contract.ts';
import { newHitRules } from './hit-rules.ts';

export { fakeLog };

const UNIX_SECONDS_AT_0 = 1_700_000_000;

/** A clock that only the test moves; `unixSeconds` moves along. */
export class FakeClock implements Clock {
  #nowMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  unixSeconds(): number {
    return UNIX_SECONDS_AT_0 + Math.floor(this.#nowMs / 1000);
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }
}

export type FakeProcessOptions = {
  readonly cacheStore?: CacheStore;
  readonly poller?: Poller;
  readonly configuration?: Configuration;
};

/** The process of a fake block; blocks of one test may share it. Fatal texts are collected, and nothing ends. */
export class FakeProcess implements ProcessServices {
  readonly clock = new FakeClock();
  readonly metrics = new Metrics();
  readonly http = new HttpListeners();
  readonly #options: FakeProcessOptions;
  readonly fatals: string[] = [];
  shuttingDown = false;
  illness: string | undefined;

  constructor(options: FakeProcessOptions = {}) {
    this.#options = options;
  }

  get cacheStore(): CacheStore {
    return given(this.#options.cacheStore, 'cacheStore');
  }

  get poller(): Poller {
    return given(this.#options.poller, 'poller');
  }

  get configuration(): Configuration {
    return given(this.#options.configuration, 'configuration');
  }

  fatal(text: string): void {
    this.fatals.push(text);
  }
}

function given<Service>(service: Service | undefined, name: string): Service {
  if (service === undefined) throw new Error(`this test gave no ${name} to FakeProcess`);
  return service;
}

export type FakeBlockOptions = {
  readonly zones?: readonly string[];
  readonly port?: number;
  readonly servers?: readonly string[];
  readonly handlers?: readonly string[];
  readonly process?: FakeProcess;
};

type Step = () => MaybePromise<void>;

/** A block of which the test plays the server: it calls `start`, `serving`, `shutdown` and `stop`. */
export class FakeBlock implements Block {
  readonly keys: readonly Key[];
  readonly zones: readonly string[];
  readonly servers: readonly string[];
  readonly handlers: readonly string[];
  readonly listener: ListenerSettings = { addresses: [], debug: false, stacktrace: false };
  readonly hits = newHitRules();
  readonly process: FakeProcess;
  readonly log: Logger;
  /** What has been logged so far. */
  readonly lines: () => string[];
  /** Where HTTP is served. */
  readonly claims: HostPort[] = [];
  readonly nodeClaims: NodeClaim[] = [];
  readonly upstreamWatchers: UpstreamWatcher[] = [];
  readonly chainWatchers: ChainWatcher[] = [];
  readonly #steps = { start: [] as Step[], serving: [] as Step[], shutdown: [] as Step[], stop: [] as Step[] };

  constructor(options: FakeBlockOptions = {}) {
    const { zones = ['.'], port = 1053, servers = [`dns://:${port}`], handlers = [] } = options;
    const { log, lines } = fakeLog();
    this.keys = zones.map((zone) => {
      return { transport: 'dns', zone, port, token: { text: `${zone}:${port}`, file: 'Corefile', line: 1 } };
    });
    this.zones = zones;
    this.servers = servers;
    this.handlers = handlers;
    this.process = options.process ?? new FakeProcess();
    this.log = log;
    this.lines = lines;
  }

  watchUpstreams(watcher: UpstreamWatcher): void {
    this.upstreamWatchers.push(watcher);
  }

  watchChain(watcher: ChainWatcher): void {
    this.chainWatchers.push(watcher);
  }

  claimHttp(address: HostPort): void {
    this.claims.push(address);
  }

  claimNode(claim: NodeClaim): void {
    this.nodeClaims.push(claim);
  }

  onStart(start: Step): void {
    this.#steps.start.push(start);
  }

  onServing(serving: () => void): void {
    this.#steps.serving.push(serving);
  }

  onShutdown(shutdown: Step): void {
    this.#steps.shutdown.push(shutdown);
  }

  onStop(stop: Step): void {
    this.#steps.stop.push(stop);
  }

  async start(): Promise<void> {
    for (const step of this.#steps.start) await step();
  }

  serving(): void {
    for (const step of this.#steps.serving) step();
  }

  async shutdown(): Promise<void> {
    this.process.shuttingDown = true;
    for (const step of this.#steps.shutdown) await step();
  }

  async stop(): Promise<void> {
    for (const step of this.#steps.stop) await step();
  }
}

export function fakeBlock(options: FakeBlockOptions = {}): FakeBlock {
  return new FakeBlock(options);
}

export type FakeQueryOptions = {
  /** As the client spells it. */
  readonly qname?: string;
  readonly qtype?: number;
  readonly qclass?: number;
  readonly id?: number;
  /** The flags word of the header, opcode included; RD alone by default. */
  readonly flags?: number;
  /** Either of these makes the query carry an OPT record. */
  readonly udpPayloadBytes?: number;
  readonly dnssecOk?: boolean;
  readonly protocol?: 'udp' | 'tcp';
  readonly clientAddress?: string;
  readonly clientPort?: number;
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly server?: string;
  readonly receivedAtMs?: number;
  readonly isNested?: boolean;
  /** Whether the table of queries in flight has a place for it. */
  readonly admitted?: boolean;
  /** What the whole server has for other questions of this query; without it SERVFAIL. */
  readonly resolve?: Handler;
};

const DNSSEC_OK = 0x8000;
const DEFAULT_PAYLOAD_BYTES = 1232;
const OPT_PAYLOAD_OFFSET = 3; // Behind the root name and the type.

/** A query as the server would make it; tells what was asked of it. */
export class FakeQuery implements BackgroundQuery {
  readonly request: MessageView;
  readonly requestBytes: number;
  readonly hasOpt: boolean;
  readonly dnssecOk: boolean;
  udpPayloadBytes: number;
  readonly protocol: 'udp' | 'tcp';
  readonly family: 4 | 6;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly server: string;
  readonly receivedAtMs: number;
  readonly isNested: boolean;
  metadata = new Map<string, string>();
  readonly #options: FakeQueryOptions;
  #watchers: ((answer: Uint8Array) => void)[] = [];
  admitCount = 0;
  doneCount = 0;
  /** What its place in flight has been kept for. */
  readonly kept: Promise<unknown>[] = [];
  /** The background queries made of this one. */
  readonly backgrounds: FakeQuery[] = [];

  constructor(options: FakeQueryOptions, request = parseMessage(queryBytes(options))) {
    this.#options = options;
    this.request = request;
    this.requestBytes = this.request.bytes.length;
    this.hasOpt = this.request.opt !== undefined;
    this.dnssecOk = this.request.opt?.dnssecOk ?? false;
    this.udpPayloadBytes = this.request.opt?.udpPayloadBytes ?? 0;
    this.protocol = options.protocol ?? 'udp';
    this.clientAddress = options.clientAddress ?? '192.0.2.53';
    this.clientPort = options.clientPort ?? 40053;
    this.family = this.clientAddress.includes(':') ? 6 : 4;
    this.localAddress = options.localAddress ?? (this.family === 4 ? '127.0.0.1' : '::1');
    this.localPort = options.localPort ?? 1053;
    this.server = options.server ?? 'dns://:1053';
    this.receivedAtMs = options.receivedAtMs ?? 0;
    this.isNested = options.isNested ?? false;
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

  lowerUdpPayload(bytes: number): void {
    const { opt } = this.request;
    if (opt === undefined || this.udpPayloadBytes <= bytes) return;
    this.udpPayloadBytes = bytes;
    writeU16(this.request.bytes, opt.offset + OPT_PAYLOAD_OFFSET, bytes);
  }

  admit(): boolean {
    this.admitCount++;
    return this.#options.admitted ?? true;
  }

  keepPlace(until: Promise<unknown>): void {
    this.kept.push(until);
  }

  withRequest(request: MessageView): FakeQuery {
    const part = new FakeQuery(this.#options, request);
    part.metadata = this.metadata;
    part.#watchers = this.#watchers;
    return part;
  }

  async resolve(qname: WireName, qtype: number): Promise<Outcome> {
    const { qclass } = this;
    const query = new FakeQuery({ ...this.#options, qname: nameToText(qname, 0), qtype, qclass, isNested: true });
    return this.#options.resolve?.(query) ?? { response: undefined, rcode: RCODE_SERVFAIL, source: '' };
  }

  onAnswered(see: (answer: Uint8Array) => void): void {
    this.#watchers.push(see);
  }

  /** As the server does when it has sent the answer. */
  answered(answer: Uint8Array): void {
    for (const see of this.#watchers) see(answer);
  }

  background(protocol: 'udp' | 'tcp' = 'tcp'): FakeQuery {
    const background = new FakeQuery({ ...this.#options, protocol });
    this.backgrounds.push(background);
    return background;
  }

  done(): void {
    this.doneCount++;
  }
}

export function fakeQuery(options: FakeQueryOptions = {}): FakeQuery {
  return new FakeQuery(options);
}

function queryBytes(options: FakeQueryOptions): Uint8Array {
  const { qname = 'www.example.org.', qtype = TYPE_A, qclass = CLASS_IN, id = 4660, flags = FLAG_RD } = options;
  const { udpPayloadBytes, dnssecOk } = options;
  const name = nameFromText(qname);
  if (name === undefined) throw new Error(`not a name: ${qname}`);
  const hasOpt = udpPayloadBytes !== undefined || dnssecOk !== undefined;
  const header = words(id, flags, 1, 0, 0, hasOpt ? 1 : 0);
  const question = [...name, ...words(qtype, qclass)];
  const optFlags = dnssecOk === true ? DNSSEC_OK : 0;
  const opt = [0, ...words(TYPE_OPT, udpPayloadBytes ?? DEFAULT_PAYLOAD_BYTES, 0, optFlags, 0)];
  return Uint8Array.from([...header, ...question, ...(hasOpt ? opt : [])]);
}

/** 16-bit numbers as the bytes of a message. */
function words(...values: number[]): number[] {
  return values.flatMap((value) => [value >>> 8, value & 0xff]);
}

export type FakeReplyOptions = {
  /** QR, RD and RA by default; the rcode comes on top. */
  readonly flags?: number;
  readonly rcode?: number;
  /** Records as text: `www.example.org. 30 IN A 192.0.2.1`. */
  readonly answer?: readonly string[];
  readonly authority?: readonly string[];
  readonly additional?: readonly string[];
};

/** A reply to the query's question, without OPT. */
export function fakeReply(query: Query, options: FakeReplyOptions = {}): MessageView {
  const { flags = FLAG_QR | FLAG_RD | FLAG_RA, rcode = 0, answer = [], authority = [], additional = [] } = options;
  const writer = new MessageWriter();
  writer.start(query.request.id, flags | rcode);
  writer.copyQuestion(query.request);
  for (const text of answer) writer.record(SECTION_ANSWER, parseRecord(text));
  for (const text of authority) writer.record(SECTION_AUTHORITY, parseRecord(text));
  for (const text of additional) writer.record(SECTION_ADDITIONAL, parseRecord(text));
  return parseMessage(writer.finish());
}

/** The rest of a chain: always the same outcome, at once or in a promise; `queries` are those that came through. */
export function fakeNext(outcome: MaybePromise<Outcome>): Handler & { readonly queries: Query[] } {
  const queries: Query[] = [];
  const handler = (query: Query) => {
    queries.push(query);
    return outcome;
  };
  return Object.assign(handler, { queries });
}
