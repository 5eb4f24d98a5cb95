/**
 * What a client sees of the server itself, whatever a directive does: which messages get no answer, which an error and
 * in what form, which bits of header and OPT come back. Read from outside, bit by bit.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askTcp, askUdp, type Server, UdpClient } from './support/client.ts';
import { buildOpt, buildQuery, encodeName, FLAGS, numbers16, type QueryParts } from './support/message.ts';
import { type Nodens, startNodens } from './support/nodens.ts';

const ID = 4660;
const IQUERY = 1 << 11;
const NOTIFY = 4 << 11;
const UPDATE = 5 << 11;
const ALL_FLAGS = FLAGS.AA | FLAGS.TC | FLAGS.RD | FLAGS.RA | FLAGS.Z | FLAGS.AD | FLAGS.CD;
const COPIED_FLAGS = FLAGS.TC | FLAGS.RD | FLAGS.RA | FLAGS.AD | FLAGS.CD;
const [FORMERR, SERVFAIL, NOTIMP, REFUSED] = [1, 2, 4, 5];
const CHAOS = 3;

let upstream: ScriptedUpstream;
let nodens: Nodens;
/** Answers everything below example.org by itself, and nothing else. */
let local: Server;
/** Forwards everything. */
let forwarding: Server;

before(async () => {
  upstream = await ScriptedUpstream.start();
  nodens = await startNodens({
    corefile: `
example.org:{PORT} {
    bind 127.0.0.1
    whoami
}
empty.example.net:{PORT} {
    bind 127.0.0.1
}
.:{PORT2} {
    bind 127.0.0.1
    forward . ${upstream.endpoint}
}
`,
  });
  local = nodens;
  forwarding = { address: nodens.address, port: nodens.ports.PORT2 };
});
after(async () => {
  await nodens?.stop();
  await upstream?.stop();
});

function header(flags: number, ...counts: number[]): Buffer {
  return numbers16(ID, flags, ...counts);
}

const QUESTION = Buffer.concat([encodeName('www.example.org'), numbers16(1, 1)]);
const RECORD = Buffer.concat([encodeName('www.example.org'), numbers16(1, 1, 0, 60, 4), Buffer.from([192, 0, 2, 1])]);

describe('messages without an answer', () => {
  const cases = [
    { name: 'shorter than a header', bytes: header(0, 1, 0, 0, 0).subarray(0, 11) },
    { name: 'empty', bytes: Buffer.alloc(0) },
    { name: 'a response', bytes: Buffer.concat([header(FLAGS.QR, 1, 0, 0, 0), QUESTION]) },
    { name: 'a response of an unknown opcode', bytes: header(FLAGS.QR | UPDATE, 9, 9, 9, 9) },
  ];
  for (const { name, bytes } of cases) {
    test(name, async () => {
      const client = await UdpClient.open(local);
      client.send(bytes);
      const response = await client.ask({ qname: 'www.example.org', id: 99 });
      assert.equal(response.id, 99, 'the first thing to come back belongs to the query after it');
      client.close();
    });
  }
});

describe('errors from the header alone: twelve bytes', () => {
  const cases = [
    { name: 'IQUERY', flags: IQUERY, counts: [1, 0, 0, 0], rcode: NOTIMP, opcode: IQUERY },
    { name: 'UPDATE', flags: UPDATE, counts: [1, 0, 0, 0], rcode: NOTIMP, opcode: UPDATE },
    { name: 'opcode 15', flags: 15 << 11, counts: [1, 0, 0, 0], rcode: NOTIMP, opcode: 15 << 11 },
    {
      name: 'an unknown opcode comes before bad counts',
      flags: IQUERY,
      counts: [0, 7, 7, 7],
      rcode: NOTIMP,
      opcode: IQUERY,
    },
    { name: 'no question', flags: 0, counts: [0, 0, 0, 0], rcode: FORMERR, opcode: 0 },
    { name: 'two questions', flags: 0, counts: [2, 0, 0, 0], rcode: FORMERR, opcode: 0 },
    { name: 'two answers', flags: 0, counts: [1, 2, 0, 0], rcode: FORMERR, opcode: 0 },
    { name: 'two authorities', flags: 0, counts: [1, 0, 2, 0], rcode: FORMERR, opcode: 0 },
    { name: 'three additionals', flags: 0, counts: [1, 0, 0, 3], rcode: FORMERR, opcode: 0 },
    { name: 'FORMERR to NOTIFY has opcode QUERY', flags: NOTIFY, counts: [2, 0, 0, 0], rcode: FORMERR, opcode: 0 },
  ];
  for (const { name, flags, counts, rcode, opcode } of cases) {
    for (const [bits, copied] of [
      [0, 0],
      [ALL_FLAGS | 9, COPIED_FLAGS],
    ]) {
      test(`${name}, flags ${bits.toString(16)}`, async () => {
        const query = Buffer.concat([header(flags | bits, ...counts), QUESTION, buildOpt({})]);
        const { bytes } = await askUdp(local, query);
        assert.deepEqual(bytes, header(FLAGS.QR | opcode | copied | rcode, 0, 0, 0, 0));
      });
    }
  }
});

