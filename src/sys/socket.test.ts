import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import { EAGAIN, ECONNREFUSED } from './errno.ts';
import {
  close,
  connectUdp,
  droppedDatagrams,
  hostPort,
  isWildcard,
  leaveSelection,
  localPort,
  localText,
  openTcp,
  openUdp,
  receive,
  send,
} from './socket.ts';
import { WITHOUT_IPV6 } from './testing.ts';

const buffer = new Uint8Array(64);
const query = Uint8Array.of(1, 2, 3);

function numberIn(path: string): number {
  return Number(readFileSync(path, 'latin1'));
}

const addressCases = [
  { name: 'IPv4', listen: '127.0.0.1', connect: '127.0.0.1', skip: false as const },
  { name: 'IPv6', listen: '::1', connect: '::1', skip: WITHOUT_IPV6 },
  { name: 'the wildcard over IPv4', listen: '', connect: '127.0.0.1', skip: false as const },
  { name: 'the wildcard over IPv6', listen: '', connect: '::1', skip: WITHOUT_IPV6 },
  { name: '0.0.0.0 over IPv6', listen: '0.0.0.0', connect: '::1', skip: WITHOUT_IPV6 },
];
for (const { name, listen, connect, skip } of addressCases) {
  test(`udp: ${name}`, { skip }, () => {
    const fd = openUdp({ address: listen, port: 0, packetInfo: true });
    const client = connectUdp(connect, localPort(fd));
    assert.equal(receive(fd, buffer), -EAGAIN);
    assert.equal(send(client, query), query.length);
    assert.equal(receive(fd, buffer), query.length);
    assert.deepEqual(buffer.subarray(0, query.length), query);
    close(client);
    close(fd);
  });

  test(`udp: where it is bound to: ${name}`, { skip }, () => {
    const fd = openUdp({ address: listen, port: 0, packetInfo: false });
    const client = connectUdp(connect, localPort(fd), { sourceAddress: connect });
    assert.equal(localText(client), hostPort(connect, localPort(client)));
    close(client);
    close(fd);
  });

  test(`tcp: ${name}`, { skip }, async () => {
    const fd = openTcp({ address: listen, port: 0, backlog: 1 });
    const client = net.connect(localPort(fd), connect);
    await once(client, 'connect');
    client.destroy();
    close(fd);
  });
}

test('udp and tcp: sockets share a port', () => {
  for (const open of [openTcp, openUdp]) {
    const options = { address: '127.0.0.1', backlog: 1, packetInfo: false };
    const first = open({ ...options, port: 0 });
    const second = open({ ...options, port: localPort(first) });
    assert.equal(localPort(second), localPort(first));
    close(first);
    close(second);
  }
});

test('udp: free ports are not given out twice', () => {
  const fds = Array.from({ length: 500 }, () => openUdp({ address: '127.0.0.1', port: 0, packetInfo: false }));
  assert.equal(new Set(fds.map(localPort)).size, fds.length);
  for (const fd of fds) close(fd);
});

for (const address of ['192.0.2.53', '2001:db8::53']) {
  const skip = address.includes(':') && WITHOUT_IPV6;

  test(`udp and tcp: ${address} is bound before it is there, if it may come later`, { skip }, () => {
    close(openUdp({ address, port: 0, packetInfo: false, mayComeLater: true }));
    close(openTcp({ address, port: 0, backlog: 1, mayComeLater: true }));
  });

  test(`udp and tcp: ${address} is not there`, { skip }, () => {
    const error = { code: 'EADDRNOTAVAIL', message: /the host has no such address; add nodecache to the block/ };
    assert.throws(() => openUdp({ address, port: 0, packetInfo: false }), error);
    assert.throws(() => openTcp({ address, port: 0, backlog: 1 }), error);
  });
}

test('udp: the receive buffer holds a thousand queries', { skip: cannotRaiseBuffers() }, () => {
  const fd = openUdp({ address: '127.0.0.1', port: 0, packetInfo: false });
  const client = connectUdp('127.0.0.1', localPort(fd));
  for (let i = 0; i < 1000; i++) send(client, query);
  let received = 0;
  while (receive(fd, buffer) > 0) received++;
  assert.equal(received, 1000);
  close(client);
  close(fd);
});

function cannotRaiseBuffers(): string | false {
  const isAllowed = process.geteuid?.() === 0 || numberIn('/proc/sys/net/core/rmem_max') >= 4 * 1024 * 1024;
  return isAllowed ? false : 'net.core.rmem_max is too low';
}

