import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import v8 from 'node:v8';
import {
  BATCH_SLOTS,
  DATAGRAM_BYTES,
  DatagramBatch,
  PATH_WORDS,
  pathAddress,
  pathFamily,
  pathLocalAddress,
  pathPort,
  ReplyBatch,
} from './datagrams.ts';
import { DirectReplies } from './direct-replies.ts';
import { EAGAIN } from './errno.ts';
import { close, connectUdp, localPort, openUdp, receive, send } from './socket.ts';
import { WITHOUT_IPV6 } from './testing.ts';

const buffer = new Uint8Array(DATAGRAM_BYTES * 2);
/** V8 has none smaller, so less than this for each datagram is none at all. */
const SMALLEST_OBJECT_BYTES = 8;

/** A bound socket and a client that hears only what comes from the address it wrote to. */
function openPair(t: TestContext, listen = '127.0.0.1', connect = '127.0.0.1'): { fd: number; client: number } {
  const fd = openUdp({ address: listen, port: 0, packetInfo: listen === '' });
  const client = connectUdp(connect, localPort(fd), { receiveBufferBytes: 1024 * 1024 });
  t.after(() => {
    close(client);
    close(fd);
  });
  return { fd, client };
}

const pathCases = [
  { name: 'IPv4', listen: '127.0.0.1', connect: '127.0.0.1', source: '127.0.0.1', family: 4, local: undefined },
  { name: 'IPv6', listen: '::1', connect: '::1', source: '::1', family: 6, local: undefined },
  {
    name: 'the wildcard over IPv4',
    listen: '',
    connect: '127.0.0.1',
    source: '127.0.0.1',
    family: 4,
    local: '127.0.0.1',
  },
  {
    name: 'another address of the wildcard',
    listen: '',
    connect: '127.0.0.2',
    source: '127.0.0.1',
    family: 4,
    local: '127.0.0.2',
  },
  { name: 'the wildcard over IPv6', listen: '', connect: '::1', source: '::1', family: 6, local: '::1' },
];
for (const { name, listen, connect, source, family, local } of pathCases) {
  test(`datagrams: there and back over ${name}`, { skip: connect.includes(':') && WITHOUT_IPV6 }, (t) => {
    const { fd, client } = openPair(t, listen, connect);
    const batch = new DatagramBatch();
    const replies = new ReplyBatch();
    const direct = new DirectReplies(batch);
    const path = new Uint32Array(PATH_WORDS);
    const pathBytes = new Uint8Array(path.buffer);
    send(client, Uint8Array.of(1, 2, 3));
    assert.equal(batch.receive(fd), 1);
    assert.deepEqual([...batch.bytes.subarray(batch.messageOffset(0)).subarray(0, batch.messageLength(0))], [1, 2, 3]);
    batch.copyPath(0, path, 0);
    assert.equal(pathPort(pathBytes, 0), localPort(client));
    assert.equal(pathFamily(pathBytes, 0), family);
    assert.equal(pathLocalAddress(pathBytes, 0), local);
    assert.equal(pathAddress(pathBytes, 0), source);
    replies.add(Uint8Array.of(4, 5), path, 0);
    direct.bytes[direct.writeOffset] = 6;
    direct.add(0, 1);
    assert.equal(batch.family(0), family);
    assert.equal(replies.send(fd), 1);
    assert.equal(direct.send(fd), 0);
    assert.equal(receive(client, buffer), 2);
    assert.deepEqual([...buffer.subarray(0, 2)], [4, 5]);
    assert.equal(receive(client, buffer), 1);
    assert.equal(buffer[0], 6);
  });
}

test('datagrams: what does not fit in a batch comes with the next ones', (t) => {
  const { fd, client } = openPair(t);
  const batch = new DatagramBatch();
  const seen: number[] = [];
  for (let i = 0; i < 150; i++) send(client, Uint8Array.of(i));
  for (let count = batch.receive(fd); count > 0; count = batch.receive(fd)) {
    assert.ok(count <= BATCH_SLOTS);
    for (let slot = 0; slot < count; slot++) seen.push(batch.bytes[batch.messageOffset(slot)]);
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 150 }, (_, i) => i),
  );
  assert.equal(batch.receive(fd), -EAGAIN);
});

for (const { sent, isTruncated } of [
  { sent: 0, isTruncated: false },
  { sent: DATAGRAM_BYTES, isTruncated: false },
  { sent: DATAGRAM_BYTES + 1, isTruncated: true },
]) {
  test(`datagrams: ${sent} bytes are ${isTruncated ? 'cut, and marked' : 'whole'}`, (t) => {
    const { fd, client } = openPair(t);
    const batch = new DatagramBatch();
    const message = new Uint8Array(sent).fill(7);
    send(client, message);
    send(client, Uint8Array.of(1));
    assert.equal(batch.receive(fd), 2);
    assert.equal(batch.messageLength(0), Math.min(sent, DATAGRAM_BYTES));
    assert.equal(batch.isTruncated(0), isTruncated);
    assert.equal(batch.isTruncated(1), false);
    const offset = batch.messageOffset(0);
    const received = batch.bytes.subarray(offset, offset + batch.messageLength(0));
    assert.deepEqual(received, message.subarray(0, DATAGRAM_BYTES));
  });
}

