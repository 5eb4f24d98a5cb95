/**
 * What a directive, a query and a server block are to each other. Types alone: the server implements them, directives
 * use them, and neither imports the other.
 */
import type { Stores } from '../cache/lookup.ts';
import type { CacheStore } from '../cache/store.ts';
import type { Cursor, Key } from '../corefile/cursor.ts';
import type { HostPort } from '../corefile/values.ts';
import type { HttpListeners } from '../observe/http-listeners.ts';
import type { Logger } from '../observe/logger.ts';
import type { Counter, Metrics } from '../observe/metrics.ts';
import type { Poller } from '../sys/poller.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { WireName } from '../wire/name.ts';
import type { MessageView } from '../wire/view.ts';

export type MaybePromise<T> = T | Promise<T>;

/** One question of one client on its way through a block's chain. */
export interface Query {
  /** The query as the directives below shall see it; its bytes belong to the query and may be patched by a directive. */
  readonly request: MessageView;
  /** Lower-case presentation text with final dot: what zones and names are matched against. */
  readonly qname: string;
  readonly qtype: number;
  readonly qclass: number;
  /** Size of the client's query in bytes, as it arrived. */
  readonly requestBytes: number;
  /** EDNS: whether the query has an OPT record, its DO bit, and the UDP payload size it offers (0 without OPT). */
  readonly hasOpt: boolean;
  readonly dnssecOk: boolean;
  readonly udpPayloadBytes: number;
  readonly protocol: 'udp' | 'tcp';
  readonly family: 4 | 6;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** The listener's id, which is the metrics' label `server`: `dns://127.0.0.1:53`, unbound `dns://:53`. */
  readonly server: string;
  /** When it arrived, on `Clock.nowMs`. */
  readonly receivedAtMs: number;
  /** Asked on behalf of another query (`resolve`), which waits for it: it must not wait for any other in turn. */
  readonly isNested: boolean;
  /** Values that directives leave for `log` and others: `forward/upstream`. */
  readonly metadata: Map<string, string>;

  /** Lowers the UDP payload size that the query offers, for the upstream, for truncation and in the OPT sent back. */
  lowerUdpPayload(bytes: number): void;

  /**
   * Takes a place in the bounded table of queries in flight, once per query; the server gives it back when the query is
   * answered. False: the table is full and the query must be answered at once, without waiting for anybody (`shed`).
   */
  admit(): boolean;

  /** Keeps the place until then, though the query is answered before: work for it goes on. */
  keepPlace(until: Promise<unknown>): void;

  /**
   * This query with another request for the directives below; client, metadata and place in flight are the same. The
   * response is to what they saw: whoever calls this gives it its own question back.
   */
  withRequest(request: MessageView): Query;

  /**
   * What the whole server, caches included, has for a name and type on behalf of this query, with its flags and OPT but
   * no options. Never rejects; a question that leads to too many others gets SERVFAIL.
   */
  resolve(qname: WireName, qtype: number): Promise<Outcome>;

  /**
   * Calls back with the bytes of the answer once the client has been sent them; they are good until it returns. Never for
   * queries that no client waits for, nor for those that get no answer.
   */
  onAnswered(see: (answer: Uint8Array) => void): void;

  /**
   * A copy that goes on whether or not anybody waits, admitted on its own: to refresh what the cache holds, as if asked
   * over TCP, so that nothing of the answer is cut.
   */
  background(protocol?: 'udp' | 'tcp'): BackgroundQuery;
}

/** A query of the server's own; `done` gives back its place in the table of queries in flight. */
export interface BackgroundQuery extends Query {
  done(): void;
}

/** What came of a query. */
export type Outcome = {
  /**
   * The answer. The server still sets its id, restores the client's spelling of the question, fits OPT and size. None:
   * nobody answered, and the client gets `rcode` in an empty reply.
   */
  readonly response: MessageView | undefined;
  /** The status of the chain: the rcode of `response`, or the one to answer with. */
  readonly rcode: number;
  /** The directive that gave the answer, the metrics' label `plugin`; empty if none did. */
  readonly source: string;
  /** Why there is no better answer; the directive `errors` reports it. */
  readonly error?: Error;
  /** Extended DNS error (RFC 8914) for clients that speak EDNS. */
  readonly extendedError?: { readonly code: number; readonly text: string };
  /** Who answers (NSID, RFC 5001), for a client that has asked and speaks EDNS. */
  readonly nsid?: Uint8Array;
  /** The client gets no answer at all, on purpose. */
  readonly drop?: boolean;
};

