import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as settled } from 'node:timers/promises';
import { ConfigError, ConfigErrors } from '../../corefile/errors.ts';
import { cursorOf } from '../../corefile/testing.ts';
import { Counter } from '../../observe/metrics.ts';
import { fakeLog } from '../../observe/testing.ts';
import type { Configuration } from '../contract.ts';
import { FakeProcess, fakeBlock } from '../testing.ts';
import { parse, type ReloadConfig, reload, watch } from './reload.ts';

const parseCases: { name: string; input: string; want?: ReloadConfig; error?: string }[] = [
  { name: 'the defaults', input: 'reload', want: { intervalMs: 30_000, jitterMs: 15_000 } },
  {
    name: 'an interval caps the jitter at its half',
    input: 'reload 10s',
    want: { intervalMs: 10_000, jitterMs: 5_000 },
  },
  { name: 'both', input: 'reload 1m 2s', want: { intervalMs: 60_000, jitterMs: 2_000 } },
  { name: 'no jitter', input: 'reload 2s 0', want: { intervalMs: 2_000, jitterMs: 0 } },
  { name: 'too often', input: 'reload 1s', error: 'Corefile:1: reload: INTERVAL must be 2s or more, got "1s"' },
  { name: 'jitter below 0', input: 'reload 5s -1s', error: 'Corefile:1: reload: JITTER must be 0 or more, got "-1s"' },
  {
    name: 'no duration',
    input: 'reload 10',
    error: 'Corefile:1: reload: INTERVAL must be a duration such as 30s, 1m30s or 500ms, got "10"',
  },
  { name: 'too many arguments', input: 'reload 1m 1s x', error: 'Corefile:1: reload: takes 0 to 2 arguments, got 3' },
];

for (const { name, input, want, error } of parseCases) {
  test(`parse: ${name}`, () => {
    if (error === undefined) assert.deepEqual(parse(cursorOf(input)), want);
    else assert.throws(() => parse(cursorOf(input)), { name: 'ConfigError', message: error });
  });
}

/** A configuration whose files hold what the test puts there. */
class FakeConfiguration implements Configuration {
  fingerprint = 'one';
  files: string | Error = 'one';
  reloadFails = false;
  reloads = 0;

  async readFingerprint(): Promise<string> {
    if (this.files instanceof Error) throw this.files;
    return this.files;
  }

  async reload(): Promise<void> {
    this.reloads++;
    if (this.reloadFails) throw new Error('address in use');
    this.fingerprint = await this.readFingerprint();
  }
}

const PERIOD_MS = 10_000;
const UNREADABLE = new Error('no such file');
const UNPARSABLE = new ConfigError({ file: 'Corefile', line: 2 }, 'unknown directive "chache"');
const UNPARSABLE_TWICE = new ConfigErrors([UNPARSABLE, new ConfigError({ file: 'Corefile', line: 3 }, 'stray')]);
const UNPARSABLE_SAID = `[WARNING] Corefile parse failed: ${UNPARSABLE.message}`;
const UNPARSABLE_TWICE_SAID = `${UNPARSABLE_SAID}; Corefile:3: stray`;
const FAILED = '[ERROR] Corefile changed but reload failed: starting with listener file descriptors: address in use';

const watchCases: {
  name: string;
  periods: { files: string | Error; fails?: boolean }[];
  reloads: number;
  failed?: number;
  lines?: string[];
}[] = [
  { name: 'what is as it was is left alone', periods: [{ files: 'one' }, { files: 'one' }], reloads: 0 },
  { name: 'a change is taken over, once', periods: [{ files: 'two' }, { files: 'two' }], reloads: 1 },
  {
    name: 'a file that cannot be read passes in silence',
    periods: [{ files: UNREADABLE }, { files: 'two' }],
    reloads: 1,
  },
  {
    name: 'what cannot be parsed is said and counted, and the next look is as the first',
    periods: [{ files: UNPARSABLE }, { files: 'two' }],
    reloads: 1,
    failed: 1,
    lines: [UNPARSABLE_SAID],
  },
  {
    name: 'the same fault is said at each look, and counted once',
    periods: [{ files: UNPARSABLE }, { files: UNPARSABLE }],
    reloads: 0,
    failed: 1,
    lines: [UNPARSABLE_SAID, UNPARSABLE_SAID],
  },
  {
    name: 'several faults are one line; another fault counts anew, and so does one that has come back',
    periods: [{ files: UNPARSABLE }, { files: UNPARSABLE_TWICE }, { files: 'one' }, { files: UNPARSABLE_TWICE }],
    reloads: 0,
    failed: 3,
    lines: [UNPARSABLE_SAID, UNPARSABLE_TWICE_SAID, UNPARSABLE_TWICE_SAID],
  },
  {
    name: 'what failed is not tried again until it changes',
    periods: [{ files: 'two', fails: true }, { files: 'two', fails: true }, { files: 'three' }],
    reloads: 2,
    lines: [FAILED],
  },
];

for (const { name, periods, reloads, failed: wantFailed = 0, lines: wantLines = [] } of watchCases) {
  test(`watch: ${name}`, async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const configuration = new FakeConfiguration();
    const { log, lines } = fakeLog();
    const failed = new Counter();
    const config = { intervalMs: PERIOD_MS, jitterMs: 0 };
    const stop = watch({ config, configuration, log, failed, random: () => 0.5 });
    for (const { files, fails = false } of periods) {
      Object.assign(configuration, { files, reloadFails: fails });
      t.mock.timers.tick(PERIOD_MS);
      await settled();
    }
    stop();
    assert.equal(configuration.reloads, reloads);
    assert.equal(failed.value, wantFailed);
    assert.deepEqual(lines(), wantLines);
  });
}

test('watch: the jitter is half before and half behind the interval', (t) => {
  for (const [random, periodMs] of [
    [0, 9_000],
    [0.999, 10_998],
  ] as const) {
    const setInterval = t.mock.method(globalThis, 'setInterval', () => undefined);
    const config = { intervalMs: 10_000, jitterMs: 2_000 };
    const configuration = new FakeConfiguration();
    watch({ config, configuration, log: fakeLog().log, failed: new Counter(), random: () => random });
    assert.equal(setInterval.mock.calls[0]?.arguments[1], periodMs);
    setInterval.mock.restore();
  }
});

test('setup: of several blocks the last one watches, and says what runs', async () => {
  const process = new FakeProcess({ configuration: new FakeConfiguration() });
  const blocks = [fakeBlock({ process }), fakeBlock({ process })];
  for (const block of blocks) reload.setup({ intervalMs: PERIOD_MS, jitterMs: 0 }, block);
  for (const block of blocks) block.serving();
  assert.deepEqual(
    blocks.map((block) => block.lines()),
    [[], ['[INFO] plugin/reload: Running configuration SHA512 = one']],
  );
  for (const block of blocks) await block.stop();
});
