import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { ZipkinExporter } from '@opentelemetry/exporter-zipkin';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Logger } from '../../observe/logger.ts';
import { VERSION } from '../../observe/version.ts';
import { DatadogExporter } from './datadog.ts';
import type { TraceConfig } from './options.ts';
import { ReportingExporter } from './reporting.ts';
import type { StartSpan } from './traces.ts';

/** Of a collector that takes no more: its connections must not pile up. */
const EXPORT_TIMEOUT_MS = 10_000;
/** For the last spans, while a configuration or the process ends. */
const STOP_MS = 1000;

/** Sends spans to the collector, in batches; one that cannot be reached costs spans and a warning. */
export function startTracer(config: TraceConfig, log: Logger): { startSpan: StartSpan; stop(): Promise<void> } {
  const { service, maxBacklog, maxBatch, batchIntervalMs } = config;
  const processor = new BatchSpanProcessor({
    exporter: new ReportingExporter(exporterOf(config), config.url, log),
    maxQueueSize: maxBacklog,
    maxExportBatchSize: maxBatch,
    scheduledDelayMillis: batchIntervalMs,
    exportTimeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service, 'service.version': VERSION }),
    // The directive has chosen already, whatever the environment says.
    sampler: new AlwaysOnSampler(),
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer('nodens', VERSION);
  return {
    startSpan: ({ parent, name, ...options }) =>
      tracer.startSpan(name, options, parent === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, parent)),
    async stop() {
      const timedOut = Promise.withResolvers<void>();
      const timer = setTimeout(timedOut.resolve, STOP_MS);
      // What could not be sent has been reported.
      await Promise.race([provider.shutdown().catch(() => undefined), timedOut.promise]);
      clearTimeout(timer);
    },
  };
}

function exporterOf({ kind, url, service, analyticsRate }: TraceConfig): SpanExporter {
  switch (kind) {
    case 'zipkin':
      return new ZipkinExporter({ url, serviceName: service });
    case 'otlp':
      return new OTLPTraceExporter({ url, timeoutMillis: EXPORT_TIMEOUT_MS });
    case 'datadog':
      return new DatadogExporter({ url, service, analyticsRate, timeoutMs: EXPORT_TIMEOUT_MS });
  }
}
