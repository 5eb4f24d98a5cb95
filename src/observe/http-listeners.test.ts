import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { freePort } from '../sys/testing/free-port.ts';
import { type HttpHandler, HttpListeners, type HttpRoutes, respond } from './http-listeners.ts';

/** Routes whose handlers answer with the path's text. */
function routes(texts: Record<string, string>): HttpRoutes {
  return new Map(
    Object.entries(texts).map(([path, text]): [string, HttpHandler] => [
      path,
      (_request, response) => respond(response, 200, text),
    ]),
  );
}

async function get(url: string): Promise<string> {
  const response = await fetch(url);
  return `${response.status} ${(await response.text()).trim()}`;
}

test('owners share an address; the oldest handler of a path answers, and when it has gone the next one', async () => {
  const listeners = new HttpListeners();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const releaseOld = await listeners.acquire(`127.0.0.1:${port}`, routes({ '/a': 'old a' }));
  const releaseNew = await listeners.acquire(`localhost:${port}`, routes({ '/a': 'new a', '/b': 'new b' }));
  assert.equal(await get(`${url}/a?query`), '200 old a');
  assert.equal(await get(`${url}/b`), '200 new b');
  assert.equal(await get(`${url}/`), '404 not found');
  await releaseOld();
  await releaseOld();
  assert.equal(await get(`${url}/a`), '200 new a');
  await releaseNew();
  await assert.rejects(fetch(url));
});

test('a new owner takes over without a gap', async () => {
  const listeners = new HttpListeners();
  const port = await freePort();
  const releaseOld = await listeners.acquire(`127.0.0.1:${port}`, routes({ '/a': 'old' }));
  const releasing = releaseOld();
  const releaseNew = await listeners.acquire(`127.0.0.1:${port}`, routes({ '/a': 'new' }));
  assert.equal(await get(`http://127.0.0.1:${port}/a`), '200 new');
  await releasing;
  await releaseNew();
});

test('an answer has its length, and the connection is closed behind it', async () => {
  const listeners = new HttpListeners();
  const port = await freePort();
  const release = await listeners.acquire(`127.0.0.1:${port}`, routes({ '/a': 'ä' }));
  const socket = net.connect(port, '127.0.0.1');
  socket.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n');
  const answer = await text(socket);
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n.*\r\nContent-Length: 2\r\n.*\r\n\r\nä$/s);
  assert.equal(answer.split('HTTP/1.1').length, 2);
  await release();
});

test('every address', async () => {
  const listeners = new HttpListeners();
  const port = await freePort();
  const release = await listeners.acquire(`:${port}`, routes({ '/a': 'a' }));
  assert.equal(await get(`http://127.0.0.1:${port}/a`), '200 a');
  await release();
});

test('an address that somebody else has is an error of one line', async () => {
  const other = net.createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  assert.ok(address !== null && typeof address === 'object');
  const listeners = new HttpListeners();
  const acquire = () => listeners.acquire(`127.0.0.1:${address.port}`, routes({}));
  const advice = 'stop the program that listens there, or choose another address or port';
  const message = `listen tcp 127.0.0.1:${address.port}: address already in use (EADDRINUSE): ${advice}`;
  await assert.rejects(acquire, { message });
  other.close();
  await once(other, 'close');
  await (await acquire())();
});

test('a request under way is answered before the server closes; an idle connection is not waited for', async () => {
  const listeners = new HttpListeners();
  const port = await freePort();
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<() => void>();
  const slow: HttpRoutes = new Map([['/slow', (_request, response) => onAsked(() => respond(response, 200, 'slow'))]]);
  const release = await listeners.acquire(`127.0.0.1:${port}`, slow);
  const idle = net.connect(port, '127.0.0.1').on('error', () => {});
  await once(idle, 'connect');
  const answer = get(`http://127.0.0.1:${port}/slow`);
  const respondNow = await asked;
  const released = release();
  respondNow();
  assert.equal(await answer, '200 slow');
  await released;
});

test('a server does not keep the process alive', async () => {
  const port = await freePort();
  const module = JSON.stringify(new URL('http-listeners.ts', import.meta.url).href);
  const script = `const { HttpListeners } = await import(${module});
    await new HttpListeners().acquire('127.0.0.1:${port}', new Map());
    const { connect } = await import('node:net');
    await new Promise((resolve) => connect(${port}, '127.0.0.1', function () { this.unref(); setTimeout(resolve, 20); }));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});
