/** How much of an answer fits, to the byte: UDP sizes, TC, the OPT record, compression (RFC 1035 §4.1.4, RFC 6891). */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { reply } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askTcp, askUdp } from './support/client.ts';
import { encodeName } from './support/message.ts';
import { type Nodens, startNodens } from './support/nodens.ts';

const QNAME = 'many.example.org';
const RECORD_BYTES = 16; // A compressed A record.
const HEAD_BYTES = 12 + 18 + 4; // Header and question.
const OPT_BYTES = 11;

let upstream: ScriptedUpstream;
let nodens: Nodens;

before(async () => {
  upstream = await ScriptedUpstream.start();
  const addresses = Array.from({ length: 60 }, (_, i) => `${QNAME} 3600 A 198.51.100.${i + 1}`);
  const text = 'x'.repeat(200);
  upstream
    .on(QNAME, 'A', reply({ answers: addresses }))
    .on('glue.example.org', 'A', reply({ answers: ['glue.example.org 3600 A 192.0.2.1'], additionals: addresses }))
    .on(
      'texts.example.org',
      'TXT',
      reply({ answers: Array.from({ length: 20 }, (_, i) => `texts.example.org 3600 TXT ${i}${text}`) }),
    )
    .on(
      '_sip._udp.example.org',
      'SRV',
      reply({ answers: ['_sip._udp.example.org 3600 SRV 1 2 5060 target.example.org'] }),
    )
    .on('c1.example.org', 'A', reply({ answers: ['c1.example.org 3600 CNAME target.example.org'] }));
  nodens = await startNodens({
    corefile: `.:{PORT} {\n bind 127.0.0.1\n cache 3600\n forward . ${upstream.endpoint} {\n force_tcp\n }\n}`,
  });
});
after(async () => {
  await nodens?.stop();
  await upstream?.stop();
});

describe('UDP', () => {
  const whole = HEAD_BYTES + 60 * RECORD_BYTES;
  const cases = [
    { name: 'without EDNS: 512 bytes', edns: undefined, records: 29 },
    { name: 'a size below 512 counts as 512', edns: { udpPayloadBytes: 100 }, records: 29 },
    { name: 'just enough', edns: { udpPayloadBytes: whole + OPT_BYTES }, records: 60 },
    { name: 'one byte short', edns: { udpPayloadBytes: whole + OPT_BYTES - 1 }, records: 59 },
    { name: 'two records short', edns: { udpPayloadBytes: whole + OPT_BYTES - 17 }, records: 58 },
    { name: 'plenty', edns: { udpPayloadBytes: 4096 }, records: 60 },
    {
      name: 'an echoed option takes its place',
      edns: { udpPayloadBytes: whole + OPT_BYTES, options: [{ code: 10, data: Buffer.alloc(8) }] },
      records: 59,
    },
  ];
  for (const { name, edns, records } of cases) {
    test(name, async () => {
      for (let i = 0; i < 2; i++) {
        const response = await askUdp(nodens, { qname: QNAME, ...(edns && { edns }) });
        const optBytes = edns ? OPT_BYTES + (edns.options ? 12 : 0) : 0;
        assert.equal(response.answers.length, records);
        assert.equal(response.tc, records < 60);
        assert.equal(response.opt === undefined, edns === undefined);
        assert.equal(response.bytes.length, HEAD_BYTES + records * RECORD_BYTES + optBytes);
      }
    });
  }

  test('additional records are cut, with TC', async () => {
    const response = await askUdp(nodens, { qname: 'glue.example.org', edns: { udpPayloadBytes: 600 } });
    assert.deepEqual([response.answers.length, response.tc, response.opt?.udpPayloadBytes], [1, true, 600]);
    assert.ok(response.additionals.length > 20 && response.bytes.length <= 600);
  });

  test('records of 200 bytes: none is cut in two', async () => {
    for (const udpPayloadBytes of [512, 1232, 1452, 4096]) {
      const response = await askUdp(nodens, { qname: 'texts.example.org', qtype: 'TXT', edns: { udpPayloadBytes } });
      assert.ok(response.bytes.length <= udpPayloadBytes);
      assert.ok(response.bytes.length + 215 > udpPayloadBytes, 'no further record would have fitted');
      assert.equal(response.tc, true);
    }
    assert.equal(
      (await askUdp(nodens, { qname: 'texts.example.org', qtype: 'TXT', edns: { udpPayloadBytes: 5000 } })).tc,
      false,
    );
  });
});

test('over TCP everything comes, from the same entry', async () => {
  const response = await askTcp(nodens, { qname: QNAME });
  assert.deepEqual([response.answers.length, response.tc], [60, false]);
  assert.equal((await askTcp(nodens, { qname: 'texts.example.org', qtype: 'TXT' })).answers.length, 20);
  assert.equal(upstream.queries(QNAME), 1);
});

test('names are compressed where RFC 1035 allows it, and not in newer types (RFC 3597)', async () => {
  const cname = await askUdp(nodens, { qname: 'c1.example.org' });
  assert.equal(cname.bytes.indexOf(encodeName('target.example.org')), -1);
  assert.equal(cname.answers[0], 'c1.example.org 3600 CNAME target.example.org');
  const srv = await askUdp(nodens, { qname: '_sip._udp.example.org', qtype: 'SRV' });
  assert.notEqual(srv.bytes.indexOf(encodeName('target.example.org')), -1);
  assert.equal(srv.answers[0], '_sip._udp.example.org 3600 SRV 1 2 5060 target.example.org');
});
