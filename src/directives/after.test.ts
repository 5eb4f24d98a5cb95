import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after } from './after.ts';

test('after: at once of what is there, later of what is to come, which may fail', async () => {
  const twice = (value: number) => 2 * value;
  assert.equal(after(2, twice), 4);
  const late = after(Promise.resolve(2), twice);
  assert.ok(late instanceof Promise);
  assert.equal(await late, 4);
  await assert.rejects(async () => after(Promise.reject(new Error('no')), twice), /^Error: no$/);
});
