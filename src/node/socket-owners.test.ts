import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { NETLINK_SOCK_DIAG, Netlink } from '../sys/netlink.ts';
import { close, connectUdp, leaveSelection, localPort, openTcp, openUdp } from '../sys/socket.ts';
import { freePort } from '../sys/testing/free-port.ts';
import { WITHOUT_IPV6 } from '../sys/testing.ts';
import { listeningSockets, placesOfOthers } from './socket-owners.ts';

/** Addresses of loopback that nobody else uses: the kernel tells of the sockets of all processes here. */
const HERE = '127.77.53.1';
const ELSEWHERE = '127.77.53.2';

function openChannel(t: TestContext): Netlink {
  const kernel = new Netlink(NETLINK_SOCK_DIAG);
  t.after(() => kernel.close());
  return kernel;
}

function socketsAt(kernel: Netlink, address: string, port: number) {
  return listeningSockets(kernel, port).filter((socket) => socket.address === address);
}

function udpAt(t: TestContext, address: string, port = 0): number {
  const fd = openUdp({ address, port, packetInfo: false });
  t.after(() => close(fd));
  return fd;
}

for (const { address, skip } of [
  { address: HERE, skip: false as const },
  { address: '::1', skip: WITHOUT_IPV6 },
]) {
  test(`sockets at ${address}: UDP and TCP, with their user`, { skip }, async (t) => {
    const kernel = openChannel(t);
    const port = await freePort(address);
    udpAt(t, address, port);
    const listener = openTcp({ address, port, backlog: 1 });
    t.after(() => close(listener));
    const found = socketsAt(kernel, address, port);
    const uid = process.getuid?.();
    assert.deepEqual(
      found.map(({ inode, ...socket }) => socket),
      (['udp', 'tcp'] as const).map((protocol) => ({ protocol, address, port, uid })),
    );
    assert.equal(new Set(found.map(({ inode }) => inode)).size, 2);
  });
}

test('sockets: one that is connected takes no new traffic, and is not told', (t) => {
  const kernel = openChannel(t);
  const fd = udpAt(t, HERE);
  const client = connectUdp(HERE, localPort(fd), { sourceAddress: ELSEWHERE });
  t.after(() => close(client));
  assert.deepEqual(socketsAt(kernel, ELSEWHERE, localPort(client)), []);
  assert.equal(socketsAt(kernel, HERE, localPort(fd)).length, 1);
  assert.ok(leaveSelection(fd));
  assert.deepEqual(socketsAt(kernel, HERE, localPort(fd)), []);
});

/** Binds to the address it gets as argument, tells the port, and connects elsewhere at the first byte it reads. */
const INSTANCE = `
const socket = require('node:dgram').createSocket('udp4');
socket.bind(0, process.argv[1], () => process.stdout.write(socket.address().port + '\\n'));
process.stdin.once('data', () => socket.connect(9, '127.0.0.1', () => process.stdout.write('left\\n')));
process.stdin.once('end', () => process.exit());
`;

async function startInstance(t: TestContext, address: string) {
  const child = spawn(process.execPath, ['-e', INSTANCE, address], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [port] = await once(child.stdout, 'data');
  return {
    port: Number(port),
    async leave() {
      child.stdin.write('.');
      await once(child.stdout, 'data');
    },
  };
}

test('others: our own sockets are not, those of another process are until it leaves', async (t) => {
  const kernel = openChannel(t);
  const own = { address: HERE, port: localPort(udpAt(t, HERE)) };
  assert.deepEqual(placesOfOthers(kernel, [own]), []);
  const other = await startInstance(t, HERE);
  const place = { address: HERE, port: other.port };
  assert.deepEqual(placesOfOthers(kernel, [own, place]), [place]);
  assert.deepEqual(placesOfOthers(kernel, [{ ...place, address: ELSEWHERE }]), []);
  await other.leave();
  assert.deepEqual(placesOfOthers(kernel, [own, place]), []);
});

test('others: who listens at all addresses is no other instance', async (t) => {
  const kernel = openChannel(t);
  const { port } = await startInstance(t, '0.0.0.0');
  assert.ok(socketsAt(kernel, '0.0.0.0', port).length > 0);
  assert.deepEqual(placesOfOthers(kernel, [{ address: HERE, port }]), []);
});
