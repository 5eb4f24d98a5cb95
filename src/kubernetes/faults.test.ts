import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StandingFaults } from './faults.ts';
import { lastGood } from './last-good.ts';

test('StandingFaults: each once for as long as it stands', () => {
  const told: string[] = [];
  const faults = new StandingFaults((fault) => told.push(fault));
  for (const standing of [['a'], ['a', 'b', 'b'], ['b'], ['a'], [], ['a']]) faults.update(standing);
  assert.deepEqual(told, ['a', 'b', 'a', 'a']);
});

test('lastGood: what cannot be read leaves what could be read last', async () => {
  const contents = ['one', new Error('no'), 'two', new Error('never'), new Error('never')];
  const read = lastGood('none', async () => {
    const content = contents.shift();
    if (typeof content === 'string') return content;
    throw content ?? new Error('nothing left');
  });
  const seen = [await read(), await read(), await read(), await read()];
  assert.deepEqual(seen, [
    { value: 'one' },
    { value: 'one', fault: 'no' },
    { value: 'two' },
    { value: 'two', fault: 'never' },
  ]);
  const unread = lastGood('none', async (): Promise<string> => Promise.reject(new Error('no')));
  assert.deepEqual(await unread(), { value: 'none', fault: 'no' });
});
