/** Free ports for tests. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the kernel's ephemeral range, so that no outgoing socket takes the port between the search and its use.
const FIRST_PORT = 12_000;
const LAST_PORT = 32_000;
const ATTEMPTS = 200;

/** Those that this process has been given already, as most of them are used only a moment later. */
const given = new Set<number>();

/** A port that is free for UDP and TCP on `address` (loopback's v4 by default). */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (given.has(port)) continue;
    given.add(port);
    if ((await isFreeForTcp(port, address)) && (await isFreeForUdp(port, address))) return port;
  }
  throw new Error(`no free port on ${address} in ${ATTEMPTS} attempts`);
}

async function isFreeForTcp(port: number, address: string): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ port, host: address });
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

async function isFreeForUdp(port: number, address: string): Promise<boolean> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.bind(port, address);
    await once(socket, 'listening');
  } catch {
    socket.close();
    return false;
  }
  socket.close();
  await once(socket, 'close');
  return true;
}