describe('a body that cannot be parsed: FORMERR with the question, if it was read', () => {
  const goodHeader = header(FLAGS.RD | FLAGS.AD, 1, 0, 0, 1);
  const echo = Buffer.concat([header(FLAGS.QR | FLAGS.RD | FLAGS.AD | FORMERR, 1, 0, 0, 0), QUESTION]);
  const bare = header(FLAGS.QR | FLAGS.RD | FLAGS.AD | FORMERR, 0, 0, 0, 0);
  const cases = [
    { name: 'label type 0x80', body: Buffer.from([0x80, 1, 0, 0, 1, 0, 1]), want: bare },
    { name: 'label type 0x40', body: Buffer.from([0x41, 1, 0, 0, 1, 0, 1]), want: bare },
    { name: 'a pointer to itself', body: Buffer.from([0xc0, 12, 0, 1, 0, 1]), want: bare },
    { name: 'a pointer forward', body: Buffer.from([0xc0, 18, 0, 1, 0, 1, 0]), want: bare },
    { name: 'a label beyond the end', body: Buffer.from([30, 97, 98]), want: bare },
    { name: 'no type', body: encodeName('www.example.org'), want: bare },
    { name: 'half a class', body: QUESTION.subarray(0, -1), want: bare },
    { name: 'a name of 256 bytes', body: Buffer.concat([longName(256), numbers16(1, 1)]), want: bare },
    { name: 'half a record', body: Buffer.concat([QUESTION, RECORD.subarray(0, 20)]), want: echo },
    { name: 'rdata beyond the end', body: Buffer.concat([QUESTION, RECORD.subarray(0, -1)]), want: echo },
    { name: 'an option beyond its OPT', body: Buffer.concat([QUESTION, optWithBadOption()]), want: echo },
  ];
  for (const { name, body, want } of cases) {
    test(name, async () => {
      assert.deepEqual((await askUdp(local, Buffer.concat([goodHeader, body]))).bytes, want);
    });
  }
});

/** A name of that many bytes, root label included. */
function longName(bytes: number): Buffer {
  const full = Buffer.concat([Buffer.from([63]), Buffer.alloc(63, 'a')]);
  const rest = bytes - 1 - 3 * full.length;
  return Buffer.concat([full, full, full, Buffer.from([rest - 1]), Buffer.alloc(rest - 1, 'a'), Buffer.from([0])]);
}

function optWithBadOption(): Buffer {
  const opt = buildOpt({ options: [{ code: 10, data: Buffer.alloc(8) }] });
  opt.writeUInt16BE(100, opt.length - 10);
  return opt;
}

describe('what is let pass', () => {
  const cases = [
    {
      name: 'bytes behind the last record',
      bytes: Buffer.concat([header(0, 1, 0, 0, 0), QUESTION, Buffer.alloc(20, 0xff)]),
    },
    { name: 'counts above the records that are there', bytes: Buffer.concat([header(0, 1, 1, 1, 2), QUESTION]) },
    { name: 'an answer record', bytes: Buffer.concat([header(0, 1, 1, 0, 0), QUESTION, RECORD]) },
    {
      name: 'two additionals, one of them OPT',
      bytes: Buffer.concat([header(0, 1, 0, 0, 2), QUESTION, buildOpt({}), RECORD]),
    },
    { name: 'TC, RA, AA, AD, Z and an rcode', bytes: Buffer.concat([header(ALL_FLAGS | 5, 1, 0, 0, 0), QUESTION]) },
    { name: 'a name of 255 bytes', bytes: Buffer.concat([header(0, 1, 0, 0, 0), underExampleOrg(), numbers16(1, 1)]) },
  ];
  for (const { name, bytes } of cases) {
    test(name, async () => {
      for (const ask of [askUdp, askTcp]) {
        const response = await ask(local, bytes);
        assert.deepEqual([response.id, response.rcode, response.aa], [ID, 'NOERROR', true]);
      }
    });
  }
});

function underExampleOrg(): Buffer {
  const zone = encodeName('example.org');
  const full = Buffer.concat([Buffer.from([63]), Buffer.alloc(63, 'a')]);
  const rest = 255 - zone.length - 3 * full.length;
  return Buffer.concat([full, full, full, Buffer.from([rest - 1]), Buffer.alloc(rest - 1, 'a'), zone]);
}

