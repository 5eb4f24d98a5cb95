/** Whatever answers a query, a responder or the resolver: the client gets the same bytes. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answer, buildReply, reply } from './peers/behaviours.ts';
import { type Behaviour, ScriptedUpstream } from './peers/scripted-upstream.ts';
import { UdpClient } from './support/client.ts';
import {
  buildOpt,
  buildQuery,
  encodeName,
  FLAGS,
  numbers16,
  type QueryParts,
  readResponse,
} from './support/message.ts';
import { type Nodens, startNodens } from './support/nodens.ts';
import { eventually } from './support/wait.ts';

const RESPONDER_COUNTS = [0, 1, 2];
const ID = 0x1234;
const SOA = 'example.org 60 SOA ns1.example.org hostmaster.example.org 1 60';
const TTL_SECONDS = 300;
const LONGEST_LABEL = 'x'.repeat(63);
const LONGEST_NAME = [LONGEST_LABEL, LONGEST_LABEL, LONGEST_LABEL, 'x'.repeat(61)].join('.');
/** A name that the cache holds by the time that its hits are asked for. */
const QNAME = 'www.example.org';

let upstream: ScriptedUpstream;
let servers: Nodens[];

/** Where the servers listen: by one address and by all of them. */
const places = [
  { name: 'an IPv4 address', address: '127.0.0.1', port: 'PORT' },
  { name: 'an IPv6 address', address: '::1', port: 'PORT' },
  { name: 'the wildcard address, over IPv4', address: '127.0.0.2', port: 'PORT2' },
  { name: 'the wildcard address, over IPv6', address: '::1', port: 'PORT2' },
] as const;
type Place = (typeof places)[number];

/** Answers any name with one address; the name is copied as it came, whatever its bytes. */
const anything: Behaviour = ({ query, send }) => {
  const record = [numbers16(0xc00c, 1, 1, 0, TTL_SECONDS, 4), Buffer.from([192, 0, 2, 1])];
  const message = Buffer.concat([buildReply(query, {}), ...record]);
  message.writeUInt16BE(1, 6);
  send(message);
};

before(async () => {
  upstream = await ScriptedUpstream.start();
  const many = Array.from({ length: 60 }, (_, i) => `many.example.org 3600 A 198.51.100.${i + 1}`);
  const texts = Array.from({ length: 20 }, (_, i) => `texts.example.org 3600 TXT ${i}${'x'.repeat(200)}`);
  const chain = ['c1.example.org 60 CNAME c2.example.org', 'c2.example.org 90 CNAME w.example.org'];
  upstream
    .otherwise(anything)
    .on('many.example.org', 'A', reply({ answers: many }))
    .on('glue.example.org', 'A', reply({ answers: many.slice(0, 2), additionals: many.slice(2) }))
    .on('texts.example.org', 'TXT', reply({ answers: texts }))
    .on('short.example.org', 'TXT', reply({ answers: texts.slice(0, 18) }))
    .on('c1.example.org', 'A', answer(...chain, 'w.example.org 120 A 192.0.2.9'))
    .on('srv.example.org', 'SRV', answer('srv.example.org 60 SRV 1 2 5060 target.example.org'))
    .on(
      'secure.example.org',
      'A',
      reply({ answers: [`secure.example.org 60 A 192.0.2.1`], flags: FLAGS.RA | FLAGS.AD }),
    )
    .on('aa.example.org', 'A', reply({ answers: [`aa.example.org 60 A 192.0.2.1`], flags: FLAGS.AA }))
    .on('opt.example.org', 'A', reply({ answers: ['opt.example.org 60 A 192.0.2.1'], edns: { flags: 0x40ff } }))
    .on('nx.example.org', 'A', reply({ rcode: 'NXDOMAIN', authorities: [SOA] }))
    .on('nxbare.example.org', 'A', reply({ rcode: 'NXDOMAIN' }))
    .on('nodata.example.org', 'A', reply({ authorities: [SOA] }))
    .on('servfail.example.org', 'A', reply({ rcode: 'SERVFAIL' }))
    .on('notimp.example.org', 'A', reply({ rcode: 'NOTIMP' }))
    .on('refused.example.org', 'A', reply({ rcode: 'REFUSED' }))
    .on(
      'big.small.example.net',
      'A',
      reply({ answers: many.map((line) => line.replace('many.example.org', 'big.small.example.net')) }),
    );
  const more = `prometheus 127.0.0.1:{METRICS}\n errors\n forward . ${upstream.endpoint} {\n force_tcp\n }`;
  const corefile = `
.:{PORT} {\n bind 127.0.0.1 ::1\n cache\n ${more}\n}
kept.example.org:{PORT} {\n bind 127.0.0.1 ::1\n cache {\n keepttl\n }\n ${more}\n}
small.example.net:{PORT} {\n bind 127.0.0.1 ::1\n bufsize 700\n cache\n ${more}\n}
logged.example.net:{PORT} {\n bind 127.0.0.1 ::1\n log\n cache\n ${more}\n}
none.example.net:{PORT} {\n bind 127.0.0.1 ::1\n ${more}\n}
.:{PORT2} {\n cache\n ${more}\n}`;
  servers = await Promise.all(
    RESPONDER_COUNTS.map((count) => startNodens({ corefile, flags: ['-responders', String(count)] })),
  );
});
after(async () => {
  await Promise.all((servers ?? []).map((server) => server.stop()));
  await upstream?.stop();
});

