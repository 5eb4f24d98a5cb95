import type { HrTime } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { messageOf } from '../../corefile/errors.ts';

const SUCCESS = 0;
const FAILED = 1;
const STATUS_ERROR = 2;
const SERVER = 1;
const NANOS_PER_SECOND = 1_000_000_000n;
/** Of the 32 hexadecimal digits of a trace's id: Datadog's has 64 bits, and has the others as a tag. */
const LOW_DIGITS = 16;

export type DatadogOptions = {
  readonly url: string;
  readonly service: string;
  readonly analyticsRate: number | undefined;
  readonly timeoutMs: number;
};

/** To Datadog's agent, as https://docs.datadoghq.com/tracing/guide/send_traces_to_agent_by_api says. */
export class DatadogExporter implements SpanExporter {
  readonly #options: DatadogOptions;
  readonly #pending = new Set<Promise<void>>();

  constructor(options: DatadogOptions) {
    this.#options = options;
  }

  export(spans: ReadableSpan[], report: Parameters<SpanExporter['export']>[1]): void {
    const sending = this.#send(spans).then(
      () => report({ code: SUCCESS }),
      (error) => report({ code: FAILED, error: error instanceof Error ? error : new Error(messageOf(error)) }),
    );
    this.#pending.add(sending);
    void sending.finally(() => this.#pending.delete(sending));
  }

  async forceFlush(): Promise<void> {
    await Promise.all(this.#pending);
  }

  shutdown(): Promise<void> {
    return this.forceFlush();
  }

  async #send(spans: ReadableSpan[]): Promise<void> {
    const traces = Map.groupBy(spans, (span) => span.spanContext().traceId);
    const body = `[${[...traces.values()].map((trace) => `[${trace.map((span) => this.#encode(span)).join()}]`).join()}]`;
    const headers = { 'Content-Type': 'application/json', 'X-Datadog-Trace-Count': String(traces.size) };
    const signal = AbortSignal.timeout(this.#options.timeoutMs);
    const response = await fetch(this.#options.url, { method: 'PUT', headers, body, signal }).catch((error) => {
      throw error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the agent says ${response.status} ${response.statusText}`);
  }

  /** Numbers of 64 bits are no numbers of JavaScript. */
  #encode(span: ReadableSpan): string {
    const { traceId, spanId } = span.spanContext();
    const numbers = {
      trace_id: fromHex(traceId.slice(-LOW_DIGITS)),
      span_id: fromHex(spanId),
      parent_id: fromHex(span.parentSpanContext?.spanId ?? '0'),
      start: nanos(span.startTime),
      duration: nanos(span.duration),
    };
    const { service, analyticsRate } = this.#options;
    const isRoot = span.kind === SERVER;
    const meta = Object.entries(span.attributes).map(([key, value]) => [key, String(value)]);
    const { status } = span;
    if (status.message !== undefined) meta.push(['error.message', status.message]);
    if (isRoot) meta.push(['_dd.p.tid', traceId.slice(0, -LOW_DIGITS)]);
    const rest = {
      name: isRoot ? 'servedns' : span.name,
      resource: span.name,
      service,
      type: 'dns',
      error: status.code === STATUS_ERROR ? 1 : 0,
      meta: Object.fromEntries(meta),
      metrics: isRoot && analyticsRate !== undefined ? { '_dd1.sr.eausr': analyticsRate } : {},
    };
    const heads = Object.entries(numbers).map(([key, value]) => `"${key}":${value}`);
    return `{${heads.join()},${JSON.stringify(rest).slice(1)}`;
  }
}

function fromHex(digits: string): bigint {
  return BigInt(`0x${digits}`);
}

function nanos([seconds, rest]: HrTime): bigint {
  return BigInt(seconds) * NANOS_PER_SECOND + BigInt(rest);
}
