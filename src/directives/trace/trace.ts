import type { Block, Directive, Wrap } from '../contract.ts';
import { parse, type TraceConfig } from './options.ts';
import { Traces } from './traces.ts';

const NAME = 'trace';

function setup(config: TraceConfig, block: Block): Wrap | undefined {
  if (config.every === 0) return undefined;
  const separator = config.kind === 'datadog' ? '@' : '/';
  const traces = new Traces({ every: config.every, separator, clock: block.process.clock });
  let stop: (() => Promise<void>) | undefined;
  block.onStart(async () => {
    // OpenTelemetry is loaded where it is configured, and nowhere else.
    const { startTracer } = await import('./tracer.ts');
    const tracer = startTracer(config, block.log.plugin(NAME));
    traces.startSpan = tracer.startSpan;
    stop = tracer.stop;
  });
  block.onStop(() => stop?.());
  block.watchChain((name, handler) => traces.around(name, handler));
  block.watchUpstreams((attempt) => traces.attempt(attempt));
  return (next) => traces.whole(next);
}

export const trace: Directive<TraceConfig> = { name: NAME, repeat: 'last', parse, setup };
