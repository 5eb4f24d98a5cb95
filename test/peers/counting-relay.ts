/** Stands between clients and a server, and notes what the clients ask. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { decode } from 'dns-packet';
import type { Server } from '../support/client.ts';

export type CountingRelay = {
  /** Queries go there from now on. */
  to(server: Server): void;
  /** The questions since the last time, as `www.example.org A`; one that was asked again, as its answer was late, once. */
  take(): string[];
};

/** Relays UDP queries that come to `listen`, each over a socket of its own, and the answers back; until the process ends. */
export async function startCountingRelay(listen: Server): Promise<CountingRelay> {
  const seen = new Set<string>();
  let server = listen;
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const [question] = decode(query).questions ?? [];
    if (question !== undefined) seen.add(`${question.name} ${question.type}`);
    const onward = createSocket('udp4');
    onward.on('message', (answer) => {
      socket.send(answer, from.port, from.address);
      onward.close();
    });
    onward.unref();
    onward.send(query, server.port, server.address);
  });
  socket.bind(listen.port, listen.address);
  await once(socket, 'listening');
  socket.unref();
  return {
    to(next) {
      server = next;
    },
    take() {
      const questions = [...seen];
      seen.clear();
      return questions;
    },
  };
}
