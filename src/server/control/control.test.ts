import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { askControl, listenControl } from './control.ts';

/** A path in a directory that goes with the test. */
function pathFor(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'nodens-control-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'control.sock');
}

const echo = (request: unknown) => ({ got: request });

test('a request is answered, and only its user can make one', async (t) => {
  const path = pathFor(t);
  t.after(await listenControl(path, echo));
  const request = { text: 'x'.repeat(10_000) };
  assert.deepEqual(await askControl(path, request), { got: request });
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('what has ended is gone, and can be asked no more', async (t) => {
  const path = pathFor(t);
  const close = await listenControl(path, echo);
  close();
  assert.equal(existsSync(path), false);
  await assert.rejects(askControl(path, {}), { message: 'no such file or directory' });
});

test('what an instance has left behind is replaced, one that is at work is not', async (t) => {
  const path = pathFor(t);
  const gone = net.createServer().listen(`${path}.gone`);
  await once(gone, 'listening');
  renameSync(`${path}.gone`, path); // So that it stays when its owner ends.
  gone.close();
  t.after(await listenControl(path, echo));
  await assert.rejects(listenControl(path, echo), { message: 'another instance listens there' });
  assert.deepEqual(await askControl(path, 1), { got: 1 });
});

test('a file that is no socket is never taken away', async (t) => {
  const path = pathFor(t);
  writeFileSync(path, 'text');
  await assert.rejects(listenControl(path, echo), { message: 'address already in use' });
  assert.equal(readFileSync(path, 'utf8'), 'text');
});

const badPaths = [
  { name: 'too long', path: `/tmp/${'x'.repeat(110)}`, message: 'the path is longer than 107 bytes' },
  { name: 'in no directory', path: '/nowhere/control.sock', message: 'there is no directory /nowhere' },
];
for (const { name, path, message } of badPaths) {
  test(`a path ${name} is refused`, () => assert.rejects(listenControl(path, echo), { message }));
}

const badRequests = [
  { name: 'no JSON', text: 'hello\n' },
  { name: 'endless', text: 'x'.repeat(70_000) },
];
for (const { name, text } of badRequests) {
  test(`a request that is ${name} ends its connection, and nothing else`, async (t) => {
    const path = pathFor(t);
    t.after(await listenControl(path, echo));
    const socket = net.connect(path);
    socket.on('error', () => undefined); // What is still on its way when the other side closes.
    socket.end(text);
    socket.resume();
    await once(socket, 'close');
    assert.deepEqual(await askControl(path, 1), { got: 1 });
  });
}

test('a request that makes the answer fail gets none', async (t) => {
  const path = pathFor(t);
  const close = await listenControl(path, () => {
    throw new Error('no questions');
  });
  t.after(close);
  await assert.rejects(askControl(path, {}), { message: 'it gives no answer' });
});
