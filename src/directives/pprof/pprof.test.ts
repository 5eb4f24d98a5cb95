import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { parse } from './pprof.ts';

const usual = { host: 'localhost', port: 6053 };
const parseCases = [
  { name: 'defaults', input: 'pprof', want: usual },
  { name: 'address', input: 'pprof :6054', want: { host: '', port: 6054 } },
  { name: 'IPv6', input: 'pprof [::1]:6054', want: { host: '::1', port: 6054 } },
  { name: 'block', input: 'pprof {\n block\n}', want: usual },
  { name: 'block with a rate', input: 'pprof localhost:6053 {\n block 20\n}', want: usual },
  { name: 'two addresses', input: 'pprof :1 :2', error: 'Corefile:1: pprof: takes 0 to 1 arguments, got 2' },
  {
    name: 'no port',
    input: 'pprof 127.0.0.1',
    error:
      'Corefile:1: pprof: expected an address and port such as 127.0.0.1:8080, [::1]:8080 or :8080, got "127.0.0.1"',
  },
  {
    name: 'a rate that is none',
    input: 'pprof {\n block often\n}',
    error: 'Corefile:2: pprof: block must be a whole number, got "often"',
  },
  {
    name: 'two rates',
    input: 'pprof {\n block 1 2\n}',
    error: 'Corefile:2: pprof: block takes 0 to 1 arguments, got 2',
  },
  {
    name: 'unknown property',
    input: 'pprof {\n blok 1\n}',
    error: 'Corefile:2: pprof: unknown property "blok"; did you mean "block"?',
  },
];
for (const { name, input, want, error } of parseCases) {
  test(`parse: ${name}`, () => {
    const run = () => parse(cursorOf(input)).address;
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.deepEqual(run(), want);
  });
}