test('a header alone: SERVFAIL without a question', async () => {
  const { bytes } = await askUdp(local, header(ALL_FLAGS, 1, 0, 0, 0));
  assert.deepEqual(bytes, header(FLAGS.QR | FLAGS.RD | FLAGS.CD | SERVFAIL, 0, 0, 0, 0));
});

describe('errors of the server: question, RD and CD come back, and OPT if there was one', () => {
  const cases: { name: string; query: QueryParts; rcode: string }[] = [
    { name: 'no zone', query: { qname: 'WWW.example.COM' }, rcode: 'REFUSED' },
    { name: 'the root', query: { qname: '.', qtype: 'NS' }, rcode: 'REFUSED' },
    { name: 'a zone with a common suffix, but no label edge', query: { qname: 'notexample.org' }, rcode: 'REFUSED' },
    { name: 'a block without handlers', query: { qname: 'a.empty.example.net' }, rcode: 'REFUSED' },
    { name: 'class CH without forward', query: { qname: 'www.example.org', qclass: CHAOS }, rcode: 'REFUSED' },
    { name: 'class ANY without forward', query: { qname: 'www.example.org', qclass: 255 }, rcode: 'REFUSED' },
    { name: 'class NONE without forward', query: { qname: 'www.example.org', qclass: 254 }, rcode: 'REFUSED' },
  ];
  for (const { name, query, rcode } of cases) {
    test(name, async () => {
      for (const flags of [0, FLAGS.RD, FLAGS.CD, ALL_FLAGS]) {
        const bytes = buildQuery({ ...query, id: ID, flags });
        const rcodeBits = rcode === 'REFUSED' ? REFUSED : SERVFAIL;
        const want = Buffer.from(bytes);
        want.writeUInt16BE(FLAGS.QR | (flags & (FLAGS.RD | FLAGS.CD)) | rcodeBits, 2);
        assert.deepEqual((await askUdp(local, bytes)).bytes, want);
        const withOpt = await askUdp(local, { ...query, flags, edns: { udpPayloadBytes: 1400 } });
        assert.deepEqual([withOpt.rcode, withOpt.opt?.udpPayloadBytes], [rcode, 1400]);
      }
    });
  }

  test('no upstream answers: SERVFAIL', async () => {
    const dead = await startNodens({ corefile: '.:{PORT} {\n bind 127.0.0.1\n forward . 127.0.0.1:9\n}' });
    const response = await askUdp(dead, {
      qname: 'WWW.example.org',
      flags: FLAGS.RD | FLAGS.CD,
      edns: { udpPayloadBytes: 1400 },
    });
    await dead.stop();
    assert.deepEqual(
      [response.flags, response.question],
      [FLAGS.QR | FLAGS.RD | FLAGS.CD | SERVFAIL, 'WWW.example.org A IN'],
    );
    assert.equal(response.opt?.udpPayloadBytes, 1400);
  });
});

describe('header bits', () => {
  const cases = [
    { name: 'RD=0', flags: 0, want: FLAGS.QR | FLAGS.AA },
    { name: 'RD=1', flags: FLAGS.RD, want: FLAGS.QR | FLAGS.AA | FLAGS.RD },
    { name: 'CD=1', flags: FLAGS.CD, want: FLAGS.QR | FLAGS.AA | FLAGS.CD },
    { name: 'all bits', flags: ALL_FLAGS, want: FLAGS.QR | FLAGS.AA | FLAGS.RD | FLAGS.CD },
    {
      name: 'NOTIFY copies neither RD nor CD',
      flags: NOTIFY | FLAGS.RD | FLAGS.CD,
      want: FLAGS.QR | NOTIFY | FLAGS.AA,
    },
  ];
  for (const { name, flags, want } of cases) {
    test(`of an answer of our own: ${name}`, async () => {
      assert.equal((await askUdp(local, { qname: 'www.example.org', flags })).flags, want);
    });
  }

  for (const bits of [0, FLAGS.AA, FLAGS.RA, FLAGS.AA | FLAGS.RA | FLAGS.AD, FLAGS.Z | FLAGS.CD, FLAGS.TC | FLAGS.RA]) {
    test(`of a forwarded answer are the upstream's: ${bits.toString(16)}`, async () => {
      upstream.on('bits.example.org', 'A', reply({ flags: bits, answers: ['bits.example.org 60 A 192.0.2.1'] }));
      const response = await askUdp(forwarding, { qname: 'bits.example.org', flags: FLAGS.RD });
      assert.equal(response.flags, FLAGS.QR | FLAGS.RD | bits);
    });
  }

  for (const rcode of ['FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']) {
    test(`rcode ${rcode} of an upstream passes`, async () => {
      upstream.on('rcode.example.org', 'A', reply({ rcode }));
      const response = await askUdp(forwarding, { qname: 'rcode.example.org' });
      assert.deepEqual([response.rcode, response.question], [rcode, 'rcode.example.org A IN']);
    });
  }
});

