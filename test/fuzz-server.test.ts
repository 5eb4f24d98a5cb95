/** Damaged messages to a running server, from clients and from an upstream: it goes on, and does not grow. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { mutate } from '../src/wire/testing/mutate.ts';
import { Prng } from '../src/wire/testing/prng.ts';
import { answerSeeds, bigSeeds, querySeeds } from '../src/wire/testing/seeds.ts';
import { all, answer } from './peers/behaviours.ts';
import { type Behaviour, ScriptedUpstream } from './peers/scripted-upstream.ts';
import { TcpClient, UdpClient } from './support/client.ts';
import { buildQuery, encodeName, FLAGS, readResponse } from './support/message.ts';
import { type Nodens, startNodens } from './support/nodens.ts';

const SEED = 20_260_101;
const UDP_MESSAGES = 16_000;
const TCP_MESSAGES = 4_000;
const UPSTREAM_ANSWERS = 3_000;
const BATCH = 100;
const MAX_GROWTH_MIB = 64; // What a garbage collector may leave lying about, far below a leak of every message.
const WARM_UP_SHARE = 0.4;

const HEADER_BYTES = 12;
const ANCOUNT_OFFSET = 6;
const GOOD_NAME = 'good.example.org';

/** Sends one good query and waits for its answer among whatever else comes back; gives the others. */
async function askAmidst(client: UdpClient | TcpClient, id: number, qname = GOOD_NAME): Promise<Buffer[]> {
  client.send(buildQuery({ qname, id }));
  const others: Buffer[] = [];
  for (;;) {
    const message = await client.receive();
    if (message.readUInt16BE(0) === id && message.includes(encodeName(qname))) {
      assert.equal(readResponse(message).rcode, 'NOERROR');
      return others;
    }
    others.push(message);
  }
}

/** Every answer to a damaged query is a response that the independent decoder reads. */
function checkAnswers(messages: readonly Buffer[]): void {
  for (const message of messages) {
    assert.notEqual(message.readUInt16BE(2) & FLAGS.QR, 0, message.toString('hex'));
    assert.doesNotThrow(() => readResponse(message), message.toString('hex'));
  }
}

function residentMib(nodens: Nodens): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${nodens.pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** Runs `send` for each batch and asserts, once warm, that the server's memory stays where it is. */
async function boundedMemory(nodens: Nodens, batches: number, send: (batch: number) => Promise<void>): Promise<void> {
  const warmUp = Math.ceil(batches * WARM_UP_SHARE);
  for (let batch = 0; batch < warmUp; batch++) await send(batch);
  const before = residentMib(nodens);
  for (let batch = warmUp; batch < batches; batch++) await send(batch);
  const growth = residentMib(nodens) - before;
  assert.ok(growth < MAX_GROWTH_MIB, `grew by ${growth} MiB from ${before} MiB`);
}

/** Answers every query at once with its header and question, so that no damaged query has to wait for a time-out. */
async function startMirror() {
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    const response = Buffer.from(message.subarray(0, questionEnd(message)));
    response[2] |= FLAGS.QR >> 8;
    response.fill(0, ANCOUNT_OFFSET, HEADER_BYTES);
    socket.send(response, from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { endpoint: `127.0.0.1:${socket.address().port}`, stop: () => void socket.close() };
}

/** The offset behind the question; its name may end in a pointer. */
function questionEnd(message: Buffer): number {
  let offset = HEADER_BYTES;
  while (message[offset] !== 0 && message[offset] < 0xc0) offset += message[offset] + 1;
  return offset + (message[offset] === 0 ? 5 : 6);
}

test(`${UDP_MESSAGES + TCP_MESSAGES} damaged queries over UDP and TCP`, async (t) => {
  const mirror = await startMirror();
  t.after(mirror.stop);
  const nodens = await startNodens({
    corefile: `.:{PORT} {
    bind 127.0.0.1
    cache
    forward . ${mirror.endpoint} {
        prefer_udp
    }
}
`,
  });
  t.after(() => nodens.stop());
  const prng = new Prng(SEED);
  const seeds = [...querySeeds(), ...answerSeeds()];
  const damaged = () => Array.from({ length: BATCH }, () => Buffer.from(mutate(prng, seeds)));

  const udp = await UdpClient.open(nodens);
  await boundedMemory(nodens, UDP_MESSAGES / BATCH, async (batch) => {
    for (const message of damaged()) udp.send(message);
    checkAnswers(await askAmidst(udp, batch));
  });
  udp.close();

  await boundedMemory(nodens, TCP_MESSAGES / BATCH, async (batch) => {
    const tcp = await TcpClient.open(nodens);
    tcp.send(...damaged());
    checkAnswers(await askAmidst(tcp, batch));
    tcp.close();
  });

  assert.equal((await nodens.stop()).code, 0);
  assert.equal(nodens.stderr(), '');
});

test(`${UPSTREAM_ANSWERS} damaged answers of an upstream`, async (t) => {
  const prng = new Prng(SEED);
  const seeds = [...answerSeeds(), ...bigSeeds()];
  const forged: Behaviour = ({ query, send }) => {
    const message = Buffer.from(mutate(prng, seeds));
    if (message.length >= 2 && prng.below(8) > 0) message.writeUInt16BE(query.id, 0);
    send(message);
  };
  const upstream = await ScriptedUpstream.start();
  t.after(() => upstream.stop());
  upstream.otherwise((exchange) => all(forged, answer(`${exchange.query.qname} 60 A 192.0.2.1`))(exchange));
  const nodens = await startNodens({
    corefile: `.:{PORT} {\n bind 127.0.0.1\n cache\n forward . ${upstream.endpoint} {\n max_fails 0\n }\n}\n`,
  });
  t.after(() => nodens.stop());
  for (const Client of [UdpClient, TcpClient]) {
    const client = await Client.open(nodens); // Only now: an idle connection would be closed after 10 s.
    await boundedMemory(nodens, UPSTREAM_ANSWERS / BATCH / 2, async (batch) => {
      const ids = Array.from({ length: BATCH }, (_, i) => batch * BATCH + i);
      const protocol = Client === UdpClient ? 'udp' : 'tcp';
      for (const id of ids) client.send(buildQuery({ qname: `${protocol}-${id}.example.org`, id }));
      const answered = new Set<number>();
      for (const _ of ids) {
        const response = readResponse(await client.receive());
        assert.match(response.question ?? '', new RegExp(`^${protocol}-${response.id}\\.example\\.org A IN$`));
        answered.add(response.id);
      }
      assert.equal(answered.size, BATCH);
    });
    client.close();
  }
  assert.equal((await nodens.stop()).code, 0);
  assert.equal(nodens.stderr(), '');
});
