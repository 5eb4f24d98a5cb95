import assert from 'node:assert/strict';
import test from 'node:test';
import dnsPacket from 'dns-packet';
import type { Outcome } from '../directives/contract.ts';
import { Metrics } from '../observe/metrics.ts';
import { FLAG_CD, FLAG_QR, FLAG_RA, FLAG_RD, RCODE_NOERROR, RCODE_REFUSED } from '../wire/header.ts';
import { MessageView, parseMessage } from '../wire/view.ts';
import type { Client } from './client.ts';
import { badVersion, finish } from './finish.ts';
import { InflightTable } from './inflight.ts';
import { ServerQuery } from './query.ts';
import { arrivalOf } from './testing.ts';

const ID = 0x1234;
const arrival = arrivalOf(new InflightTable(1, new Metrics()));

function client(protocol: 'udp' | 'tcp'): Client {
  const address = { family: 4, address: '192.0.2.1', port: 4000, localAddress: '192.0.2.53', localPort: 53 } as const;
  return { protocol, ...address, send: () => undefined, drop: () => undefined };
}

type Edns = { size: number; flags?: number; options?: { code: number; data: string }[] };

function queryOf({
  qname = 'www.example.org',
  edns = undefined as Edns | undefined,
  flags = FLAG_RD,
  protocol = 'udp' as 'udp' | 'tcp',
}) {
  const additionals = edns === undefined ? [] : [optOf(edns)];
  const bytes = dnsPacket.encode({
    type: 'query',
    id: ID,
    flags,
    questions: [{ type: 'A', name: qname }],
    additionals,
  });
  return new ServerQuery(parseMessage(new Uint8Array(bytes)), arrival, client(protocol), 0);
}

function optOf({ size, flags = 0, options = [] }: Edns): dnsPacket.OptAnswer {
  const encoded = options.map(({ code, data }) => ({ code, data: Buffer.from(data, 'hex') }));
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: size,
    extendedRcode: 0,
    ednsVersion: 0,
    flags,
    flag_do: false,
    // The types of dns-packet know but four options; it encodes any.
    options: Object.assign([] as dnsPacket.PacketOpt[], encoded),
  };
}

/** An answer of `count` A records, as an upstream may send it or, compressed and without OPT, as the cache keeps it. */
function answerOf({
  qname = 'www.example.org',
  count = 1,
  edns = undefined as Edns | undefined,
  flags = FLAG_RD | FLAG_RA,
}) {
  const answers = Array.from({ length: count }, (_, i) => {
    return { type: 'A', name: 'www.example.org', ttl: 60, data: `192.0.2.${i % 256}` } as const;
  });
  const additionals = edns === undefined ? [] : [optOf(edns)];
  const questions = [{ type: 'A', name: qname } as const];
  return new Uint8Array(dnsPacket.encode({ type: 'response', id: 1, flags, questions, answers, additionals }));
}

const outcomeOf = (response: MessageView | undefined, rest: Partial<Outcome> = {}): Outcome => {
  return { response, rcode: RCODE_NOERROR, source: 'test', ...rest };
};

function decode(bytes: Uint8Array) {
  const packet = dnsPacket.decode(Buffer.from(bytes)) as dnsPacket.DecodedPacket & { rcode: string };
  const opt = packet.additionals?.find((record) => record.type === 'OPT') as dnsPacket.OptAnswer | undefined;
  return { packet, opt, answers: packet.answers ?? [] };
}

test('finish: the id and the spelling of the question are the client’s, the owner names those of the answer', () => {
  const reply = finish(queryOf({ qname: 'WWW.example.ORG' }), outcomeOf(parseMessage(answerOf({}))));
  const { packet, answers } = decode(reply);
  assert.equal(packet.id, ID);
  assert.equal(packet.questions?.[0]?.name, 'WWW.example.ORG');
  assert.equal(answers[0]?.name, 'www.example.org');
});

test('finish: names are compressed, though the upstream did not', () => {
  const uncompressed = answerOf({ count: 3 });
  const reply = finish(queryOf({}), outcomeOf(parseMessage(uncompressed)));
  assert.ok(reply.length < uncompressed.length);
  assert.equal(decode(reply).answers.length, 3);
});

test('finish: a message of ours is sent as it is, but for id, flags and OPT', () => {
  const compressed = finish(queryOf({}), outcomeOf(parseMessage(answerOf({ count: 2 })))).slice();
  const ours = MessageView.trusted(compressed);
  const { packet, opt, answers } = decode(finish(queryOf({ edns: { size: 1400 } }), outcomeOf(ours)));
  assert.deepEqual([packet.id, answers.length, opt?.udpPayloadSize], [ID, 2, 1400]);
});

const optCases = [
  { name: 'none for a client without EDNS, whatever the upstream sent', upstream: { size: 4096, flags: 0x8000 } },
  { name: 'the client’s sent back, size as it is', edns: { size: 100 }, want: { size: 100, flags: 0, codes: [] } },
  {
    name: 'of its flags the upper half',
    edns: { size: 512, flags: 0xffff },
    want: { size: 512, flags: 0xff00, codes: [] },
  },
  {
    name: 'its options only where they are for both sides',
    edns: { size: 1232, options: [3, 8, 9, 10, 11, 12, 65001].map((code) => ({ code, data: '0102030405060708' })) },
    want: { size: 1232, flags: 0, codes: [3, 9, 10, 11, 12] },
  },
  {
    name: 'the upstream’s with the client’s size and DO',
    edns: { size: 1232, flags: 0x8000 },
    upstream: { size: 4096, flags: 0x00ff, options: [{ code: 15, data: '0003' }] },
    want: { size: 1232, flags: 0x8000, codes: [15] },
  },
  {
    name: 'an upstream’s DO stays',
    edns: { size: 1232 },
    upstream: { size: 4096, flags: 0x8000 },
    want: { size: 1232, flags: 0x8000, codes: [] },
  },
];

