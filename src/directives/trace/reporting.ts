import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { messageOf } from '../../corefile/errors.ts';
import type { Logger } from '../../observe/logger.ts';

const SUCCESS = 0;
/** A collector that is away is no news for every batch. */
const REPORT_INTERVAL_MS = 60_000;

type Report = Parameters<SpanExporter['export']>[1];

/** Warns when spans do not reach their collector, once a minute at most, and says when they do again. */
export class ReportingExporter implements SpanExporter {
  readonly #inner: SpanExporter;
  readonly #url: string;
  readonly #log: Logger;
  #lostCount = 0;
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #isDown = false;

  constructor(inner: SpanExporter, url: string, log: Logger) {
    this.#inner = inner;
    this.#url = url;
    this.#log = log;
  }

  export(spans: ReadableSpan[], report: Report): void {
    this.#inner.export(spans, (result) => {
      if (result.code === SUCCESS) this.#delivered();
      else this.#failed(spans.length, result.error);
      report(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  #delivered(): void {
    if (this.#isDown) this.#log.info(`Spans are delivered to ${this.#url} again`);
    this.#isDown = false;
    this.#reportedAtMs = Number.NEGATIVE_INFINITY;
  }

  #failed(count: number, error: Error | undefined): void {
    this.#isDown = true;
    this.#lostCount += count;
    const nowMs = performance.now();
    if (nowMs < this.#reportedAtMs + REPORT_INTERVAL_MS) return;
    const reason = error === undefined ? 'no reason given' : reasonOf(error);
    this.#log.warning(`${this.#lostCount} spans not delivered to ${this.#url}: ${reason}`);
    this.#reportedAtMs = nowMs;
    this.#lostCount = 0;
  }
}

/** Where several addresses were tried, that of the first. */
function reasonOf(error: Error): string {
  const [first] = error instanceof AggregateError ? error.errors : [error];
  return messageOf(first);
}