/** The same message to each server at the same time; what each of them answers. */
async function askAll(clients: readonly UdpClient[], message: Buffer): Promise<Buffer[]> {
  for (const client of clients) client.send(message);
  return Promise.all(clients.map((client) => client.receive()));
}

async function withClients(place: Place, body: (clients: UdpClient[]) => Promise<void>): Promise<void> {
  const { address, port } = place;
  const open = ({ ports }: Nodens) => UdpClient.open({ address, port: ports[port] });
  const clients = await Promise.all(servers.map(open));
  try {
    await body(clients);
  } finally {
    for (const client of clients) client.close();
  }
}

/** Asks until all have the answer for the same number of seconds, then compares every byte. */
async function assertSame(clients: readonly UdpClient[], message: Buffer): Promise<void> {
  const replies = await eventually('answers of the same age', async () => {
    const received = await askAll(clients, message);
    const ages = new Set(received.map((bytes) => readResponse(bytes).ttls.join()));
    return ages.size === 1 ? received : undefined;
  });
  const texts = replies.map((bytes) => bytes.toString('hex'));
  assert.deepEqual(
    texts,
    texts.map(() => texts[0]),
  );
}

const query = (parts: Partial<QueryParts>) => buildQuery({ qname: QNAME, id: ID, ...parts });
const header = (...counts: number[]) => numbers16(ID, FLAGS.RD, ...counts);
const question = (name: Buffer, qtype = 1) => Buffer.concat([name, numbers16(qtype, 1)]);
const asked = question(encodeName(QNAME));
const opt = buildOpt({});
const labels = (...texts: string[]) =>
  Buffer.concat([
    ...texts.map((text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')])),
    Buffer.from([0]),
  ]);
const option = (code: number) => ({ code, data: Buffer.from([1, 2, 3, 4, 5, 6, 7, code & 0xff]) });

const cases: Record<string, Buffer> = {
  'a plain question': query({}),
  'capital letters': query({ qname: 'WWW.EXAMPLE.ORG' }),
  'mixed letters': query({ qname: 'wWw.eXaMpLe.OrG', edns: {} }),
  AAAA: query({ qtype: 'AAAA' }),
  'a type without a name': query({ qtype: 65280 }),
  ANY: query({ qtype: 'ANY' }),
  DS: query({ qtype: 'DS' }),
  'DS of a zone with a block of its own': query({ qname: 'kept.example.org', qtype: 'DS' }),
  'no RD': query({ flags: 0 }),
  AD: query({ qname: 'secure.example.org', flags: FLAGS.RD | FLAGS.AD }),
  'neither AD nor DO': query({ qname: 'secure.example.org' }),
  CD: query({ qname: 'secure.example.org', flags: FLAGS.RD | FLAGS.CD }),
  'CD and AD': query({ qname: 'secure.example.org', flags: FLAGS.RD | FLAGS.CD | FLAGS.AD }),
  DO: query({ qname: 'secure.example.org', edns: { flags: 0x8000 } }),
  'DO and CD': query({ qname: 'secure.example.org', flags: FLAGS.RD | FLAGS.CD, edns: { flags: 0x8000 } }),
  'AA, TC, RA, Z and an rcode in the query': query({ flags: FLAGS.AA | FLAGS.TC | FLAGS.RA | FLAGS.Z | 0xf }),
  'reserved flags of EDNS': query({ edns: { flags: 0x7fff } }),
  'all flags of EDNS': query({ edns: { flags: 0xffff } }),
  'a cookie': query({ edns: { options: [option(10)] } }),
  'a cookie and an unknown option': query({ edns: { options: [option(10), option(65001)] } }),
  'NSID, client subnet, padding, keepalive': query({ edns: { options: [3, 8, 12, 11].map(option) } }),
  'EDNS version 1': query({ edns: { version: 1 } }),
  'EDNS version 255 with DO': query({ edns: { version: 255, flags: 0x8000 } }),
  'two OPT records': Buffer.concat([header(1, 0, 0, 2), asked, opt, opt]),
  'an OPT record of some name': Buffer.concat([header(1, 0, 0, 1), asked, encodeName('x').subarray(0, 2), opt]),
  'an OPT record as answer': Buffer.concat([header(1, 1, 0, 0), asked, opt]),
  'an OPT record whose length is wrong': Buffer.concat([header(1, 0, 0, 1), asked, opt.subarray(0, 9), numbers16(5)]),
  'an OPT record that is not counted': Buffer.concat([header(1, 0, 0, 0), asked, opt]),
  'an OPT record that is counted but not there': Buffer.concat([header(1, 0, 0, 1), asked]),
  'another additional record': Buffer.concat([
    header(1, 0, 0, 1),
    asked,
    numbers16(0xc00c, 1, 1, 0, 60, 4, 0xc000, 0x0201),
  ]),
  'bytes behind the question': Buffer.concat([query({}), Buffer.from('trailing')]),
  'bytes behind the OPT record': Buffer.concat([query({ edns: {} }), Buffer.from([0])]),
  'class CH': query({ qclass: 3 }),
  'class ANY': query({ qclass: 255 }),
  'opcode IQUERY': query({ flags: 1 << 11 }),
  'opcode STATUS': query({ flags: 2 << 11 }),
  'opcode NOTIFY': query({ flags: 4 << 11 }),
  'opcode UPDATE': query({ flags: 5 << 11 }),
  'opcode 15': query({ flags: (15 << 11) | FLAGS.RD }),
  'no question': header(0, 0, 0, 0),
  'two questions': Buffer.concat([header(2, 0, 0, 0), asked, asked]),
  'two questions counted, one there': Buffer.concat([header(2, 0, 0, 0), asked]),
  'one question counted, none there': header(1, 0, 0, 0),
  'a question that is cut off': query({}).subarray(0, -3),
  'a question without its class': query({}).subarray(0, -2),
  'a name that points to itself': Buffer.concat([header(1, 0, 0, 0), numbers16(0xc00c, 1, 1)]),
  'a name that ends in a pointer': Buffer.concat([header(1, 0, 0, 0), Buffer.from('\x03www'), numbers16(0xc000, 1, 1)]),
  'a label of a reserved kind': Buffer.concat([header(1, 0, 0, 0), Buffer.from([0x41, 0, 0]), numbers16(1, 1)]),
  'a zone transfer': query({ qtype: 'AXFR' }),
  'the root': query({ qname: '.', qtype: 'NS' }),
  'a name of 255 bytes': query({ qname: LONGEST_NAME }),
  'a name of 255 bytes, with EDNS': query({ qname: LONGEST_NAME.toUpperCase(), edns: {} }),
  'a name of 256 bytes': query({ qname: `${LONGEST_NAME}x` }),
  'a dot in a label': Buffer.concat([header(1, 0, 0, 0), question(labels('a.b', 'example', 'org'))]),
  'zero, spaces and high bytes in labels': Buffer.concat([
    header(1, 0, 0, 0),
    question(labels('\0\x01 \\"', '\xff\xc0\x80@[`{', 'org')),
  ]),
  'the bytes of a zone within a label': Buffer.concat([
    header(1, 0, 0, 0),
    question(labels('x\x04kept\x07example\x03org')),
  ]),
  'a CNAME chain': query({ qname: 'c1.example.org' }),
  'a CNAME chain, in other letters': query({ qname: 'C1.Example.Org', edns: {} }),
  SRV: query({ qname: 'srv.example.org', qtype: 'SRV' }),
  'an authoritative answer': query({ qname: 'aa.example.org' }),
  'an answer that came with EDNS': query({ qname: 'opt.example.org' }),
  'an answer that came with EDNS, for EDNS': query({ qname: 'opt.example.org', edns: { flags: 0x8000 } }),
  NXDOMAIN: query({ qname: 'nx.example.org' }),
  'NXDOMAIN, in other letters, with EDNS': query({ qname: 'NX.example.org', edns: { flags: 0x8000 } }),
  'NXDOMAIN without SOA': query({ qname: 'nxbare.example.org' }),
  NODATA: query({ qname: 'nodata.example.org' }),
  SERVFAIL: query({ qname: 'servfail.example.org', edns: {} }),
  NOTIMP: query({ qname: 'notimp.example.org' }),
  REFUSED: query({ qname: 'refused.example.org', edns: {} }),
  keepttl: query({ qname: 'a.kept.example.org' }),
  bufsize: query({ qname: 'a.small.example.net', edns: { udpPayloadBytes: 4096 } }),
  'bufsize above what is asked': query({ qname: 'a.small.example.net', edns: { udpPayloadBytes: 600 } }),
  'bufsize without EDNS': query({ qname: 'big.small.example.net' }),
  'bufsize and a large answer': query({ qname: 'big.small.example.net', edns: { udpPayloadBytes: 4096 } }),
  log: query({ qname: 'a.logged.example.net' }),
  'no cache': query({ qname: 'a.none.example.net' }),
};
for (const udpPayloadBytes of [0, 100, 511, 512, 513, 700, 1005, 1232, 4096, 65535]) {
  const edns = { udpPayloadBytes };
  cases[`size ${udpPayloadBytes}`] = query({ edns });
  cases[`size ${udpPayloadBytes}, a large answer`] = query({ qname: 'many.example.org', edns });
  cases[`size ${udpPayloadBytes}, DO, in other letters`] = query({
    qname: 'MANY.example.org',
    edns: { udpPayloadBytes, flags: 0x8000 },
  });
  cases[`size ${udpPayloadBytes}, additional records`] = query({ qname: 'glue.example.org', edns });
  cases[`size ${udpPayloadBytes}, texts of 3.9 kB`] = query({ qname: 'short.example.org', qtype: 'TXT', edns });
  cases[`size ${udpPayloadBytes}, texts of 4.3 kB`] = query({ qname: 'texts.example.org', qtype: 'TXT', edns });
}
cases['no EDNS, a large answer'] = query({ qname: 'many.example.org' });

for (const place of places) {
  describe(place.name, () => {
    for (const pass of ['misses', 'hits', 'hits again']) {
      test(pass, () =>
        withClients(place, async (clients) => {
          for (const [name, message] of Object.entries(cases)) {
            await assert.doesNotReject(assertSame(clients, message), name);
          }
        }),
      );
    }

    test('what must not be answered: responses, and less than a header', () =>
      withClients(place, async (clients) => {
        const response = query({ flags: FLAGS.QR | FLAGS.RD });
        for (const client of clients) {
          for (const message of [response, query({}).subarray(0, 11), Buffer.alloc(0)]) client.send(message);
        }
        // Whatever had come back for these would come before this answer, or instead of it.
        await assertSame(clients, query({ id: ID + 1 }));
      }));
  });
}

test('TTLs go down at the same pace, and with keepttl they do not', () =>
  withClients(places[0], async (clients) => {
    const ttl = async (message: Buffer) => {
      clients[0].send(message);
      return readResponse(await clients[0].receive()).ttls[0];
    };
    await eventually('a TTL that is two seconds lower', async () => (await ttl(query({}))) <= TTL_SECONDS - 2);
    for (const name of ['a plain question', 'capital letters', 'keepttl', 'NXDOMAIN', 'a CNAME chain']) {
      await assertSame(clients, cases[name]);
    }
    assert.equal(await ttl(cases.keepttl), TTL_SECONDS);
  }));
