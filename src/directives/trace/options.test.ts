import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { parse, type TraceConfig } from './options.ts';

const usual: TraceConfig = {
  kind: 'zipkin',
  url: 'http://localhost:9411/api/v2/spans',
  every: 1,
  service: 'coredns',
  analyticsRate: undefined,
  maxBacklog: 1000,
  maxBatch: 100,
  batchIntervalMs: 1000,
};

const goodCases: readonly { input: string; want: Partial<TraceConfig> }[] = [
  { input: 'trace', want: {} },
  { input: 'trace tracinghost:9253', want: { url: 'http://tracinghost:9253/api/v2/spans' } },
  { input: 'trace zipkin tracinghost:9253', want: { url: 'http://tracinghost:9253/api/v2/spans' } },
  { input: 'trace zipkin', want: {} },
  { input: 'trace https://t.example.org/z/api/v2/spans', want: { url: 'https://t.example.org/z/api/v2/spans' } },
  { input: 'trace datadog', want: { kind: 'datadog', url: 'http://localhost:8126/v0.3/traces' } },
  { input: 'trace DataDog dd:1', want: { kind: 'datadog', url: 'http://dd:1/v0.3/traces' } },
  { input: 'trace otlp', want: { kind: 'otlp', url: 'http://localhost:4318/v1/traces' } },
  { input: 'trace otlp [::1]:4318', want: { kind: 'otlp', url: 'http://[::1]:4318/v1/traces' } },
  { input: 'trace {\n every 10000\n service dnsproxy\n client_server\n}', want: { every: 10000, service: 'dnsproxy' } },
  { input: 'trace {\n every 0\n client_server false\n}', want: { every: 0 } },
  { input: 'trace {\n datadog_analytics_rate 0.25\n}', want: { analyticsRate: 0.25 } },
  { input: 'trace {\n datadog_analytics_rate\n}', want: {} },
  {
    input: 'trace {\n zipkin_max_backlog_size 10\n zipkin_max_batch_size 5\n zipkin_max_batch_interval 2s\n}',
    want: { maxBacklog: 10, maxBatch: 5, batchIntervalMs: 2000 },
  },
  { input: 'trace {\n zipkin_max_backlog_size\n zipkin_max_batch_size 0\n zipkin_max_batch_interval\n}', want: {} },
  { input: 'trace {\n zipkin_max_backlog_size 20\n}', want: { maxBacklog: 20, maxBatch: 20 } },
];
for (const { input, want } of goodCases) {
  test(`parse: ${input.replaceAll('\n', ';')}`, () => {
    assert.deepEqual(parse(cursorOf(input)), { ...usual, ...want });
  });
}

const badCases = [
  { input: 'trace a b c', error: 'Corefile:1: trace: takes 0 to 2 arguments, got 3' },
  {
    input: 'trace jaeger host:1',
    error: 'Corefile:1: trace: tracing endpoint type "jaeger" is not supported; expected one of zipkin, otlp, datadog',
  },
  {
    input: 'trace ftp://http/',
    error: 'Corefile:1: trace: expected HOST:PORT or a URL with http:// or https://, got "ftp://http/"',
  },
  {
    input: 'trace host:port',
    error: 'Corefile:1: trace: expected HOST:PORT or a URL with http:// or https://, got "host:port"',
  },
  { input: 'trace {\n every\n}', error: 'Corefile:2: trace: every takes 1 argument, got 0' },
  { input: 'trace {\n every -1\n}', error: 'Corefile:2: trace: every must be 0 or more, got "-1"' },
  { input: 'trace {\n service a b\n}', error: 'Corefile:2: trace: service takes 1 argument, got 2' },
  {
    input: 'trace {\n client_server maybe\n}',
    error: 'Corefile:2: trace: client_server must be true or false, got "maybe"',
  },
  {
    input: 'trace {\n datadog_analytics_rate 1.5\n}',
    error: 'Corefile:2: trace: datadog_analytics_rate must be 0..1, got "1.5"',
  },
  {
    input: 'trace {\n zipkin_max_batch_interval 0\n}',
    error: 'Corefile:2: trace: zipkin_max_batch_interval must be 1ms or more, got "0"',
  },
  {
    input: 'trace {\n zipkin_max_batch_size many\n}',
    error: 'Corefile:2: trace: zipkin_max_batch_size must be 0 or more, got "many"',
  },
  {
    input: 'trace {\n evry 2\n}',
    error: 'Corefile:2: trace: unknown property "evry"; did you mean "every"?',
  },
];
for (const { input, error } of badCases) {
  test(`parse: ${error}`, () => {
    assert.throws(() => parse(cursorOf(input)), { name: 'ConfigError', message: error });
  });
}
