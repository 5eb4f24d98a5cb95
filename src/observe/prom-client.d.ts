/** Parts of prom-client that are loaded by themselves; see prom.ts. */
declare module 'prom-client/lib/registry.js' {
  export { Registry as default } from 'prom-client';
}
declare module 'prom-client/lib/gauge.js' {
  export { Gauge as default } from 'prom-client';
}
declare module 'prom-client/lib/metrics/*' {
  import type { DefaultMetricsCollectorConfiguration, Registry } from 'prom-client';

  type Configuration = DefaultMetricsCollectorConfiguration<string>;
  export default function collect(registry: Registry, configuration?: Configuration): void;
}
