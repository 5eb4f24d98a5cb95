import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fakeLog } from '../observe/testing.ts';
import { Poller } from '../sys/poller.ts';
import type { Client } from './client.ts';
import { SelfQuery } from './self-query.ts';
import { TcpListener } from './tcp-listener.ts';
import { UdpListener } from './udp-listener.ts';

const DEADLINE_MS = 20_000;
const SOON_MS = 300;
const { log } = fakeLog();
const poller = new Poller((error) => log.error(String(error)));
after(() => poller.close());

/** A header that says NOTIMP, as the server answers what is no query. */
const notImplemented = (message: Uint8Array) => Uint8Array.of(message[0], message[1], 0x90, 4, 0, 0, 0, 0, 0, 0, 0, 0);

/** A listener on loopback that answers unless it is told not to; `heard` are the messages. */
function listen(selfQuery: SelfQuery | undefined, port = 0) {
  const state = { heard: 0, silent: false };
  const receive = (message: Uint8Array, client: Client) => {
    state.heard++;
    selfQuery?.arrived(message, client);
    if (state.silent) client.drop();
    else client.send(notImplemented(message));
  };
  const timeouts = { readMs: 5000, idleMs: 5000 };
  const tcp = new TcpListener({ address: '127.0.0.1', port, backlog: 16, maxConnections: 100, timeouts, receive });
  const udp = new UdpListener({ address: '127.0.0.1', port: tcp.port, poller, receive });
  tcp.start();
  udp.start();
  after(() => Promise.all([udp.close({ graceMs: 0 }), tcp.close({ graceMs: 0 })]));
  return Object.assign(state, { port: udp.port, place: { address: '127.0.0.1', port: udp.port } });
}

test('it answers over UDP and TCP', async () => {
  const selfQuery = new SelfQuery(poller);
  const { place } = listen(selfQuery);
  assert.equal(await selfQuery.ask(place, 1, DEADLINE_MS), true);
});

test('it is silent', async () => {
  const selfQuery = new SelfQuery(poller);
  const listener = listen(selfQuery);
  listener.silent = true;
  assert.equal(await selfQuery.ask(listener.place, 1, SOON_MS), false);
});

test('nobody listens', async () => {
  const selfQuery = new SelfQuery(poller);
  const { place } = listen(undefined);
  assert.equal(await selfQuery.ask({ ...place, port: 1 }, 1, SOON_MS), false);
});

test('answers of another process do not count', async () => {
  const other = listen(undefined);
  assert.equal(await new SelfQuery(poller).ask(other.place, 1, SOON_MS), false);
  assert.ok(other.heard > 0);
});

test('beside another process at the same place it is asked until its own sockets have answered', async () => {
  const selfQuery = new SelfQuery(poller);
  const own = listen(selfQuery);
  const other = listen(undefined, own.port);
  for (let round = 0; round < 5; round++) assert.equal(await selfQuery.ask(own.place, 1, DEADLINE_MS), true);
  assert.ok(other.heard > 0);
});
