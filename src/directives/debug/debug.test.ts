import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { fakeBlock } from '../testing.ts';
import { debug, parse } from './debug.ts';

const parseCases = [
  { name: 'no argument', input: 'debug' },
  { name: 'an argument', input: 'debug on', error: 'Corefile:1: debug: takes no arguments, got 1' },
  { name: 'a block', input: 'debug {\n on\n}', error: 'Corefile:2: debug: takes no block, got "on"' },
];
for (const { name, input, error } of parseCases) {
  test(`parse: ${name}`, () => {
    const run = () => parse(cursorOf(input));
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.equal(run(), undefined);
  });
}

test('prints DEBUG lines until the load stops, and makes faults fatal', async () => {
  const block = fakeBlock();
  assert.equal(debug.setup(undefined, block), undefined);
  assert.equal(block.listener.debug, true);
  block.log.debug('while it runs');
  await block.stop();
  block.log.debug('afterwards');
  assert.deepEqual(block.lines(), ['[DEBUG] while it runs']);
});
