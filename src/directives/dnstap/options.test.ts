import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { VERSION } from '../../observe/version.ts';
import { type DnstapConfig, parse } from './options.ts';

const usual = {
  full: false,
  writeBufferMib: 1,
  queueCount: 10_000,
  identity: hostname(),
  version: `nodens-${VERSION}`,
  extra: undefined,
  skipVerify: false,
};
const unix = { kind: 'unix', path: '/tmp/dnstap.sock' } as const;

const goodCases: readonly { input: string; want: Partial<DnstapConfig> }[] = [
  { input: 'dnstap /tmp/dnstap.sock', want: { endpoint: unix, name: '/tmp/dnstap.sock' } },
  { input: 'dnstap unix:///tmp/dnstap.sock full', want: { endpoint: unix, full: true } },
  { input: 'dnstap tcp://127.0.0.1:6000', want: { endpoint: { kind: 'tcp', host: '127.0.0.1', port: 6000 } } },
  { input: 'dnstap tcp://[2001:db8::1]:6000', want: { endpoint: { kind: 'tcp', host: '2001:db8::1', port: 6000 } } },
  {
    input: 'dnstap tls://tap.example.org:6001 {\n skipverify\n}',
    want: { endpoint: { kind: 'tls', host: 'tap.example.org', port: 6001 }, skipVerify: true },
  },
  { input: 'dnstap s full 1024 4096', want: { full: true, writeBufferMib: 1024, queueCount: 40_960_000 } },
  { input: 'dnstap s {\n identity node-1\n version "one two"\n}', want: { identity: 'node-1', version: 'one two' } },
];
for (const { input, want } of goodCases) {
  test(`parse: ${input.split('\n', 1)}`, () => {
    const config = parse(cursorOf(input));
    assert.deepEqual(config, { ...usual, endpoint: config.endpoint, name: config.name, ...want });
  });
}

const badCases = [
  { input: 'dnstap', error: 'Corefile:1: dnstap: takes 1 to 4 arguments, got 0' },
  { input: 'dnstap s full 1 1 1', error: 'Corefile:1: dnstap: takes 1 to 4 arguments, got 5' },
  { input: 'dnstap s fulll', error: 'Corefile:1: dnstap: expected full, got "fulll"' },
  { input: 'dnstap tcp://127.0.0.1', error: 'Corefile:1: dnstap: expected tcp://HOST:PORT, got "tcp://127.0.0.1"' },
  { input: 'dnstap tls://:6000', error: 'Corefile:1: dnstap: expected tls://HOST:PORT, got "tls://:6000"' },
  { input: 'dnstap tcp://h:70000', error: 'Corefile:1: dnstap: expected tcp://HOST:PORT, got "tcp://h:70000"' },
  {
    input: 'dnstap udp://h:1',
    error: 'Corefile:1: dnstap: expected a path, unix://PATH, tcp://HOST:PORT or tls://HOST:PORT, got "udp://h:1"',
  },
  {
    input: `dnstap /${'x'.repeat(107)}`,
    error: `Corefile:1: dnstap: the path of a unix socket has 107 bytes at most, got "/${'x'.repeat(107)}"`,
  },
  {
    input: 'dnstap s full 1025',
    error: 'Corefile:1: dnstap: the write buffer in MiB must be 1..1024, got "1025"',
  },
  {
    input: 'dnstap s full 1 0',
    error: 'Corefile:1: dnstap: the queue in ten thousands must be 1..4096, got "0"',
  },
  { input: 'dnstap s {\n identity\n}', error: 'Corefile:2: dnstap: identity takes 1 argument, got 0' },
  { input: 'dnstap s {\n skipverify yes\n}', error: 'Corefile:2: dnstap: skipverify takes no arguments, got 1' },
  {
    input: 'dnstap s {\n identify x\n}',
    error: 'Corefile:2: dnstap: unknown property "identify"; did you mean "identity"?',
  },
];
for (const { input, error } of badCases) {
  test(`parse: ${error.slice(0, 100)}`, () => {
    assert.throws(() => parse(cursorOf(input)), { name: 'ConfigError', message: error });
  });
}
