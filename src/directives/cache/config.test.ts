import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { fakeBlock } from '../testing.ts';
import { parse } from './config.ts';

const KEYS = fakeBlock({ zones: ['example.org.', 'example.com.'] }).keys;
const SUCCESS = { capacity: 9984, maxTtl: 3600, minTtl: 5, disabledZones: [] };
const DENIAL = { ...SUCCESS, maxTtl: 1800 };
const PREFETCH = { amount: 0, windowMs: 60_000, percent: 10 };
const STALE = {
  seconds: 3600,
  verify: false,
  verifyTimeoutMs: 0,
  responseTtl: 0,
  recheckMs: 5000,
  preferPositive: false,
};
const DEFAULTS = {
  zones: ['example.org.', 'example.com.'],
  success: SUCCESS,
  denial: DENIAL,
  servfailSeconds: 5,
  prefetch: PREFETCH,
  stale: undefined,
  keepTtl: false,
};

const goodCases = [
  { name: 'nothing', input: '', want: {} },
  { name: 'an empty block', input: '{\n}', want: {} },
  { name: 'TTL', input: '30', want: { success: { ...SUCCESS, maxTtl: 30 }, denial: { ...DENIAL, maxTtl: 30 } } },
  { name: 'a zone', input: 'example.net', want: { zones: ['example.net.'] } },
  {
    name: 'TTL and zones, which are normalised',
    input: '60 EXAMPLE.net dns://example.edu:53 10.0.0.0/8',
    want: {
      zones: ['example.net.', 'example.edu.', '10.in-addr.arpa.'],
      success: { ...SUCCESS, maxTtl: 60 },
      denial: { ...DENIAL, maxTtl: 60 },
    },
  },
  { name: 'zones that are none are dropped', input: 'a..b example.net', want: { zones: ['example.net.'] } },
  { name: 'no zones left: those of the block', input: 'a..b', want: {} },
  {
    name: 'success',
    input: '{\n success 5000 100 7\n}',
    want: { success: { ...SUCCESS, capacity: 4864, maxTtl: 100, minTtl: 7 } },
  },
  {
    name: 'success with capacity alone',
    input: '{\n success 512\n}',
    want: { success: { ...SUCCESS, capacity: 1024 } },
  },
  { name: 'a negative capacity', input: '{\n success -1\n}', want: { success: { ...SUCCESS, capacity: 1024 } } },
  {
    name: 'denial keeps the TTL before',
    input: '30 {\n denial 2560\n}',
    want: { success: { ...SUCCESS, maxTtl: 30 }, denial: { ...DENIAL, maxTtl: 30, capacity: 2560 } },
  },
  { name: 'MINTTL 0', input: '{\n denial 9984 5 0\n}', want: { denial: { ...DENIAL, maxTtl: 5, minTtl: 0 } } },
  {
    name: 'Cluster add-on',
    input: '{\n success 9984 30\n denial 9984 5\n}',
    want: { success: { ...SUCCESS, maxTtl: 30 }, denial: { ...DENIAL, maxTtl: 5 } },
  },
  { name: 'prefetch', input: '{\n prefetch 3\n}', want: { prefetch: { ...PREFETCH, amount: 3 } } },
  {
    name: 'prefetch with all',
    input: '{\n prefetch 3 60s 15%\n}',
    want: { prefetch: { amount: 3, windowMs: 60_000, percent: 15 } },
  },
  { name: 'prefetch 0 is off', input: '{\n prefetch 0\n}', want: {} },
  { name: 'serve_stale', input: '{\n serve_stale\n}', want: { stale: STALE } },
  { name: 'serve_stale with its time', input: '{\n serve_stale 1m30s\n}', want: { stale: { ...STALE, seconds: 90 } } },
  { name: 'serve_stale 0 is off', input: '{\n serve_stale 0\n}', want: {} },
  { name: 'serve_stale immediate', input: '{\n serve_stale 1h IMMEDIATE\n}', want: { stale: STALE } },
  {
    name: 'serve_stale immediate with all',
    input: '{\n serve_stale 1h immediate 30s 1m\n}',
    want: { stale: { ...STALE, responseTtl: 30, recheckMs: 60_000 } },
  },
  { name: 'serve_stale verify', input: '{\n serve_stale 1h Verify\n}', want: { stale: { ...STALE, verify: true } } },
  {
    name: 'serve_stale verify with all',
    input: '{\n serve_stale 1h verify 100ms 30s 0\n}',
    want: { stale: { ...STALE, verify: true, verifyTimeoutMs: 100, responseTtl: 30, recheckMs: 0 } },
  },
  { name: 'serve_stale: mode alone', input: '{\n serve_stale verify\n}', want: { stale: { ...STALE, verify: true } } },
  {
    name: 'RESPONSE_TTL as a number',
    input: '{\n serve_stale 1h immediate 30\n}',
    want: { stale: { ...STALE, responseTtl: 30 } },
  },
  {
    name: 'serve_stale_policy, even before serve_stale',
    input: '{\n serve_stale_policy prefer_positive\n serve_stale\n}',
    want: { stale: { ...STALE, preferPositive: true } },
  },
  { name: 'servfail', input: '{\n servfail 1m\n}', want: { servfailSeconds: 60 } },
  { name: 'servfail: most', input: '{\n servfail 5m\n}', want: { servfailSeconds: 300 } },
  { name: 'servfail: off', input: '{\n servfail 0\n}', want: { servfailSeconds: 0 } },
  {
    name: 'disable',
    input: '{\n disable success\n disable denial example.net Example.EDU\n}',
    want: {
      success: { ...SUCCESS, disabledZones: ['.'] },
      denial: { ...DENIAL, disabledZones: ['example.net.', 'example.edu.'] },
    },
  },
  {
    name: 'the last disable of a kind counts',
    input: '{\n disable success example.net\n disable success example.edu\n}',
    want: { success: { ...SUCCESS, disabledZones: ['example.edu.'] } },
  },
  { name: 'keepttl', input: '{\n keepttl\n}', want: { keepTtl: true } },
  {
    name: 'Do better: a block on one line is read as meant',
    input: '{ success 512 30 }',
    want: { success: { ...SUCCESS, capacity: 1024, maxTtl: 30 } },
  },
];
for (const { name, input, want } of goodCases) {
  test(`parse: ${name}`, () => {
    assert.deepEqual(parse(cursorOf(`cache ${input}`), KEYS), { ...DEFAULTS, ...want });
  });
}

