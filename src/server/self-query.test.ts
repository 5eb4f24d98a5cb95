import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Poller } from '../sys/poller.ts';
import { WITHOUT_IPV6 } from '../sys/testing.ts';
import type { Receive } from './client.ts';
import { screen } from './screen.ts';
import { SelfQuery } from './self-query.ts';
import { TcpListener } from './tcp-listener.ts';
import { FakeNodeHolder, testServer } from './testing.ts';
import { UdpListener } from './udp-listener.ts';

const LONG_MS = 60_000;
/** For what is never answered: the tries of one round. */
const SHORT_MS = 100;

/** Answers as a listener does what no chain has to see. */
const respond: Receive = (message, client) => {
  const refusal = screen(message);
  if (refusal instanceof Uint8Array) client.send(refusal);
};
const swallow: Receive = (_, client) => client.drop();

type Place = { readonly selfQuery: SelfQuery; readonly address: string; readonly port: number };
type PlaceOptions = {
  readonly address?: string;
  /** That of another place, which it is then shared with as if by another process. */
  readonly port?: number;
  readonly udp?: Receive;
  readonly tcp?: Receive;
  readonly maxConnections?: number;
};

/** The sockets of one listener. */
function open(t: TestContext, options: PlaceOptions = {}): Place {
  const { address = '127.0.0.1', port = 0, udp = respond, tcp = respond, maxConnections = 100 } = options;
  const poller = new Poller((error) => assert.fail(String(error)));
  const selfQuery = new SelfQuery(poller);
  const noting =
    (receive: Receive): Receive =>
    (message, client) => {
      selfQuery.arrived(message, client);
      receive(message, client);
    };
  const tcpListener = new TcpListener({
    address,
    port,
    backlog: 64,
    maxConnections,
    timeouts: { readMs: LONG_MS, idleMs: LONG_MS },
    receive: noting(tcp),
    onRejected: (clientPort) => void selfQuery.turnedAway(clientPort),
  });
  const udpListener = new UdpListener({ address, port: tcpListener.port, poller, receive: noting(udp) });
  tcpListener.start();
  udpListener.start();
  t.after(async () => {
    await Promise.all([tcpListener.close({ graceMs: 0 }), udpListener.close({ graceMs: 0 })]);
    poller.close();
  });
  return { selfQuery, address, port: tcpListener.port };
}

for (const address of ['127.0.0.1', '::1', '']) {
  const skip = address === '::1' && WITHOUT_IPV6;
  test(`self-query: a listener on "${address}" answers itself`, { skip }, async (t) => {
    const { selfQuery, port } = open(t, { address });
    assert.equal(await selfQuery.ask({ address: address || '127.0.0.1', port }, 1, LONG_MS), true);
  });
}

const silentCases: readonly { name: string; options: PlaceOptions }[] = [
  { name: 'UDP', options: { udp: swallow } },
  { name: 'TCP', options: { tcp: swallow } },
];
for (const { name, options } of silentCases) {
  test(`self-query: one that does not answer over ${name} is found out`, async (t) => {
    const place = open(t, options);
    assert.equal(await place.selfQuery.ask(place, 1, SHORT_MS), false);
  });

  test(`self-query: another one that answers over ${name} in its place does not count`, async (t) => {
    const place = open(t, options);
    const other = open(t, { port: place.port });
    assert.equal(await place.selfQuery.ask(place, 1, SHORT_MS), false);
    assert.equal(await other.selfQuery.ask(other, 1, LONG_MS), true, 'the silent one is passed over');
  });
}

test('self-query: where several share a place, each finds its own sockets', async (t) => {
  const first = open(t);
  const all = [first, ...Array.from({ length: 3 }, () => open(t, { port: first.port }))];
  const answers = await Promise.all(all.map((place) => place.selfQuery.ask(place, 1, LONG_MS)));
  assert.deepEqual(answers, [true, true, true, true]);
});

test('self-query: connections of others up to the limit do not make the listener silent', async (t) => {
  const place = open(t, { maxConnections: 0 });
  assert.equal(await place.selfQuery.ask(place, 1, LONG_MS), true);
});

test('self-query: an address that is not on the host answers nothing', async (t) => {
  const { selfQuery, port } = open(t);
  assert.equal(await selfQuery.ask({ address: '192.0.2.1', port }, 1, SHORT_MS), false);
});

test('self-query: each of the UDP sockets must bring one', async (t) => {
  const place = open(t);
  assert.equal(await place.selfQuery.ask(place, 2, SHORT_MS), false, 'it has but one');
});

for (const responderCount of [0, 3]) {
  test(`self-query: with ${responderCount} responders all sockets are heard; nothing is counted or logged`, async (t) => {
    const node = new FakeNodeHolder();
    const corefile = '.:0 {\n bind 127.0.0.1\n log\n prometheus localhost:0\n whoami\n}\n';
    const running = testServer(corefile, { responderCount, holdNode: node.hold });
    t.after(() => running.close());
    await running.server.start();
    const counted = async () => (await running.metrics.expose()).match(/^coredns_dns_.*$/gm);
    const before = await counted();
    const linesBefore = running.lines();
    assert.equal(await node.listeners.selfQuery('127.0.0.1', LONG_MS), true);
    assert.equal(await node.listeners.selfQuery('127.0.0.2', LONG_MS), false, 'nobody listens there');
    assert.deepEqual(await counted(), before);
    assert.deepEqual(running.lines(), linesBefore);
  });
}