/** One attempt to get an answer to a query from an upstream, now that it has ended. */
export type UpstreamAttempt = {
  readonly query: Query;
  readonly endpoint: Endpoint;
  readonly protocol: 'udp' | 'tcp' | 'tls' | 'https';
  /** On `Clock.nowMs`. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** None: nothing came that answers the query, for the reason in `error`. */
  readonly reply: MessageView | undefined;
  readonly error: Error | undefined;
};

/** Must not throw. */
export type UpstreamWatcher = (attempt: UpstreamAttempt) => void;

/** Answers a query, at once or later. It never throws and never rejects for what comes from the network. */
export type Handler = (query: Query) => MaybePromise<Outcome>;

/** Puts a directive before the rest of its block's chain. */
export type Wrap = (next: Handler) => Handler;

/** Puts a watcher around a directive, which is told by its name; must change nothing of what comes of a query. */
export type ChainWatcher = (name: string, handler: Handler) => Handler;

/**
 * How a directive may stand several times in one block: `once` is an error otherwise, `first` and `last` say which one
 * counts, `each` is a handler of its own in file order, and a function makes one configuration of all.
 */
export type Repeat<Config> = 'once' | 'first' | 'last' | 'each' | ((configs: readonly Config[]) => Config);

export type Directive<Config> = {
  readonly name: string;
  readonly repeat: Repeat<Config>;
  /** Queries of other classes than IN reach the blocks of a listener that has such a directive. */
  readonly anyClass?: boolean;
  /** Tokens in, configuration out; throws ConfigError; touches nothing else. `keys` are those of the block. */
  parse(cursor: Cursor, keys: readonly Key[]): Config;
  /** Acquires what the directive needs, once per load. Gives a wrap if the directive handles queries. */
  setup(config: Config, block: Block): Wrap | undefined;
  /**
   * Of a directive above `cache`: lets hits be answered outside the chain, having noted in `rules` what is to be done
   * there in its place. False, or no such function: hits must come through the chain.
   */
  allowHits?(config: Config, rules: HitRules): boolean;
  /** Whether it has to do with queries for the name (lower case, final dot); without this with all of its block. */
  concerns?(config: Config, qname: string): boolean;
};

/** How responders answer the hits of a block, instead of its chain; directives fill it in at set-up. */
export type HitRules = {
  /** Directives above `cache` that must see every query. While there are any, all goes through the chain. */
  readonly chainFor: string[];
  /** Cap of the UDP payload size that queries offer. */
  maxUdpPayloadBytes: number;
  /** Queries and responses are counted. */
  countsRequests: boolean;
  /** Cached errors must come through the chain. */
  errorsInChain: boolean;
  /** Clients over these families get AAAA answers of the chain alone, which may have made them. */
  aaaaInChain: readonly (4 | 6)[];
  /** Addresses change places from answer to answer. */
  shufflesAddresses: boolean;
  /** Without a cache there are no hits. */
  cache: CachedAnswers | undefined;
};

/** The answers that a block's cache holds, and how it serves them. */
export type CachedAnswers = {
  readonly stores: Stores;
  /** The TTL of a hit is the one that was stored, instead of what is left of it. */
  readonly keepTtl: boolean;
  /** `amount` 0 is off. */
  readonly prefetch: { readonly amount: number; readonly windowMs: number; readonly percent: number };
  readonly stale: { readonly verify: boolean; readonly responseTtl: number } | undefined;
  /** Where hits through a listener are counted. */
  counters(server: string): HitCounters;
  /** Asks anew what a hit has shown to be stale or about to expire, for nobody but the cache. */
  refresh(query: Query): void;
};

export type HitCounters = {
  readonly requests: Counter;
  readonly successHits: Counter;
  readonly denialHits: Counter;
  readonly servedStale: Counter;
};

