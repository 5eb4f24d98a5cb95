import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cursorOf } from '../../corefile/testing.ts';
import { freePort } from '../../sys/testing/free-port.ts';
import { fakeBlock } from '../testing.ts';
import { health, parse } from './health.ts';

const addressRule = 'expected an address and port such as 127.0.0.1:8080, [::1]:8080 or :8080';
const parseCases = [
  { name: 'defaults', input: 'health', want: {} },
  {
    name: 'address',
    input: 'health [::1]:8091',
    want: { address: { host: '::1', port: 8091 } },
  },
  {
    name: 'lameduck',
    input: 'health {\n lameduck 1m30s\n}',
    want: { lameduckMs: 90_000 },
  },
  { name: 'no port', input: 'health foo', error: `Corefile:1: health: ${addressRule}, got "foo"` },
  { name: 'two addresses', input: 'health :1 :2', error: 'Corefile:1: health: takes 0 to 1 arguments, got 2' },
  {
    name: 'no duration',
    input: 'health {\n lameduck\n}',
    error: 'Corefile:2: health: lameduck takes 1 argument, got 0',
  },
  {
    name: 'a number without unit',
    input: 'health {\n lameduck 5\n}',
    error: 'Corefile:2: health: lameduck must be a duration such as 30s, 1m30s or 500ms, got "5"',
  },
  {
    name: 'a negative duration',
    input: 'health {\n lameduck -5s\n}',
    error: 'Corefile:2: health: lameduck must be 0 or more, got "-5s"',
  },
  {
    name: 'unknown property',
    input: 'health {\n lameducks 5s\n}',
    error: 'Corefile:2: health: unknown property "lameducks"; did you mean "lameduck"?',
  },
];
for (const { name, input, want, error } of parseCases) {
  test(`parse: ${name}`, () => {
    const run = () => parse(cursorOf(input));
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.deepEqual(run(), want);
  });
}

test('of several in one block the last that sets something counts', () => {
  const { repeat } = health;
  assert.ok(typeof repeat === 'function');
  const lines = ['health :1', 'health :2 {\n lameduck 1s\n}', 'health {\n lameduck 2s\n}'];
  const configs = lines.map((line) => parse(cursorOf(line)));
  assert.deepEqual(repeat(configs), { address: { host: '', port: 2 }, lameduckMs: 2000 });
});

async function started(lameduckMs = 0) {
  const port = await freePort();
  const block = fakeBlock();
  health.setup({ address: { host: '127.0.0.1', port }, lameduckMs }, block);
  await block.start();
  return { block, url: `http://127.0.0.1:${port}` };
}

test('answers OK to any method, and 404 elsewhere, until the load stops', async () => {
  const { block, url } = await started();
  for (const method of ['GET', 'HEAD', 'POST']) {
    const response = await fetch(`${url}/health`, { method });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8');
    assert.equal(await response.text(), method === 'HEAD' ? '' : 'OK');
  }
  assert.equal((await fetch(`${url}/`)).status, 404);
  await block.stop();
  await assert.rejects(fetch(`${url}/health`));
});

test('says what is wrong while a part of the process is ill', async () => {
  const { block, url } = await started();
  block.process.illness = 'responder 0 has given no sign of life for 3 s';
  const response = await fetch(`${url}/health`);
  assert.deepEqual([response.status, await response.text()], [503, block.process.illness]);
  block.process.illness = undefined;
  assert.equal((await fetch(`${url}/health`)).status, 200);
  await block.stop();
});

test('goes on answering in lameduck mode, which is waited for', async () => {
  const { block, url } = await started(1000);
  let ended = false;
  const shutdown = block.shutdown().then(() => {
    ended = true;
  });
  await sleep(5);
  assert.equal((await fetch(`${url}/health`)).status, 200);
  assert.equal(ended, false);
  assert.deepEqual(block.lines(), ['[INFO] plugin/health: Going into lameduck mode for 1s']);
  await shutdown;
  await block.stop();
});

test('without lameduck nothing is said or waited for', async () => {
  const { block } = await started();
  await block.shutdown();
  assert.deepEqual(block.lines(), []);
  await block.stop();
});

test('an address in use gives the load up', async () => {
  const other = net.createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  assert.ok(address !== null && typeof address === 'object');
  const block = fakeBlock();
  health.setup({ address: { host: '127.0.0.1', port: address.port } }, block);
  const advice = 'stop the program that listens there, or choose another address or port';
  const message = `listen tcp 127.0.0.1:${address.port}: address already in use (EADDRINUSE): ${advice}`;
  await assert.rejects(block.start(), { message });
  await block.stop();
  other.close();
});
