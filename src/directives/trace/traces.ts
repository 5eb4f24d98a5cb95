import type { Attributes, HrTime, Span, SpanKind } from '@opentelemetry/api';
import { rcodeName } from '../../wire/header.ts';
import { typeName } from '../../wire/types.ts';
import type { Clock, Handler, MaybePromise, Outcome, Query, UpstreamAttempt } from '../contract.ts';

// Of the API's enumerations, which are not loaded here.
const SERVER: SpanKind.SERVER = 1;
const CLIENT: SpanKind.CLIENT = 2;
const INTERNAL: SpanKind.INTERNAL = 0;
const ERROR = 2;

const MICROS_PER_MS = 1000;
const MICROS_PER_SECOND = 1_000_000;
const NANOS_PER_MICRO = 1000;

export type NewSpan = {
  readonly name: string;
  readonly kind: SpanKind;
  readonly startTime: HrTime;
  readonly attributes: Attributes;
  readonly parent: Span | undefined;
};

export type StartSpan = (span: NewSpan) => Span;

/** One query that is traced. */
type Trace = {
  readonly startSpan: StartSpan;
  /** Of the directive that has the query just now. */
  current: Span;
  /** Between the clock of the process and that of the day: all spans of a trace are in step. */
  readonly offsetMs: number;
};

export type TracesOptions = {
  readonly every: number;
  /** Between name and key of an attribute: `coredns.io/name`. */
  readonly separator: string;
  readonly clock: Clock;
};

/** Makes the spans of one query in so many: one for the whole, one for each directive, one for each attempt upstream. */
export class Traces {
  readonly #options: TracesOptions;
  /** By what all parts of a query share. */
  readonly #traces = new WeakMap<Query['metadata'], Trace>();
  #queryCount = 0;
  /** While none is traced, nobody looks for its trace. */
  #openCount = 0;
  /** Nothing is traced without it. */
  startSpan: StartSpan | undefined;

  constructor(options: TracesOptions) {
    this.#options = options;
  }

  /** The handler of the directive itself. */
  whole(next: Handler): Handler {
    return (query) => {
      const { startSpan } = this;
      // A question that another one has led to is a part of that one's trace.
      if (startSpan === undefined || query.isNested) return next(query);
      const isTraced = ++this.#queryCount % this.#options.every === 0;
      return isTraced ? this.#traceWhole(query, next, startSpan) : next(query);
    };
  }

  /** For `Block.watchChain`. */
  around(name: string, handler: Handler): Handler {
    return (query) => {
      const trace = this.#openCount === 0 ? undefined : this.#traces.get(query.metadata);
      return trace === undefined ? handler(query) : this.#traceDirective(trace, name, query, handler);
    };
  }

  /** For `Block.watchUpstreams`. */
  attempt({ query, endpoint, protocol, startedAtMs, endedAtMs, reply, error }: UpstreamAttempt): void {
    const trace = this.#openCount === 0 ? undefined : this.#traces.get(query.metadata);
    if (trace === undefined) return;
    const { offsetMs, startSpan, current } = trace;
    const attributes: Attributes = { 'peer.address': endpoint.text, [this.#key('proto')]: protocol };
    if (reply !== undefined) attributes[this.#key('rcode')] = rcodeName(reply.extendedRcode);
    const startTime = hrTime(offsetMs + startedAtMs);
    const span = startSpan({ name: 'connect', kind: CLIENT, startTime, attributes, parent: current });
    if (error !== undefined) span.setStatus({ code: ERROR, message: error.message });
    span.end(hrTime(offsetMs + endedAtMs));
  }

  #traceWhole(query: Query, next: Handler, startSpan: StartSpan): MaybePromise<Outcome> {
    const { clock } = this.#options;
    const offsetMs = Date.now() - clock.nowMs();
    const root = startSpan({
      name: `servedns:${query.server} ${query.qname}`,
      kind: SERVER,
      startTime: hrTime(offsetMs + query.receivedAtMs),
      attributes: {
        [this.#key('name')]: query.qname,
        [this.#key('type')]: typeName(query.qtype),
        [this.#key('proto')]: query.protocol,
        [this.#key('remote')]: query.clientAddress,
      },
      parent: undefined,
    });
    const { metadata } = query;
    metadata.set('trace/traceid', root.spanContext().traceId);
    this.#traces.set(metadata, { startSpan, current: root, offsetMs });
    this.#openCount++;
    return follow(next, query, (outcome, error) => {
      this.#openCount--;
      this.#traces.delete(metadata);
      if (outcome !== undefined) root.setAttribute(this.#key('rcode'), rcodeName(outcome.rcode));
      this.#end(root, offsetMs, error);
    });
  }

  #traceDirective(trace: Trace, name: string, query: Query, handler: Handler): MaybePromise<Outcome> {
    const parent = trace.current;
    const startTime = hrTime(trace.offsetMs + this.#options.clock.nowMs());
    const span = trace.startSpan({ name, kind: INTERNAL, startTime, attributes: {}, parent });
    trace.current = span;
    return follow(handler, query, (_outcome, error) => {
      if (trace.current === span) trace.current = parent;
      this.#end(span, trace.offsetMs, error);
    });
  }

  #end(span: Span, offsetMs: number, error: unknown): void {
    if (error !== undefined)
      span.setStatus({ code: ERROR, message: error instanceof Error ? error.message : `${error}` });
    span.end(hrTime(offsetMs + this.#options.clock.nowMs()));
  }

  #key(name: string): string {
    return `coredns.io${this.#options.separator}${name}`;
  }
}

/** Whole microseconds: Zipkin refuses fractions of them. */
function hrTime(unixMs: number): HrTime {
  const micros = Math.round(unixMs * MICROS_PER_MS);
  return [Math.floor(micros / MICROS_PER_SECOND), (micros % MICROS_PER_SECOND) * NANOS_PER_MICRO];
}

/** Has the handler answer, and says what came of it: an outcome, and the reason why it is none better. */
function follow(
  handler: Handler,
  query: Query,
  ended: (outcome: Outcome | undefined, error: unknown) => void,
): MaybePromise<Outcome> {
  const succeed = (outcome: Outcome) => {
    ended(outcome, outcome.error);
    return outcome;
  };
  const fail = (error: unknown): never => {
    ended(undefined, error);
    throw error;
  };
  try {
    const outcome = handler(query);
    return outcome instanceof Promise ? outcome.then(succeed, fail) : succeed(outcome);
  } catch (error) {
    return fail(error);
  }
}