test('replies: room for 64 of usual size and for the largest, and empty again once sent', (t) => {
  const { fd, client } = openPair(t);
  const batch = new DatagramBatch();
  const replies = new ReplyBatch();
  const path = new Uint32Array(PATH_WORDS);
  send(client, Uint8Array.of(1));
  batch.receive(fd);
  batch.copyPath(0, path, 0);
  for (const byteCount of [DATAGRAM_BYTES, 1, 60_000]) {
    let count = 0;
    for (; replies.hasRoom(byteCount); count++) replies.add(new Uint8Array(byteCount).fill(count), path, 0);
    assert.equal(replies.count, count);
    assert.equal(count, byteCount === 60_000 ? 4 : BATCH_SLOTS);
    assert.equal(replies.send(fd), count);
    assert.equal(replies.count, 0);
    for (let i = 0; i < count; i++) {
      const received = new Uint8Array(65_535);
      assert.equal(receive(client, received), byteCount);
      assert.equal(received[byteCount - 1], i);
    }
  }
});

test('replies: one that the kernel refuses does not keep the others', (t) => {
  const { fd, client } = openPair(t);
  const batch = new DatagramBatch();
  const replies = new ReplyBatch();
  const path = new Uint32Array(PATH_WORDS);
  send(client, Uint8Array.of(1));
  batch.receive(fd);
  batch.copyPath(0, path, 0);
  replies.add(Uint8Array.of(1), path, 0);
  replies.add(new Uint8Array(65_535), path, 0); // More than a UDP datagram can hold.
  replies.add(Uint8Array.of(3), path, 0);
  assert.equal(replies.send(fd), 2);
  assert.equal(receive(client, buffer), 1);
  assert.equal(receive(client, buffer), 1);
  assert.equal(buffer[0], 3);
});

test('direct replies: some of a batch, in an order of their own, each to its sender', (t) => {
  const { fd, client } = openPair(t);
  const other = connectUdp('127.0.0.1', localPort(fd));
  t.after(() => close(other));
  const batch = new DatagramBatch();
  const replies = new DirectReplies(batch);
  for (let round = 0; round < 2; round++) {
    for (const [i, sender] of [client, other, client, other].entries()) send(sender, Uint8Array.of(i));
    assert.equal(batch.receive(fd), 4);
    for (const slot of round === 0 ? [3, 0] : [1, 2]) {
      assert.ok(replies.hasRoom(1));
      replies.bytes[replies.writeOffset] = batch.bytes[batch.messageOffset(slot)];
      replies.add(slot, 1);
    }
    assert.equal(replies.count, 2);
    assert.equal(replies.send(fd), 0);
    const received = [client, other].map((receiver) => [receive(receiver, buffer), buffer[0]]);
    assert.deepEqual(
      received,
      round === 0
        ? [
            [1, 0],
            [1, 3],
          ]
        : [
            [1, 2],
            [1, 1],
          ],
    );
  }
});

test('datagrams: nothing is allocated per datagram', (t) => {
  const first = openUdp({ address: '127.0.0.1', port: 0, packetInfo: true });
  const second = connectUdp('127.0.0.1', localPort(first), { receiveBufferBytes: 1024 * 1024 });
  t.after(() => {
    close(first);
    close(second);
  });
  const batch = new DatagramBatch();
  const replies = new DirectReplies(batch);
  const reflect = (fd: number): number => {
    const count = batch.receive(fd);
    for (let slot = 0; slot < count; slot++) {
      const source = batch.messageOffset(slot);
      const length = batch.messageLength(slot);
      for (let i = 0; i < length; i++) replies.bytes[replies.writeOffset + i] = batch.bytes[source + i];
      replies.add(slot, length);
    }
    return count - replies.send(fd);
  };
  for (let i = 0; i < BATCH_SLOTS; i++) send(second, new Uint8Array(40));
  const rounds = (count: number): number => {
    let datagrams = 0;
    for (let i = 0; i < count; i++) datagrams += reflect(first) + reflect(second);
    return datagrams;
  };
  // The statistics count in steps of some 100 KiB and the compiler allocates too, so the best of a few runs counts.
  let bytesPerDatagram = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 30 && bytesPerDatagram >= SMALLEST_OBJECT_BYTES; run++) {
    const before = v8.getHeapStatistics().total_allocated_bytes;
    const datagrams = rounds(500);
    assert.equal(datagrams, 1000 * BATCH_SLOTS);
    bytesPerDatagram = (v8.getHeapStatistics().total_allocated_bytes - before) / datagrams;
  }
  assert.ok(bytesPerDatagram < SMALLEST_OBJECT_BYTES, `${bytesPerDatagram} bytes for each datagram`);
});
