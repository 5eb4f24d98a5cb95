/** What the server tells whoever holds the node's addresses, and when. */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import dnsPacket from 'dns-packet';
import { freePort } from '../sys/testing/free-port.ts';
import { WITHOUT_IPV6 } from '../sys/testing.ts';
import { FakeNodeHolder, testServer } from './testing.ts';

const PATIENCE_MS = 60_000;
const LOCAL = '127.0.0.1';
/** No host has them (RFC 5737, RFC 3849). */
const ABSENT = '192.0.2.53';
const ABSENT_TOO = WITHOUT_IPV6 ? '192.0.2.54' : '2001:db8::53';

const block = (port: number, address: string, ...lines: string[]) =>
  `.:${port} {\n  bind ${address}\n  whoami\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;
const claimed = (port: number, address = ABSENT) => block(port, address, 'nodecache');

function serverFor(t: TestContext, corefile: string, responderCount = 0) {
  const node = new FakeNodeHolder();
  const running = testServer(corefile, { holdNode: node.hold, responderCount });
  let isStopped = false;
  const stop = () => {
    isStopped = true;
    return running.close();
  };
  t.after(() => (isStopped ? undefined : stop()));
  return { node, running, stop };
}

/** Whether a query over UDP is answered, and a connection taken; refused otherwise. */
async function isServed(port: number): Promise<boolean> {
  const [udp, tcp] = await Promise.all([isAnswered(port), isConnected(port)]);
  assert.equal(udp, tcp);
  return udp;
}

async function isAnswered(port: number): Promise<boolean> {
  const socket = dgram.createSocket('udp4');
  try {
    socket.connect(port, LOCAL);
    await once(socket, 'connect');
    socket.send(dnsPacket.encode({ type: 'query', id: 1, questions: [{ type: 'A', name: 'www.example.org' }] }));
    return await once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) }).then(
      () => true,
      (error) => {
        assert.match(String(error), /ECONNREFUSED/);
        return false;
      },
    );
  } finally {
    socket.close();
  }
}

async function isConnected(port: number): Promise<boolean> {
  const socket = net.connect(port, LOCAL);
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isOpen;
}

for (const responderCount of [0, 2]) {
  test(`with ${responderCount} responders: listeners answer before the node is taken, and until it is released`, async (t) => {
    const port = await freePort();
    const { node, running, stop } = serverFor(t, block(port, LOCAL), responderCount);
    const served: boolean[] = [];
    const look = async () => void served.push(await isServed(port));
    Object.assign(node.on, { prepare: look, apply: look, release: look, giveBack: look });
    await running.server.start();
    await stop();
    assert.deepEqual(node.steps, ['prepare', 'apply', 'release', 'giveBack']);
    assert.deepEqual(served, [false, true, true, false]);
  });
}

test('places that are claimed may come later, and are told', async (t) => {
  const port = await freePort();
  const { node, running } = serverFor(t, claimed(port, `${ABSENT} ${ABSENT_TOO}`));
  await running.server.start();
  const places = `${ABSENT}:${port} ${ABSENT_TOO}:${port}`;
  assert.deepEqual(node.steps, [`prepare ${places}`, `apply ${places}`]);
});

const notThere = [
  { name: 'a place that nobody claims', corefile: (port: number) => block(port, ABSENT) },
  {
    name: 'a place of a block beside the one that claims',
    corefile: (port: number) => `${claimed(port, ABSENT_TOO)}${block(port, ABSENT)}`,
  },
];
for (const { name, corefile } of notThere) {
  test(`${name} must be there`, async (t) => {
    const port = await freePort();
    const { node, running } = serverFor(t, corefile(port));
    await assert.rejects(
      running.server.start(),
      /^ConfigError: Corefile:\d: listen tcp 192\.0\.2\.53:\d+: .*; add nodecache to the block to have nodens hold it$/,
    );
    assert.deepEqual(node.steps.map(stepOf), ['prepare']);
  });
}

for (const step of ['prepare', 'apply'] as const) {
  test(`a start that fails in ${step} leaves nothing open`, async (t) => {
    const port = await freePort();
    const { node, running } = serverFor(t, `${claimed(port)}${block(port, LOCAL).replace('.:', 'example.org:')}`);
    node.on[step] = () => Promise.reject(new Error('no such luck'));
    const error = step === 'apply' ? /^ConfigError: Corefile:4: nodecache: no such luck$/ : /^Error: no such luck$/;
    await assert.rejects(running.server.start(), error);
    assert.equal(await isServed(port), false);
    assert.deepEqual(running.server.banner, []);
  });

  test(`a reload that fails in ${step} leaves the old configuration running, and the node to it`, async (t) => {
    const [port, other] = [await freePort(), await freePort()];
    const { node, running } = serverFor(t, block(port, LOCAL));
    await running.server.start();
    running.corefile = `${claimed(other)}${block(other, LOCAL).replace('.:', 'example.org:')}`;
    node.on[step] = () => Promise.reject(new Error('no such luck'));
    node.steps.length = 0;
    await assert.rejects(running.server.reload(), /no such luck/);
    assert.deepEqual(node.steps.map(stepOf).at(-1), step, 'nothing is settled');
    assert.deepEqual([await isServed(port), await isServed(other)], [true, false]);
  });
}

test('a reload: new listeners open before the node changes hands, old ones close before that is settled', async (t) => {
  const [port, other] = [await freePort(), await freePort()];
  const { node, running } = serverFor(t, block(port, LOCAL));
  await running.server.start();
  node.steps.length = 0;
  const served: boolean[][] = [];
  const settled = Promise.withResolvers<void>();
  const look = async () => void served.push([await isServed(port), await isServed(other)]);
  Object.assign(node.on, { apply: look, settle: () => look().then(settled.resolve, settled.reject) });
  running.corefile = block(other, LOCAL);
  await running.server.reload();
  await settled.promise;
  assert.deepEqual(node.steps, ['prepare', 'apply', 'settle']);
  assert.deepEqual(served, [
    [true, true],
    [false, true],
  ]);
});

test('a stop during the start waits for it, so that all that was set up is taken down', async (t) => {
  const port = await freePort();
  const httpPort = await freePort();
  const { node, running, stop } = serverFor(
    t,
    block(port, LOCAL, `health 127.0.0.1:${httpPort} {\n lameduck 10ms\n }`),
  );
  const [reached, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  node.on.apply = () => {
    reached.resolve();
    return goOn.promise;
  };
  const started = running.server.start();
  await reached.promise;
  const stopped = stop();
  goOn.resolve();
  await Promise.all([started, stopped]);
  assert.deepEqual(node.steps.map(stepOf), ['prepare', 'apply', 'release', 'giveBack']);
  assert.match(running.lines().join(), /Going into lameduck mode/);
  assert.equal(await isServed(port), false);
});

test('a stop does every step, and says what failed', async (t) => {
  const port = await freePort();
  const { node, running } = serverFor(t, block(port, LOCAL));
  await running.server.start();
  node.on.release = () => Promise.reject(new Error('cannot release'));
  node.on.giveBack = () => Promise.reject(new Error('cannot give back'));
  await assert.rejects(running.server.stop(), /cannot release; Error: cannot give back/);
  assert.equal(await isServed(port), false);
  delete node.on.release;
  delete node.on.giveBack;
});

test('what ails the holder ails the process', async (t) => {
  const port = await freePort();
  const httpPort = await freePort();
  const { node, running } = serverFor(t, block(port, LOCAL, `health 127.0.0.1:${httpPort}`));
  await running.server.start();
  assert.equal(await healthOf(httpPort), 200);
  node.illness = '192.0.2.53 has not answered itself for 10 s';
  assert.equal(await healthOf(httpPort), 503);
});

async function healthOf(port: number): Promise<number> {
  return (await fetch(`http://127.0.0.1:${port}/health`)).status;
}

function stepOf(text: string): string {
  return text.split(' ')[0] ?? '';
}
