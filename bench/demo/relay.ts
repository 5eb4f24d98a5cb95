/**
 * A program that makes a path slow: what it receives on one socket, over UDP and TCP, goes on to another after a while,
 * and so do the answers. netem would do so in the kernel, which often has been built without it.
 *
 *   relay.ts LISTEN_ADDRESS LISTEN_PORT TARGET_ADDRESS TARGET_PORT ONE_WAY_MS
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, createServer, type Socket as TcpSocket } from 'node:net';

const IDLE_MS = 10_000; // Of a client's socket towards the target.
const [address, port, targetAddress, targetPort, oneWayMs] = process.argv.slice(2);
const later = (send: () => void) => void setTimeout(send, Number(oneWayMs));

const listener = createSocket('udp4');
const clients = new Map<string, UdpSocket>();
listener.on('message', (query, client) => {
  const socket = socketOf(client.address, client.port);
  later(() => socket.send(query, Number(targetPort), targetAddress));
});
listener.on('error', dropped);
listener.bind(Number(port), address, () => console.log('udp'));

const server = createServer((client) => {
  const target = connect(Number(targetPort), targetAddress);
  pass(client, target);
  pass(target, client);
});
server.listen(Number(port), address, () => console.log('tcp'));

/** A socket towards the target for each client, so that answers find their way back. */
function socketOf(clientAddress: string, clientPort: number): UdpSocket {
  const key = `${clientAddress} ${clientPort}`;
  const known = clients.get(key);
  if (known) return known;
  const socket = createSocket('udp4');
  clients.set(key, socket);
  socket.on('message', (response) => later(() => listener.send(response, clientPort, clientAddress, dropped)));
  socket.on('error', dropped);
  setTimeout(() => {
    clients.delete(key);
    later(() => socket.close());
  }, IDLE_MS);
  return socket;
}

function pass(from: TcpSocket, to: TcpSocket): void {
  from.setNoDelay();
  from.on('data', (chunk) => later(() => to.write(chunk)));
  from.on('end', () => later(() => to.end()));
  from.on('error', () => to.destroy());
}

/** The path loses packets, and a firewall that drops one on its way out says EPERM. */
function dropped(): void {}