describe('classes, types and names that mean something elsewhere', () => {
  for (const qclass of [0, 2, CHAOS, 4, 254, 255]) {
    test(`class ${qclass} is forwarded with its class`, async () => {
      const query = buildQuery({ qname: 'version.bind', qtype: 'TXT', qclass, id: ID });
      const response = await askUdp(forwarding, query);
      assert.equal(response.rcode, 'NXDOMAIN');
      assert.deepEqual(upstream.received.at(-1)?.bytes.subarray(2), query.subarray(2));
      assert.deepEqual(response.bytes.subarray(12, query.length), query.subarray(12));
    });
  }

  for (const qtype of ['ANY', 'AXFR', 'IXFR', 'HINFO', 'HTTPS', 65280]) {
    test(`type ${qtype} is forwarded like any other`, async () => {
      const query = buildQuery({ qname: 'type.example.org', qtype, id: ID });
      assert.equal((await askUdp(forwarding, query)).rcode, 'NXDOMAIN');
      assert.deepEqual(upstream.received.at(-1)?.bytes.subarray(2), query.subarray(2));
    });
  }

  test('any byte may stand in a label', async () => {
    const name = Buffer.from([7, 0, 32, 46, 92, 34, 200, 255, 3, 111, 114, 103, 0]);
    const query = Buffer.concat([header(FLAGS.RD, 1, 0, 0, 0), name, numbers16(1, 1)]);
    const client = await UdpClient.open(forwarding);
    client.send(query);
    const response = await client.receive();
    client.close();
    assert.deepEqual(upstream.received.at(-1)?.bytes.subarray(12), query.subarray(12));
    assert.deepEqual(response.subarray(12, query.length), query.subarray(12));
  });

  test('the spelling of the client comes back, also from below', async () => {
    const response = await askUdp(forwarding, { qname: 'wWw.ExAmPlE.oRg' });
    assert.equal(response.question, 'wWw.ExAmPlE.oRg A IN');
    assert.equal(upstream.received.at(-1)?.qname, 'wWw.ExAmPlE.oRg');
  });
});

test('a UDP query of 4,096 bytes is read whole', async () => {
  const query = { qname: 'www.example.org', edns: { options: [{ code: 12, data: Buffer.alloc(4096 - 33 - 15) }] } };
  const bytes = buildQuery(query);
  assert.equal(bytes.length, 4096);
  assert.equal((await askUdp(local, bytes)).rcode, 'NOERROR');
});

test('an answer comes from the address that was asked', async () => {
  const wild = await startNodens({ corefile: 'example.org:{PORT} {\n whoami\n}' });
  try {
    for (const address of ['127.0.0.1', '127.0.0.77', '::1']) {
      // The client's socket is connected, so that an answer from elsewhere would not arrive.
      const response = await askUdp({ address, port: wild.port }, { qname: 'www.example.org' });
      const family = address.includes(':') ? 'AAAA ::1' : 'A 127.0.0.';
      assert.match(response.additionals[0], new RegExp(`^www.example.org 0 ${family}`));
    }
  } finally {
    await wild.stop();
  }
});

describe('IPv6', () => {
  test('listeners, upstreams and clients', async (t) => {
    const sixth = await ScriptedUpstream.start({ address: '::1' });
    t.after(() => sixth.stop());
    const both = await startNodens({
      corefile: `.:{PORT} {\n bind ::1 127.0.0.1\n forward . ${sixth.endpoint}\n}\nexample.org:{PORT2} {\n bind lo\n whoami\n}`,
    });
    t.after(() => both.stop());
    for (const address of ['::1', '127.0.0.1']) {
      for (const ask of [askUdp, askTcp]) {
        assert.equal((await ask({ address, port: both.port }, { qname: 'www.example.org' })).rcode, 'NXDOMAIN');
        const onInterface = { address, port: both.ports.PORT2 };
        assert.equal((await ask(onInterface, { qname: 'www.example.org' })).rcode, 'NOERROR');
      }
    }
    assert.equal(sixth.queries('www.example.org'), 4);
  });
});

test("whoami: the client's address and port", async () => {
  for (const [ask, protocol] of [
    [askUdp, 'udp'],
    [askTcp, 'tcp'],
  ] as const) {
    const { answers, additionals } = await ask(local, { qname: 'WWW.example.org', qtype: 'TXT' });
    assert.deepEqual(answers, []);
    assert.equal(additionals[0], 'WWW.example.org 0 A 127.0.0.1');
    assert.match(additionals[1], new RegExp(`^_${protocol}\\.WWW\\.example\\.org 0 SRV 0 0 \\d+ \\.$`));
  }
});
