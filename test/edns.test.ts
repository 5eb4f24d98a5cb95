/** OPT records as clients see them (RFC 6891): versions, sizes, flags and options that come back. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askUdp, type Server } from './support/client.ts';
import { buildOpt, FLAGS } from './support/message.ts';
import { type Nodens, startNodens } from './support/nodens.ts';

const CHAOS = 3;

let upstream: ScriptedUpstream;
let nodens: Nodens;
/** Answers everything below example.org by itself. */
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
small.example.net:{PORT} {
    bind 127.0.0.1
    bufsize 700
    whoami
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

test('version 1: BADVERS', async () => {
  const edns = {
    udpPayloadBytes: 1400,
    version: 1,
    flags: 0x8000,
    options: [{ code: 10, data: Buffer.alloc(8, 1) }],
  };
  const response = await askUdp(local, {
    qname: 'WWW.example.org',
    flags: FLAGS.TC | FLAGS.RD | FLAGS.CD | FLAGS.AD,
    edns,
  });
  assert.equal(response.rcode, 'BADVERS');
  assert.equal(response.flags, FLAGS.QR | FLAGS.RD | FLAGS.CD);
  assert.equal(response.question, 'WWW.example.org A IN');
  assert.deepEqual(response.opt, { udpPayloadBytes: 0, version: 0, flags: 0, dnssecOk: false, options: [] });
  assert.deepEqual([response.answers, response.authorities, response.additionals], [[], [], []]);
});

test('the class is checked before the version', async () => {
  const query = { qname: 'www.example.org', qclass: CHAOS, edns: { version: 1 } };
  assert.equal((await askUdp(local, query)).rcode, 'REFUSED');
});

test('the version is checked before the zone', async () => {
  assert.equal((await askUdp(local, { qname: 'www.example.com', edns: { version: 1 } })).rcode, 'BADVERS');
});

test('none asked, none sent', async () => {
  assert.equal((await askUdp(local, { qname: 'www.example.org' })).opt, undefined);
});

for (const udpPayloadBytes of [0, 100, 512, 1232, 4096, 65535]) {
  test(`size ${udpPayloadBytes} comes back as sent`, async () => {
    const response = await askUdp(local, { qname: 'www.example.org', edns: { udpPayloadBytes } });
    assert.equal(response.opt?.udpPayloadBytes, udpPayloadBytes);
    assert.equal(response.opt?.version, 0);
  });
}

for (const [sent, back] of [
  [0xffff, 0xff00],
  [0x8000, 0x8000],
  [0x40ff, 0x4000],
  [0, 0],
]) {
  test(`flags ${sent.toString(16)} come back as ${back.toString(16)}`, async () => {
    const response = await askUdp(local, { qname: 'www.example.org', edns: { flags: sent } });
    assert.equal(response.opt?.flags, back);
  });
}

test('NSID, EXPIRE, COOKIE, keepalive and padding are echoed; client subnet and unknown options are not', async () => {
  const options = [3, 8, 9, 10, 11, 12, 15, 65001].map((code) => ({ code, data: Buffer.from([0, code & 0xff]) }));
  const response = await askUdp(local, { qname: 'www.example.org', edns: { options } });
  assert.deepEqual(
    response.opt?.options,
    options.filter(({ code }) => [3, 9, 10, 11, 12].includes(code)),
  );
});

test('bufsize lowers the size that comes back, and never raises it', async () => {
  const sizes = await Promise.all(
    [1400, 700, 600].map((udpPayloadBytes) =>
      askUdp(local, { qname: 'a.small.example.net', edns: { udpPayloadBytes } }),
    ),
  );
  assert.deepEqual(
    sizes.map(({ opt }) => opt?.udpPayloadBytes),
    [700, 700, 600],
  );
});

test('the OPT of an upstream never reaches a client without EDNS', async () => {
  upstream.on('opt.example.org', 'A', reply({ answers: ['opt.example.org 60 A 192.0.2.1'], edns: { flags: 0x8000 } }));
  const response = await askUdp(forwarding, { qname: 'opt.example.org' });
  assert.deepEqual([response.opt, response.answers.length], [undefined, 1]);
});

test("the OPT of an upstream keeps its options and takes the client's size and DO", async () => {
  const options = [{ code: 15, data: Buffer.from([0, 3]) }];
  const edns = { udpPayloadBytes: 4000, flags: 0x40ff, options };
  upstream.on('opt2.example.org', 'A', reply({ additionals: ['x.example.org 60 A 192.0.2.1'], edns }));
  const plain = await askUdp(forwarding, { qname: 'opt2.example.org', edns: { udpPayloadBytes: 1400 } });
  assert.deepEqual(plain.opt, { udpPayloadBytes: 1400, version: 0, flags: 0x4000, dnssecOk: false, options });
  const secure = await askUdp(forwarding, {
    qname: 'opt2.example.org',
    edns: { udpPayloadBytes: 1400, flags: 0x8000 },
  });
  assert.deepEqual(secure.opt, { udpPayloadBytes: 1400, version: 0, flags: 0xc000, dnssecOk: true, options });
});

test('the OPT record stands last', async () => {
  const { bytes } = await askUdp(local, { qname: 'www.example.org', edns: { udpPayloadBytes: 1234 } });
  assert.deepEqual(bytes.subarray(-11), buildOpt({ udpPayloadBytes: 1234 }));
});
