import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import dnsPacket from 'dns-packet';
import { cursorOf } from '../../corefile/testing.ts';
import { TYPE_A, TYPE_HINFO } from '../../wire/types.ts';
import { fakeBlock, fakeNext, fakeQuery } from '../testing.ts';
import { detectLoop, parse } from './loop.ts';

const parseCases = [
  { name: 'no argument', input: 'loop' },
  { name: 'an argument', input: 'loop now', error: 'Corefile:1: loop: takes no arguments, got 1' },
  { name: 'a block', input: 'loop {\n now\n}', error: 'Corefile:2: loop: takes no block, got "now"' },
];
for (const { name, input, error } of parseCases) {
  test(`parse: ${name}`, () => {
    const run = () => parse(cursorOf(input));
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.equal(run(), undefined);
  });
}

const PATIENT = { timeoutMs: 5000, retryMs: 5000, totalMs: 5000 };
const EAGER = { timeoutMs: 500, retryMs: 1, totalMs: 5000 };
const outcome = { response: undefined, rcode: 3, source: 'forward' };

/** A block whose listener is a socket of the test, and what came there; it stops with the test. */
async function serving(t: TestContext, zone: string, times = PATIENT, address = '127.0.0.1') {
  const listener = dgram.createSocket(address === '::1' ? 'udp6' : 'udp4');
  listener.bind(0, address === '' ? '127.0.0.1' : address);
  await once(listener, 'listening');
  const block = fakeBlock({ zones: [zone], port: listener.address().port });
  if (address !== '') block.listener.addresses.push(address);
  const next = fakeNext(outcome);
  const handler = detectLoop(block, times)(next);
  t.after(async () => {
    await block.stop();
    listener.close();
  });
  block.serving();
  const receive = async () => {
    const [message, client] = await once(listener, 'message');
    const question = dnsPacket.decode(message).questions?.[0] ?? assert.fail('no question');
    return {
      question,
      qname: `${question.name}.`,
      message,
      reply: () => new Promise((resolve) => listener.send(message, client.port, client.address, resolve)),
    };
  };
  const see = (qname: string, qtype = TYPE_HINFO) => handler(fakeQuery({ qname, qtype, clientPort: 40000 }));
  return { block, next, receive, see };
}

for (const { zone, address, shape } of [
  { zone: '.', address: '127.0.0.1', shape: /^\d+\.\d+\.$/ },
  { zone: 'example.org.', address: '', shape: /^\d+\.\d+\.example\.org\.$/ },
  { zone: 'example.org.', address: '::1', shape: /^\d+\.\d+\.example\.org\.$/ },
]) {
  test(`probe of ${zone} to "${address}"`, async (t) => {
    const { receive } = await serving(t, zone, PATIENT, address);
    const { question, qname, message } = await receive();
    assert.match(qname, shape);
    assert.equal(question.type, 'HINFO');
    assert.equal(question.class, 'IN');
    assert.equal(message.readUInt16BE(2), 0x0100);
  });
}

test('the third sight of the probe ends the process', async (t) => {
  const { block, next, receive, see } = await serving(t, 'example.org.');
  const { qname } = await receive();
  for (const name of [qname, 'other.example.org.', qname]) assert.equal(see(name), outcome);
  see(qname, TYPE_A);
  assert.deepEqual(block.process.fatals, []);
  assert.equal(see(qname.toUpperCase()), outcome);
  assert.deepEqual(block.process.fatals, [
    'plugin/loop: Loop (192.0.2.53:40000 -> 127.0.0.1:1053) detected for zone "example.org.", ' +
      `see https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO ${qname}"`,
  ]);
  assert.equal(next.queries.length, 5);
});

test('any reply ends the search', async (t) => {
  const { block, receive, see } = await serving(t, '.');
  const { qname, reply } = await receive();
  await reply();
  for (let turn = 0; turn < 10; turn++) await nextTurn(); // It has arrived; each turn reads the sockets.
  for (let i = 0; i < 5; i++) see(qname);
  assert.deepEqual(block.process.fatals, []);
});

test('without a reply it is tried again, and counted anew', async (t) => {
  const { block, receive, see } = await serving(t, '.', EAGER);
  const first = await receive();
  for (let i = 0; i < 2; i++) see(first.qname);
  const second = await receive();
  assert.equal(second.qname, first.qname);
  for (let i = 0; i < 2; i++) see(first.qname);
  assert.deepEqual(block.process.fatals, []);
});

test('in the end it is given up', async (t) => {
  const { block, receive, see } = await serving(t, '.', { ...PATIENT, totalMs: 20 });
  const { qname } = await receive();
  await sleep(40);
  for (let i = 0; i < 5; i++) see(qname);
  assert.deepEqual(block.process.fatals, []);
});