test('udp: each connected socket has a port of its own, and hears of a closed one', () => {
  const unused = openUdp({ address: '127.0.0.1', port: 0, packetInfo: false });
  const port = localPort(unused);
  close(unused);
  const first = connectUdp('127.0.0.1', port);
  const second = connectUdp('127.0.0.1', port);
  assert.notEqual(localPort(first), localPort(second));
  send(first, query);
  assert.equal(receive(first, buffer), -ECONNREFUSED);
  close(first);
  close(second);
});

test('udp: a socket that has left the selection keeps its queue and gets nothing more', () => {
  const old = openUdp({ address: '127.0.0.1', port: 0, packetInfo: false });
  const port = localPort(old);
  const client = connectUdp('127.0.0.1', port);
  send(client, query);
  assert.ok(leaveSelection(old));
  const heir = openUdp({ address: '127.0.0.1', port, packetInfo: false });
  send(client, query);
  assert.equal(receive(old, buffer), query.length);
  assert.equal(receive(old, buffer), -EAGAIN);
  assert.equal(receive(heir, buffer), query.length);
  for (const fd of [old, heir, client]) close(fd);
});

test('an address in use is one clear line', async () => {
  const advice = 'stop the program that listens there, or choose another address or port';
  const udp = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await once(udp, 'listening');
  const { port } = udp.address();
  assert.throws(() => openUdp({ address: '127.0.0.1', port, packetInfo: false }), {
    name: 'SystemError',
    code: 'EADDRINUSE',
    syscall: 'bind',
    message: `listen udp 127.0.0.1:${port}: address already in use (EADDRINUSE): ${advice}`,
  });
  udp.close();
  const tcp = net.createServer().listen(0, '::');
  await once(tcp, 'listening');
  const address = tcp.address();
  assert.ok(typeof address === 'object' && address !== null);
  assert.throws(() => openTcp({ address: '', port: address.port, backlog: 1 }), {
    message: `listen tcp :${address.port}: address already in use (EADDRINUSE): ${advice}`,
  });
  tcp.close();
});

test('a port without permission says what is needed', { skip: allPortsAreFree() }, () => {
  const uid = process.geteuid?.() ?? 0;
  if (uid === 0) process.seteuid?.(65534);
  try {
    assert.throws(() => openUdp({ address: '127.0.0.1', port: 53, packetInfo: false }), {
      code: 'EACCES',
      message:
        /^listen udp 127\.0\.0\.1:53: permission denied \(EACCES\): missing capability CAP_NET_BIND_SERVICE, needed to listen on ports below \d+: /,
    });
  } finally {
    if (uid === 0) process.seteuid?.(uid);
  }
});

function allPortsAreFree(): string | false {
  return numberIn('/proc/sys/net/ipv4/ip_unprivileged_port_start') <= 53 ? 'any user may bind port 53 here' : false;
}

test('text that is no address is refused', () => {
  assert.throws(() => openUdp({ address: 'localhost', port: 53, packetInfo: false }), {
    message: 'listen udp localhost:53: invalid argument (EINVAL)',
  });
  assert.throws(() => connectUdp('', 53), { message: 'connect udp :53: invalid argument (EINVAL)' });
  assert.throws(() => connectUdp('127.0.0.1', 53, { sourceAddress: '192.0.2.1' }), {
    message: 'connect udp 127.0.0.1:53 from 192.0.2.1: address not available (EADDRNOTAVAIL)',
  });
});

const hostPortCases = [
  { address: '192.0.2.1', want: '192.0.2.1:53' },
  { address: '2001:db8::1', want: '[2001:db8::1]:53' },
  { address: '', want: ':53' },
];
for (const { address, want } of hostPortCases) {
  test(`hostPort: ${want}`, () => assert.equal(hostPort(address, 53), want));
}

test('isWildcard', () => {
  assert.deepEqual(['', '0.0.0.0', '::', '::1', '127.0.0.1'].filter(isWildcard), ['', '0.0.0.0', '::']);
});

test('udp: datagrams that find no room are counted', () => {
  const fd = openUdp({ address: '127.0.0.1', port: 0, packetInfo: false, receiveBufferBytes: 1 });
  const client = connectUdp('127.0.0.1', localPort(fd));
  assert.equal(droppedDatagrams(fd), 0);
  const count = 100;
  for (let i = 0; i < count; i++) send(client, query);
  let received = 0;
  while (receive(fd, buffer) > 0) received++;
  assert.ok(received < count);
  assert.equal(droppedDatagrams(fd), count - received);
  close(client);
  close(fd);
});