for (const { name, edns, upstream, want } of optCases) {
  test(`finish: OPT: ${name}`, () => {
    const { opt } = decode(finish(queryOf({ edns }), outcomeOf(parseMessage(answerOf({ edns: upstream })))));
    const got = opt && { size: opt.udpPayloadSize, flags: opt.flags, codes: opt.options.map(({ code }) => code) };
    assert.deepEqual(got, want);
  });
}

const sizeCases = [
  { name: '512 bytes without EDNS', count: 60, want: { kept: 29, truncated: true } },
  { name: 'a size below 512 counts as 512', count: 60, edns: { size: 100 }, want: { kept: 29, truncated: true } },
  { name: 'the client’s size', count: 60, edns: { size: 4096 }, want: { kept: 60, truncated: false } },
  { name: 'TCP takes all', count: 200, protocol: 'tcp', want: { kept: 200, truncated: false } },
  {
    name: 'up to the limit exactly',
    count: 30,
    edns: { size: 12 + 21 + 30 * 16 + 11 },
    want: { kept: 30, truncated: false },
  },
  {
    name: 'what a datagram can hold, whatever the client’s size',
    count: 4092,
    edns: { size: 65535 },
    want: { kept: 4091, truncated: true },
  },
  { name: 'one byte less', count: 30, edns: { size: 12 + 21 + 30 * 16 + 10 }, want: { kept: 29, truncated: true } },
] as const;

for (const { name, want, ...given } of sizeCases) {
  test(`finish: size: ${name}`, () => {
    const edns = 'edns' in given ? given.edns : undefined;
    const query = queryOf({ edns, protocol: 'protocol' in given ? given.protocol : 'udp' });
    const { packet, opt, answers } = decode(finish(query, outcomeOf(parseMessage(answerOf({ count: given.count })))));
    assert.deepEqual({ kept: answers.length, truncated: packet.flag_tc }, want);
    assert.equal(opt?.udpPayloadSize, edns?.size);
  });
}

test('finish: without an answer the client gets the rcode, its question, RD and CD', () => {
  const query = queryOf({ qname: 'WWW.example.org', flags: FLAG_RD | FLAG_CD | FLAG_RA, edns: { size: 1232 } });
  const { packet, opt } = decode(finish(query, outcomeOf(undefined, { rcode: RCODE_REFUSED })));
  assert.equal(packet.flags, FLAG_RD | FLAG_CD | RCODE_REFUSED);
  assert.equal(packet.questions?.[0]?.name, 'WWW.example.org');
  assert.equal(opt?.udpPayloadSize, 1232);
});

test('finish: an rcode above 15 stands in OPT, and is SERVFAIL for clients without', () => {
  const badCookie = { rcode: 23 };
  const view = parseMessage(answerOf({ count: 0, flags: FLAG_QR | 7 }));
  const { packet, opt } = decode(finish(queryOf({ edns: { size: 1232 } }), outcomeOf(view, badCookie)));
  assert.deepEqual([(packet.flags ?? 0) & 15, opt?.extendedRcode], [7, 1]);
  assert.equal(decode(finish(queryOf({}), outcomeOf(view, badCookie))).packet.rcode, 'SERVFAIL');
});

test('finish: an extended error is for clients that speak EDNS', () => {
  const stale = { extendedError: { code: 3, text: 'stale' } };
  const view = parseMessage(answerOf({}));
  const { opt } = decode(finish(queryOf({ edns: { size: 1232 } }), outcomeOf(view, stale)));
  assert.deepEqual(
    opt?.options.map(({ code, data }) => [code, data?.toString('hex')]),
    [[15, `0003${Buffer.from('stale').toString('hex')}`]],
  );
  assert.equal(decode(finish(queryOf({}), outcomeOf(view, stale))).opt, undefined);
});

test('finish: an NSID of ours takes the place of the one echoed, and of the one of an upstream', () => {
  const ours = { nsid: Buffer.from('node-1') };
  const ask = [
    { code: 3, data: '' },
    { code: 10, data: '0102030405060708' },
  ];
  const query = queryOf({ edns: { size: 1232, options: ask } });
  const upstream = { size: 1232, options: [{ code: 3, data: 'ffff' }] };
  const optionsOf = (message: Uint8Array) =>
    decode(message).opt?.options.map(({ code, data }) => [code, data?.toString('hex') ?? '']);
  const nsid = [3, Buffer.from('node-1').toString('hex')];
  assert.deepEqual(optionsOf(finish(query, outcomeOf(undefined, ours))), [[10, ask[1].data], nsid]);
  const view = parseMessage(answerOf({ edns: upstream }));
  const stale = { ...ours, extendedError: { code: 3, text: '' } };
  assert.deepEqual(optionsOf(finish(query, outcomeOf(view, stale))), [nsid, [15, '0003']]);
  assert.equal(optionsOf(finish(queryOf({}), outcomeOf(view, ours))), undefined);
});

test('badVersion: rcode 16, and nothing of the client’s OPT', () => {
  const { packet, opt } = decode(badVersion(queryOf({ edns: { size: 1232, flags: 0x8000 } }).request));
  assert.deepEqual([packet.flags, opt?.extendedRcode, opt?.udpPayloadSize, opt?.flags], [FLAG_RD, 1, 0, 0]);
});