const badCases = [
  { input: '0', error: '1: cache: TTL must be 1 or more, got "0"' },
  { input: '-30', error: '1: cache: TTL must be 1 or more, got "-30"' },
  { input: '{\n success\n}', error: '2: cache: success takes 1 to 3 arguments, got 0' },
  { input: '{\n success 1 2 3 4\n}', error: '2: cache: success takes 1 to 3 arguments, got 4' },
  { input: '{\n success many\n}', error: '2: cache: CAPACITY must be a whole number, got "many"' },
  { input: '{\n success 10 0\n}', error: '2: cache: TTL must be 1 or more, got "0"' },
  { input: '{\n denial 10 1h\n}', error: '2: cache: TTL must be 1 or more, got "1h"' },
  { input: '{\n denial 10 5 -1\n}', error: '2: cache: MINTTL must be 0 or more, got "-1"' },
  { input: '{\n prefetch\n}', error: '2: cache: prefetch takes 1 to 3 arguments, got 0' },
  { input: '{\n prefetch 1 1m 10% more\n}', error: '2: cache: prefetch takes 1 to 3 arguments, got 4' },
  { input: '{\n prefetch -1\n}', error: '2: cache: AMOUNT must be 0 or more, got "-1"' },
  {
    input: '{\n prefetch 1 60\n}',
    error: '2: cache: DURATION must be a duration such as 30s, 1m30s or 500ms, got "60"',
  },
  { input: '{\n prefetch 1 1m 10\n}', error: '2: cache: PERCENT must be 10%..90%, got "10"' },
  { input: '{\n prefetch 1 1m 9%\n}', error: '2: cache: PERCENT must be 10%..90%, got "9%"' },
  { input: '{\n prefetch 1 1m 91%\n}', error: '2: cache: PERCENT must be 10%..90%, got "91%"' },
  { input: '{\n serve_stale -1s\n}', error: '2: cache: DURATION must be 0 or more, got "-1s"' },
  {
    input: '{\n serve_stale soon\n}',
    error: '2: cache: DURATION must be a duration such as 30s, 1m30s or 500ms, got "soon"',
  },
  {
    input: '{\n serve_stale 1h later\n}',
    error: '2: cache: the refresh mode must be immediate or verify, got "later"',
  },
  { input: '{\n serve_stale 1h immediate 1s 1s 1s\n}', error: '2: cache: immediate takes 0 to 2 arguments, got 3' },
  { input: '{\n serve_stale 1h verify 1s 1s 1s 1s\n}', error: '2: cache: verify takes 0 to 3 arguments, got 4' },
  { input: '{\n serve_stale 1h verify -1s\n}', error: '2: cache: VERIFY_TIMEOUT must be 0 or more, got "-1s"' },
  {
    input: '{\n serve_stale 1h immediate 1500ms\n}',
    error: '2: cache: RESPONSE_TTL must be whole seconds, got "1500ms"',
  },
  { input: '{\n serve_stale 1h immediate -1s\n}', error: '2: cache: RESPONSE_TTL must be 0 or more, got "-1s"' },
  { input: '{\n serve_stale 1h immediate 0 6m\n}', error: '2: cache: FAILURE_RECHECK must be 0..5m, got "6m"' },
  { input: '{\n serve_stale\n serve_stale_policy\n}', error: '3: cache: serve_stale_policy takes 1 argument, got 0' },
  {
    input: '{\n serve_stale\n serve_stale_policy newest\n}',
    error: '3: cache: serve_stale_policy must be prefer_positive, got "newest"',
  },
  { input: '{\n serve_stale_policy prefer_positive\n}', error: '2: cache: serve_stale_policy needs serve_stale' },
  {
    input: '{\n serve_stale\n serve_stale_policy prefer_positive\n serve_stale_policy prefer_positive\n}',
    error: '4: cache: serve_stale_policy may stand once',
  },
  { input: '{\n servfail\n}', error: '2: cache: servfail takes 1 argument, got 0' },
  { input: '{\n servfail 1s 2s\n}', error: '2: cache: servfail takes 1 argument, got 2' },
  { input: '{\n servfail -1s\n}', error: '2: cache: servfail must be 0..5m, got "-1s"' },
  { input: '{\n servfail 301s\n}', error: '2: cache: servfail must be 0..5m, got "301s"' },
  { input: '{\n disable\n}', error: '2: cache: disable takes at least 1 argument, got 0' },
  { input: '{\n disable all\n}', error: '2: cache: disable must be followed by success or denial, got "all"' },
  { input: '{\n keepttl yes\n}', error: '2: cache: keepttl takes no arguments, got 1' },
  { input: '{\n succes 10\n}', error: '2: cache: unknown property "succes"; did you mean "success"?' },
  { input: '{\n success 10 {\n  nested\n }\n}', error: '3: cache: success takes no block, got "nested"' },
];
for (const { input, error } of badCases) {
  test(`parse: ${JSON.stringify(input)} is an error`, () => {
    assert.throws(() => parse(cursorOf(`cache ${input}`), KEYS), { name: 'ConfigError', message: `Corefile:${error}` });
  });
}
