import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { freePort } from '../../sys/testing/free-port.ts';
import { FakeProcess, fakeBlock } from '../testing.ts';
import { parse, ready } from './ready.ts';

const all = { host: '', port: 8181 };
const parseCases = [
  { name: 'defaults', input: 'ready', want: all },
  { name: 'address', input: 'ready 127.0.0.1:8191', want: { host: '127.0.0.1', port: 8191 } },
  { name: 'monitor once', input: 'ready {\n monitor until-ready\n}', want: all },
  { name: 'monitor on and on', input: 'ready {\n monitor continuously\n}', want: all },
  {
    name: 'unknown monitor',
    input: 'ready {\n monitor always\n}',
    error: 'Corefile:2: ready: monitor must be until-ready or continuously, got "always"',
  },
  { name: 'no monitor', input: 'ready {\n monitor\n}', error: 'Corefile:2: ready: monitor takes 1 argument, got 0' },
  {
    name: 'unknown property',
    input: 'ready {\n moniter continuously\n}',
    error: 'Corefile:2: ready: unknown property "moniter"; did you mean "monitor"?',
  },
  { name: 'two addresses', input: 'ready :1 :2', error: 'Corefile:1: ready: takes 0 to 1 arguments, got 2' },
];
for (const { name, input, want, error } of parseCases) {
  test(`parse: ${name}`, () => {
    const run = () => parse(cursorOf(input)).address;
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.deepEqual(run(), want);
  });
}

async function get(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/ready`);
  return `${response.status} ${await response.text()}`;
}

test('is ready from the first answer to the end of the process', async () => {
  const address = { host: '127.0.0.1', port: await freePort() };
  const block = fakeBlock({ servers: ['dns://[::1]:53', 'dns://127.0.0.1:53'] });
  ready.setup({ address }, block);
  await block.start();
  assert.equal(await get(address.port), '503 dns://127.0.0.1:53,dns://[::1]:53');
  block.serving();
  assert.equal(await get(address.port), '200 OK');
  await block.shutdown();
  assert.equal(await get(address.port), '503 Shutting down');
  await block.stop();
});

test('stays ready while a new load starts', async () => {
  const address = { host: '127.0.0.1', port: await freePort() };
  const process = new FakeProcess();
  const [old, fresh] = [fakeBlock({ process }), fakeBlock({ process })];
  for (const block of [old, fresh]) ready.setup({ address }, block);
  await old.start();
  old.serving();
  await fresh.start();
  assert.equal(await get(address.port), '200 OK');
  fresh.serving();
  await old.stop();
  assert.equal(await get(address.port), '200 OK');
  await fresh.stop();
});
