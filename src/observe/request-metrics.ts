import { rcodeName } from '../wire/header.ts';
import {
  type Counter,
  type CounterFamily,
  type Histogram,
  type HistogramFamily,
  type Metrics,
  SIZE_BUCKETS,
  TIME_BUCKETS,
} from './metrics.ts';
import { DNSSEC_OK, RCODES, REQUEST_BYTES, REQUESTS, RESPONSE_BYTES, RESPONSES, SECONDS } from './request-tally.ts';
import { TYPE_LABELS, typeLabel } from './type-labels.ts';

/** The zone label of queries that no chain has seen. */
const DROPPED = 'dropped';
/** CoreDNS's label for views, which nodens does not have. */
const VIEW = '';
const FAMILIES = ['1', '2'];

/** Rcodes whose counters are kept at hand; those above are no daily visitors. */
const KEPT_RCODES = 24;

/** What is counted of a query. */
export type CountedQuery = {
  readonly server: string;
  readonly protocol: 'udp' | 'tcp';
  readonly family: 4 | 6;
  readonly qtype: number;
  readonly dnssecOk: boolean;
  readonly requestBytes: number;
};

/** The metrics coredns_dns_*: queries and responses by listener and zone. */
export class RequestMetrics {
  readonly #families: Families;
  readonly #zones = new Map<string, Map<string, ZoneRequests>>();

  constructor(metrics: Metrics) {
    this.#families = familiesOf(metrics);
  }

  /** The counters of one zone at one listener, to be kept by who counts often. */
  zone(server: string, zone: string): ZoneRequests {
    const zones = this.#zones.get(server) ?? new Map<string, ZoneRequests>();
    this.#zones.set(server, zones);
    const requests = zones.get(zone) ?? new ZoneRequests(this.#families, server, zone);
    zones.set(zone, requests);
    return requests;
  }

  /** Counts a query that was answered before any chain. */
  countDropped(query: CountedQuery, rcode: number, responseBytes: number): void {
    this.zone(query.server, DROPPED).count(query, rcode, '', responseBytes, 0);
  }
}

/** Series are bound when they are first needed, so that none is shown that never happened. */
export class ZoneRequests {
  readonly #families: Families;
  readonly #server: string;
  readonly #zone: string;
  readonly #seconds: Histogram;
  #udp: ProtocolRequests | undefined;
  #tcp: ProtocolRequests | undefined;
  #dnssecOk: Counter | undefined;
  /** By plugin, then by rcode. */
  readonly #responses = new Map<string, (Counter | undefined)[]>();

  constructor(families: Families, server: string, zone: string) {
    this.#families = families;
    this.#server = server;
    this.#zone = zone;
    this.#seconds = families.seconds.labels(server, zone, VIEW);
  }

  /** Counts a query and what came of it: `plugin` gave the answer, in `seconds`. Allocates nothing. */
  count(query: CountedQuery, rcode: number, plugin: string, responseBytes: number, seconds: number): void {
    const protocol = query.protocol === 'udp' ? this.#forUdp() : (this.#tcp ?? this.#bindTcp());
    protocol.count(query.family === 4 ? 0 : 1, query.qtype, query.requestBytes, responseBytes);
    if (query.dnssecOk) this.#countDnssecOk(1);
    this.#countResponses(rcode, plugin, 1);
    this.#seconds.observe(seconds);
  }

  /** Adds what another thread has counted of UDP queries that `plugin` answered: cells as of a `RequestTally`. */
  add(cells: Float64Array, start: number, plugin: string): void {
    this.#forUdp().add(cells, start);
    if (cells[start + DNSSEC_OK] > 0) this.#countDnssecOk(cells[start + DNSSEC_OK]);
    for (let rcode = 0; rcode < RCODES; rcode++) {
      const count = cells[start + RESPONSES + rcode];
      if (count > 0) this.#countResponses(rcode, plugin, count);
    }
    this.#seconds.add(cells, start + SECONDS);
  }

  #countDnssecOk(count: number): void {
    (this.#dnssecOk ?? this.#bindDnssecOk()).inc(count);
  }

  #countResponses(rcode: number, plugin: string, count: number): void {
    (this.#responses.get(plugin)?.[rcode] ?? this.#bindResponse(rcode, plugin)).inc(count);
  }