/** What a directive of one server block may use and say at set-up. */
export interface Block {
  readonly keys: readonly Key[];
  /** The zones of the keys, in their order, lower case. */
  readonly zones: readonly string[];
  /** Ids of the listeners that this block is reached through; complete once `onStart` functions run. */
  readonly servers: readonly string[];
  /** What the listeners of this block shall be; `bind`, `timeouts`, `debug` and `errors` set it. */
  readonly listener: ListenerSettings;
  /** Names of the block's directives that handle queries, in chain order; complete once `onStart` functions run. */
  readonly handlers: readonly string[];
  /** How hits may be answered outside the chain; `cache` says at set-up what there is. */
  readonly hits: HitRules;
  readonly log: Logger;
  readonly process: ProcessServices;

  /** Who looks on at what the block's upstreams are asked; complete once all directives are set up. */
  readonly upstreamWatchers: readonly UpstreamWatcher[];
  /** Says at set-up that somebody wants to look on. */
  watchUpstreams(watcher: UpstreamWatcher): void;
  /** Says at set-up that somebody wants to look on at each directive below in the chain. */
  watchChain(watcher: ChainWatcher): void;

  /** Says at set-up that HTTP is served there, so that no DNS listener of the load may be. */
  claimHttp(address: HostPort): void;
  /** Says at set-up that the addresses which the block listens on are to be held on this node. */
  claimNode(claim: NodeClaim): void;

  /**
   * Before the listeners open; may reject, which gives the whole load up (each started part gets its `onStop`). The error
   * is shown with file, line and name of the directive.
   */
  onStart(start: () => MaybePromise<void>): void;
  /** Once the listeners answer queries of this load. */
  onServing(serving: () => void): void;
  /** When the process is told to end, while queries are still answered; what it returns is waited for. */
  onShutdown(shutdown: () => MaybePromise<void>): void;
  /** When this load has been replaced, given up, or the process ends: gives back whatever was acquired. */
  onStop(stop: () => MaybePromise<void>): void;
}

export type NodeBackend = 'auto' | 'nftables' | 'iptables' | 'none';

/** How a block wants the addresses that it listens on to be held on the node. */
export type NodeClaim = {
  readonly interfaceName: string;
  readonly backend: NodeBackend;
  /** Seconds; undefined: what is usual. */
  readonly leaseS: number | 'off' | undefined;
  /** Addresses and rules stay when the process ends. */
  readonly skipTeardown: boolean;
  /** The directive that says so, for errors. */
  readonly line: Cursor;
};

export type ListenerSettings = {
  /** Addresses to listen on, as text; empty is the wildcard. */
  addresses: string[];
  /** TCP: time for the first message, and for each later one. */
  readMs?: number;
  idleMs?: number;
  writeMs?: number;
  /** Queries that one TCP connection may bring; without it as many as it likes. */
  maxTcpQueries?: number;
  debug: boolean;
  stacktrace: boolean;
};

/** What the process has once, whatever the configuration. */
export interface ProcessServices {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly http: HttpListeners;
  readonly cacheStore: CacheStore;
  readonly poller: Poller;
  readonly configuration: Configuration;
  /** Whether the process has been told to end. */
  readonly shuttingDown: boolean;
  /** What is wrong with a part of the process that nobody else would notice, for `/health`; undefined if all is well. */
  readonly illness: string | undefined;
  /** Logs the line at FATAL and ends the process with exit code 1, at once. */
  fatal(text: string): void;
}

export type Clock = {
  /** Milliseconds that only go forward. */
  nowMs(): number;
  /** Seconds since 1970, for what is written in records (RRSIG). */
  unixSeconds(): number;
};

/** The running configuration, as the directive `reload` sees it. */
export interface Configuration {
  /** SHA-512 over the syntax of what runs. */
  readonly fingerprint: string;
  /** Reads the files again. Rejects with the parse error, or where they cannot be read. */
  readFingerprint(): Promise<string>;
  /** Builds the configuration beside the running one and swaps it in. Rejects, with the old one running on. */
  reload(): Promise<void>;
}
