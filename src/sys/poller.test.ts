import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { Poller } from './poller.ts';
import { close, connectUdp, localPort, openUdp, receive, send } from './socket.ts';
import { until } from './testing.ts';

const buffer = new Uint8Array(64);
const query = Uint8Array.of(1);

/** A poller that ends with the test and collects what handlers throw. */
function openPoller(t: TestContext): { poller: Poller; errors: unknown[] } {
  const errors: unknown[] = [];
  const poller = new Poller((error) => errors.push(error));
  t.after(() => poller.close());
  return { poller, errors };
}

/** A socket with one datagram to read. */
function openReadable(t: TestContext): number {
  const fd = openUdp({ address: '127.0.0.1', port: 0, packetInfo: false });
  const client = connectUdp('127.0.0.1', localPort(fd));
  send(client, query);
  close(client);
  t.after(() => close(fd));
  return fd;
}

test('poller: calls the handler of a readable socket, and promises made there go on', async (t) => {
  const { poller } = openPoller(t);
  const fd = openReadable(t);
  const { promise, resolve } = Promise.withResolvers<number>();
  poller.add(fd, () => resolve(receive(fd, buffer)));
  assert.equal(await promise, query.length);
});

test('poller: a handler that leaves its data is called each turn, and neither timers nor others wait for it', async (t) => {
  const { poller } = openPoller(t);
  const greedy = openReadable(t);
  const modest = openReadable(t);
  let greedyCalls = 0;
  let modestCalls = 0;
  poller.add(greedy, () => greedyCalls++);
  poller.add(modest, () => {
    modestCalls++;
    receive(modest, buffer);
  });
  await until(() => greedyCalls >= 10);
  assert.equal(modestCalls, 1);
});

test('poller: what a handler throws is reported, and the others go on', async (t) => {
  const { poller, errors } = openPoller(t);
  const bad = openReadable(t);
  const good = openReadable(t);
  const failure = new Error('bad handler');
  const { promise, resolve } = Promise.withResolvers<void>();
  poller.add(bad, () => {
    receive(bad, buffer);
    throw failure;
  });
  poller.add(good, () => {
    receive(good, buffer);
    resolve();
  });
  await promise;
  assert.deepEqual(errors, [failure]);
});

test('poller: a removed socket is not called, even if it was readable in the same turn', async (t) => {
  const { poller } = openPoller(t);
  const fds = [openReadable(t), openReadable(t)];
  const called: number[] = [];
  for (const fd of fds) {
    poller.add(fd, () => {
      called.push(fd);
      for (const other of fds) poller.remove(other);
    });
  }
  await until(() => called.length > 0);
  await after(1);
  assert.equal(called.length, 1);
});

test('poller: more sockets than one batch of events', async (t) => {
  const { poller } = openPoller(t);
  const waiting = new Set(Array.from({ length: 150 }, () => openReadable(t)));
  for (const fd of waiting) {
    poller.add(fd, () => {
      receive(fd, buffer);
      waiting.delete(fd);
    });
  }
  await until(() => waiting.size === 0);
});

test('poller: add fails with an error, remove of a stranger and closing twice do nothing', (t) => {
  const { poller } = openPoller(t);
  assert.throws(() => poller.add(9999, () => {}), { code: 'EBADF' });
  poller.remove(9999);
  poller.close();
  poller.close();
  assert.throws(() => poller.add(0, () => {}), { code: 'EBADF' });
});

for (const end of ['poller.close()', 'poller.remove(fd)']) {
  test(`poller: the process ends after ${end}`, () => {
    const script = `
      const { Poller } = await import(${JSON.stringify(import.meta.resolve('./poller.ts'))});
      const { openUdp } = await import(${JSON.stringify(import.meta.resolve('./socket.ts'))});
      const poller = new Poller(() => {});
      const fd = openUdp({ address: '127.0.0.1', port: 0, packetInfo: false });
      poller.add(fd, () => {});
      setTimeout(() => ${end}, 1);
    `;
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 30_000 });
  });
}