  #forUdp(): ProtocolRequests {
    this.#udp ??= new ProtocolRequests(this.#families, this.#server, this.#zone, 'udp');
    return this.#udp;
  }

  #bindTcp(): ProtocolRequests {
    this.#tcp = new ProtocolRequests(this.#families, this.#server, this.#zone, 'tcp');
    return this.#tcp;
  }

  #bindDnssecOk(): Counter {
    this.#dnssecOk = this.#families.dnssecOk.labels(this.#server, this.#zone, VIEW);
    return this.#dnssecOk;
  }

  #bindResponse(rcode: number, plugin: string): Counter {
    const counter = this.#families.responses.labels(this.#server, this.#zone, VIEW, rcodeName(rcode), plugin);
    const kept = this.#responses.get(plugin) ?? new Array<Counter | undefined>(KEPT_RCODES).fill(undefined);
    if (rcode < KEPT_RCODES) kept[rcode] = counter;
    this.#responses.set(plugin, kept);
    return counter;
  }
}

class ProtocolRequests {
  readonly #requestBytes: Histogram;
  readonly #responseBytes: Histogram;
  /** By family and type. */
  readonly #requests = new Array<Counter | undefined>(FAMILIES.length * TYPE_LABELS.length).fill(undefined);
  readonly #bindRequests: (family: string, type: string) => Counter;

  constructor(families: Families, server: string, zone: string, protocol: string) {
    this.#requestBytes = families.requestBytes.labels(server, zone, VIEW, protocol);
    this.#responseBytes = families.responseBytes.labels(server, zone, VIEW, protocol);
    this.#bindRequests = (family, type) => families.requests.labels(server, zone, VIEW, protocol, family, type);
  }

  /** `family` is an index of FAMILIES. */
  count(family: number, qtype: number, requestBytes: number, responseBytes: number): void {
    const slot = family * TYPE_LABELS.length + typeLabel(qtype);
    (this.#requests[slot] ?? this.#bind(slot)).inc();
    this.#requestBytes.observe(requestBytes);
    this.#responseBytes.observe(responseBytes);
  }

  /** Adds the cells of a `RequestTally`. */
  add(cells: Float64Array, start: number): void {
    for (let slot = 0; slot < this.#requests.length; slot++) {
      const count = cells[start + REQUESTS + slot];
      if (count > 0) (this.#requests[slot] ?? this.#bind(slot)).inc(count);
    }
    this.#requestBytes.add(cells, start + REQUEST_BYTES);
    this.#responseBytes.add(cells, start + RESPONSE_BYTES);
  }

  #bind(slot: number): Counter {
    const labels = TYPE_LABELS.length;
    const counter = this.#bindRequests(FAMILIES[Math.trunc(slot / labels)], TYPE_LABELS[slot % labels]);
    this.#requests[slot] = counter;
    return counter;
  }
}

type Families = {
  readonly requests: CounterFamily;
  readonly requestBytes: HistogramFamily;
  readonly dnssecOk: CounterFamily;
  readonly seconds: HistogramFamily;
  readonly responseBytes: HistogramFamily;
  readonly responses: CounterFamily;
};

function familiesOf(metrics: Metrics): Families {
  const zone = ['server', 'zone', 'view'];
  return {
    requests: metrics.counter('coredns_dns_requests_total', 'DNS queries by zone, protocol, address family and type.', [
      ...zone,
      ...['proto', 'family', 'type'],
    ]),
    requestBytes: metrics.histogram(
      'coredns_dns_request_size_bytes',
      'Size of the queries in bytes.',
      [...zone, 'proto'],
      SIZE_BUCKETS,
    ),
    dnssecOk: metrics.counter('coredns_dns_do_requests_total', 'DNS queries with the DO bit by zone.', zone),
    seconds: metrics.histogram(
      'coredns_dns_request_duration_seconds',
      'Time that each query took in seconds.',
      zone,
      TIME_BUCKETS,
    ),
    responseBytes: metrics.histogram(
      'coredns_dns_response_size_bytes',
      'Size of the responses in bytes.',
      [...zone, 'proto'],
      SIZE_BUCKETS,
    ),
    responses: metrics.counter('coredns_dns_responses_total', 'DNS responses by zone, rcode and plugin.', [
      ...zone,
      ...['rcode', 'plugin'],
    ]),
  };
}
