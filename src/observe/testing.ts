/** For tests: an independent, strict reading of the text exposition format, a logger that remembers, a free port. */
import assert from 'node:assert/strict';
import { LineWriter } from './line-writer.ts';
import { Logger } from './logger.ts';

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([^{\s]+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/;
const HISTOGRAM_SUFFIX = /_(bucket|sum|count)$/;

export type Exposition = {
  readonly types: ReadonlyMap<string, string>;
  /** By `name` or `name{a="x",b="y"}`, labels sorted. */
  readonly values: ReadonlyMap<string, number>;
};

/** Fails on whatever Prometheus would not take. */
export function readExposition(text: string): Exposition {
  const types = new Map<string, string>();
  const values = new Map<string, number>();
  assert.ok(text.endsWith('\n'), 'the last line has an end');
  for (const line of text.split('\n')) {
    const [, keyword, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === 'TYPE') {
      assert.ok(!types.has(name), `one TYPE of ${name}`);
      types.set(name, rest);
    }
    if (line === '' || keyword !== undefined) continue;
    const sample = readSample(line);
    const family = types.get(sample.name) === undefined ? sample.name.replace(HISTOGRAM_SUFFIX, '') : sample.name;
    assert.ok(types.has(family), `a TYPE before ${line}`);
    assert.ok(!values.has(sample.key), `${sample.key} stands once`);
    values.set(sample.key, sample.value);
  }
  for (const [name, type] of types) if (type === 'histogram') checkHistogram(name, values);
  return { types, values };
}

function readSample(line: string): { name: string; key: string; value: number } {
  const [, name, labelText = '', valueText] = SAMPLE.exec(line) ?? assert.fail(`not a sample: ${line}`);
  assert.match(name, NAME);
  const labels: string[] = [];
  for (let rest = labelText; rest !== ''; ) {
    const [whole, label, value] = LABEL.exec(rest) ?? assert.fail(`not a label: ${rest}`);
    labels.push(`${label}="${value}"`);
    rest = rest.slice(whole.length);
  }
  const value = valueText === '+Inf' ? Number.POSITIVE_INFINITY : Number(valueText);
  // Go, which reads it in the end, takes NaN in any case.
  assert.ok(!Number.isNaN(value) || /^nan$/i.test(valueText), `a number in ${line}`);
  return { name, key: labels.length === 0 ? name : `${name}{${labels.sort().join()}}`, value };
}

/** Buckets grow with their bound, end with +Inf, and the last one is the count. */
function checkHistogram(name: string, values: ReadonlyMap<string, number>): void {
  const series = new Map<string, [bound: number, count: number][]>();
  for (const [key, count] of values) {
    if (!key.startsWith(`${name}_bucket{`)) continue;
    const bound = /le="([^"]+)"/.exec(key)?.[1] ?? assert.fail(`le in ${key}`);
    const others = key.slice(name.length + '_bucket'.length).replace(/,?le="[^"]+"/, '');
    const buckets = series.get(others) ?? [];
    series.set(others, buckets);
    buckets.push([bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound), count]);
  }
  for (const [labels, buckets] of series) {
    for (const [i, [bound, count]] of buckets.entries()) {
      if (i > 0) assert.ok(bound > buckets[i - 1][0] && count >= buckets[i - 1][1], `${name} grows at ${bound}`);
    }
    const plain = labels.replace('{,', '{');
    const own = plain === '{}' ? '' : plain;
    assert.equal(buckets.at(-1)?.[0], Number.POSITIVE_INFINITY);
    assert.equal(buckets.at(-1)?.[1], values.get(`${name}_count${own}`), `${name}_count${own}`);
    assert.ok(values.has(`${name}_sum${own}`), `${name}_sum${own}`);
  }
}

/** A logger, and what it has printed so far. */
export function fakeLog(): { log: Logger; lines(): string[] } {
  let text = '';
  const log = new Logger(
    new LineWriter((bytes) => {
      text += Buffer.from(bytes).toString();
      return bytes.length;
    }),
  );
  const lines = () => {
    log.flushSync();
    return text.split('\n').slice(0, -1);
  };
  return { log, lines };
}
