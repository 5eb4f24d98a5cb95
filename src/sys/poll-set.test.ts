import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Doorbell } from './doorbell.ts';
import { PollSet } from './poll-set.ts';
import { close, connectUdp, localPort, openUdp, receive, send } from './socket.ts';

const LONG_MS = 10_000;
const buffer = new Uint8Array(16);

function openPair(t: TestContext): { fd: number; client: number } {
  const fd = openUdp({ address: '127.0.0.1', port: 0, packetInfo: false });
  const client = connectUdp('127.0.0.1', localPort(fd));
  t.after(() => {
    close(client);
    close(fd);
  });
  return { fd, client };
}

function readyOf(set: PollSet, count: number): boolean[] {
  return Array.from({ length: count }, (_, i) => set.isReady(i));
}

test('poll set: tells which sockets have something to read, for as long as they have', (t) => {
  const pairs = [openPair(t), openPair(t), openPair(t)];
  const set = new PollSet();
  set.watch(pairs.map(({ fd }) => fd));
  assert.equal(set.wait(0), 0);
  assert.deepEqual(readyOf(set, 3), [false, false, false]);
  send(pairs[1].client, Uint8Array.of(1));
  assert.equal(set.wait(LONG_MS), 1);
  assert.deepEqual(readyOf(set, 3), [false, true, false]);
  send(pairs[2].client, Uint8Array.of(2));
  assert.equal(set.wait(LONG_MS), 2);
  assert.deepEqual(readyOf(set, 3), [false, true, true]);
  receive(pairs[1].fd, buffer);
  assert.equal(set.wait(-1), 1);
  assert.deepEqual(readyOf(set, 3), [false, false, true]);
});

test('poll set: waits as long as it is told to when nothing comes', (t) => {
  const { fd } = openPair(t);
  const set = new PollSet();
  set.watch([fd]);
  const startedAtMs = performance.now();
  assert.equal(set.wait(20), 0);
  assert.ok(performance.now() - startedAtMs >= 19);
});

test('poll set: others are watched, or none', (t) => {
  const [first, second] = [openPair(t), openPair(t)];
  const set = new PollSet();
  assert.equal(set.wait(0), 0);
  send(first.client, Uint8Array.of(1));
  set.watch([first.fd]);
  assert.equal(set.wait(0), 1);
  set.watch([second.fd]);
  assert.equal(set.wait(0), 0);
  set.watch([second.fd, first.fd]);
  assert.equal(set.wait(0), 1);
  assert.deepEqual(readyOf(set, 2), [false, true]);
  set.watch([]);
  assert.equal(set.wait(0), 0);
});

test('poll set: a doorbell that was rung is heard until it is answered', (t) => {
  const bell = new Doorbell();
  t.after(() => bell.close());
  const set = new PollSet();
  set.watch([bell.fd]);
  assert.equal(set.wait(0), 0);
  bell.ring();
  bell.ring();
  assert.equal(set.wait(LONG_MS), 1);
  assert.equal(set.wait(LONG_MS), 1);
  bell.answer();
  assert.equal(set.wait(0), 0);
});

test('poll set: a descriptor that is closed counts as ready, so that who reads it finds out', () => {
  const fd = openUdp({ address: '127.0.0.1', port: 0, packetInfo: false });
  const set = new PollSet();
  set.watch([fd]);
  close(fd);
  assert.equal(set.wait(0), 1);
  assert.equal(set.isReady(0), true);
});

test('poll set: the list that it was given may change', (t) => {
  const { fd, client } = openPair(t);
  const fds = [fd];
  const set = new PollSet();
  set.watch(fds);
  fds.length = 0;
  send(client, Uint8Array.of(1));
  assert.equal(set.wait(LONG_MS), 1);
});
