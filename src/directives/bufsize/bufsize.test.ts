import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { fakeBlock, fakeNext, fakeQuery } from '../testing.ts';
import { bufsize, parse } from './bufsize.ts';

const parseCases = [
  { name: 'no argument takes the default', input: 'bufsize', want: 1232 },
  { name: 'lowest', input: 'bufsize 512', want: 512 },
  { name: 'highest', input: 'bufsize 4096', want: 4096 },
  { name: 'below lowest', input: 'bufsize 511', error: 'Corefile:1: bufsize: SIZE must be 512..4096, got "511"' },
  { name: 'above highest', input: 'bufsize 4097', error: 'Corefile:1: bufsize: SIZE must be 512..4096, got "4097"' },
  { name: 'not a number', input: 'bufsize big', error: 'Corefile:1: bufsize: SIZE must be 512..4096, got "big"' },
  { name: 'too many arguments', input: 'bufsize 512 7', error: 'Corefile:1: bufsize: takes 0 to 1 arguments, got 2' },
  { name: 'a block', input: 'bufsize {\n size 512\n}', error: 'Corefile:2: bufsize: takes no block, got "size"' },
];
for (const { name, input, want, error } of parseCases) {
  test(`parse: ${name}`, () => {
    const run = () => parse(cursorOf(input)).maxPayloadBytes;
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.equal(run(), want);
  });
}

const queryCases = [
  { name: 'a larger size is lowered', query: { udpPayloadBytes: 4096 }, want: 1232 },
  { name: 'a smaller size stays', query: { udpPayloadBytes: 512 }, want: 512 },
  { name: 'without OPT there is nothing to lower', query: {}, want: 0 },
  { name: 'over TCP as well', query: { udpPayloadBytes: 4096, protocol: 'tcp' }, want: 1232 },
] as const;
for (const { name, query: options, want } of queryCases) {
  test(`query: ${name}`, () => {
    const outcome = { response: undefined, rcode: 0, source: '' };
    const next = fakeNext(outcome);
    const query = fakeQuery(options);
    const handler = bufsize.setup({ maxPayloadBytes: 1232 }, fakeBlock())?.(next);
    assert.equal(handler?.(query), outcome);
    assert.equal(query.udpPayloadBytes, want);
    assert.deepEqual(next.queries, [query]);
  });
}
