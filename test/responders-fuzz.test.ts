/** Damaged and sound queries, as misses and as hits: responders give the same answers as the resolver, to the byte. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { mutate } from '../src/wire/testing/mutate.ts';
import { Prng } from '../src/wire/testing/prng.ts';
import { querySeeds } from '../src/wire/testing/seeds.ts';
import { UdpClient } from './support/client.ts';
import { buildQuery, FLAGS, numbers16 } from './support/message.ts';
import { startNodens } from './support/nodens.ts';

const SEED = 20_260_202;
const BATCHES = 60;
const BATCH = 50;
const HEADER_BYTES = 12;
const OPCODE_BITS = 0x7800;
const TYPE_A = 1;

/** Answers each query at once, over UDP: A with an address, any other type with a denial. Both are kept for 300 s. */
async function startAuthority() {
  const address = Buffer.concat([numbers16(0xc00c, TYPE_A, 1, 0, 300, 4), Buffer.from([192, 0, 2, 1])]);
  const soa = Buffer.concat([Buffer.from([0]), numbers16(6, 1, 0, 300, 22, 0, ...new Array(8).fill(1), 0, 300)]);
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    const end = questionEnd(message);
    const isAddress = message.readUInt16BE(end - 4) === TYPE_A;
    const flags = FLAGS.QR | FLAGS.RA | (message.readUInt16BE(2) & (OPCODE_BITS | FLAGS.RD));
    const header = numbers16(message.readUInt16BE(0), flags, 1, isAddress ? 1 : 0, isAddress ? 0 : 1, 0);
    const question = message.subarray(HEADER_BYTES, end);
    socket.send(Buffer.concat([header, question, isAddress ? address : soa]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { endpoint: `127.0.0.1:${socket.address().port}`, stop: () => void socket.close() };
}

function questionEnd(message: Buffer): number {
  let offset = HEADER_BYTES;
  while (message[offset] !== 0) offset += message[offset] + 1;
  return offset + 5;
}

/** Sends them one after the other, so that of equal ones the second is a hit everywhere; gives the answers in order. */
async function askInTurn(client: UdpClient, messages: readonly Buffer[]): Promise<string[]> {
  const answers: string[] = [];
  for (const message of messages) {
    client.send(message);
    answers.push((await client.receive()).toString('hex'));
  }
  return answers;
}

/** Sends them all at once, each with its number as id; gives the answers in that order. */
async function askAtOnce(client: UdpClient, messages: readonly Buffer[]): Promise<string[]> {
  for (const message of messages) client.send(message);
  const answers: string[] = [];
  for (const _ of messages) {
    const answer = await client.receive();
    answers[answer.readUInt16BE(0)] = answer.toString('hex');
  }
  return answers;
}

test(`${BATCHES * BATCH} queries to three servers`, async (t) => {
  const authority = await startAuthority();
  t.after(authority.stop);
  // With keepttl it does not matter when an answer was stored.
  const corefile = `.:{PORT} {
    bind 127.0.0.1
    cache {
        keepttl
    }
    forward . ${authority.endpoint} {
        prefer_udp
        max_fails 0
    }
}
`;
  const servers = await Promise.all(
    [0, 1, 2].map((count) => startNodens({ corefile, flags: ['-responders', String(count)] })),
  );
  t.after(() => Promise.all(servers.map((server) => server.stop())));
  const clients = await Promise.all(servers.map((server) => UdpClient.open(server)));
  const prng = new Prng(SEED);
  const seeds = [...querySeeds(), buildQuery({ qname: 'www.example.org', edns: { udpPayloadBytes: 512 } })].map(
    (seed) => Buffer.from(seed),
  );
  /** Mostly with a few bits turned, so that many of them are still plain queries. */
  const next = (): Buffer => {
    if (prng.below(2) === 0) return Buffer.from(mutate(prng, seeds));
    const message = Buffer.from(prng.pick(seeds));
    for (let left = prng.below(4); left > 0; left--) message[2 + prng.below(message.length - 2)] ^= 1 << prng.below(8);
    return message;
  };
  const isAnswered = (message: Buffer) => message.length >= HEADER_BYTES && (message[2] & 0x80) === 0;

  for (let batch = 0; batch < BATCHES; batch++) {
    const messages: Buffer[] = [];
    while (messages.length < BATCH) {
      const message = next();
      if (!isAnswered(message)) continue;
      message.writeUInt16BE(messages.length, 0);
      messages.push(message);
    }
    for (const [pass, ask] of [
      ['misses', askInTurn],
      ['hits', askAtOnce],
    ] as const) {
      const [resolver, ...others] = await Promise.all(clients.map((client) => ask(client, messages)));
      for (const [id, message] of messages.entries()) {
        for (const other of others) {
          assert.equal(other[id], resolver[id], `batch ${batch}, ${pass}: ${message.toString('hex')}`);
        }
      }
    }
  }
  for (const client of clients) client.close();
  for (const server of servers) {
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    assert.equal(server.stderr(), '');
  }
});
