import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameToText } from './name.ts';
import { readRdata, readRecord } from './record.ts';
import { buildMessage } from './testing/build.ts';
import { parseMessage } from './view.ts';

test('a record is read with its names decompressed', () => {
  const message = buildMessage({
    question: 'www.example.org. CNAME',
    answer: ['www.example.org. 300 CNAME web.example.org.'],
  });
  const record = readRecord(parseMessage(message), 0);
  assert.ok(record);
  assert.equal(nameToText(record.owner, 0), 'www.example.org.');
  assert.equal(nameToText(record.rdata, 0), 'web.example.org.');
  assert.deepEqual([record.type, record.class, record.ttl], [5, 1, 300]);
  assert.notEqual(record.rdata.buffer, message.buffer);
});

// All names are `b.a.`, written 0162c00c: "a." stands at 12.
const NAME = '0162016100';
const layoutCases = [
  { type: 'NS', number: 2, rdata: '0162c00c', want: NAME },
  { type: 'MD', number: 3, rdata: '0162c00c', want: NAME },
  { type: 'MF', number: 4, rdata: '0162c00c', want: NAME },
  { type: 'CNAME', number: 5, rdata: '0162c00c', want: NAME },
  { type: 'SOA', number: 6, rdata: `c00c0162c00c${'11'.repeat(20)}`, want: `016100${NAME}${'11'.repeat(20)}` },
  { type: 'MB', number: 7, rdata: '0162c00c', want: NAME },
  { type: 'MG', number: 8, rdata: '0162c00c', want: NAME },
  { type: 'MR', number: 9, rdata: '0162c00c', want: NAME },
  { type: 'PTR', number: 12, rdata: '0162c00c', want: NAME },
  { type: 'MINFO', number: 14, rdata: 'c00c0162c00c', want: `016100${NAME}` },
  { type: 'MX', number: 15, rdata: '000a0162c00c', want: `000a${NAME}` },
  { type: 'RP', number: 17, rdata: 'c00c0162c00c', want: `016100${NAME}` },
  { type: 'AFSDB', number: 18, rdata: '00010162c00c', want: `0001${NAME}` },
  { type: 'RT', number: 21, rdata: '00010162c00c', want: `0001${NAME}` },
  { type: 'SIG', number: 24, rdata: `${'22'.repeat(18)}0162c00cabcd`, want: `${'22'.repeat(18)}${NAME}abcd` },
  { type: 'PX', number: 26, rdata: '0001c00c0162c00c', want: `0001016100${NAME}` },
  { type: 'NXT', number: 30, rdata: '0162c00c6000', want: `${NAME}6000` },
  { type: 'SRV', number: 33, rdata: '0001000200350162c00c', want: `000100020035${NAME}` },
  {
    type: 'NAPTR',
    number: 35,
    rdata: '00010002017300027879c00c',
    want: '000100020173000278790161 00'.replace(' ', ''),
  },
  { type: 'KX', number: 36, rdata: '00010162c00c', want: `0001${NAME}` },
  { type: 'DNAME', number: 39, rdata: '0162c00c', want: NAME },
  { type: 'A, of any length', number: 1, rdata: 'c00c', want: 'c00c' },
  { type: 'an unknown type', number: 65280, rdata: '0162c00c', want: '0162c00c' },
  { type: 'NS without rdata (RFC 2136)', number: 2, rdata: '', want: '' },
  { type: 'NS with bytes behind the name', number: 2, rdata: '0162c00cff', want: undefined },
  { type: 'NS cut', number: 2, rdata: '0162c0', want: undefined },
  { type: 'NS in a loop', number: 2, rdata: '0162c011', want: undefined },
  { type: 'MX without name', number: 15, rdata: '000a', want: undefined },
  { type: 'MX cut in the preference', number: 15, rdata: '00', want: undefined },
  { type: 'SOA cut in the numbers', number: 6, rdata: `c00cc00c${'11'.repeat(19)}`, want: undefined },
  { type: 'NAPTR cut in a string', number: 35, rdata: '0001000205', want: undefined },
  { type: 'NAPTR cut before a string', number: 35, rdata: '00010002', want: undefined },
];
for (const { type, number, rdata, want } of layoutCases) {
  test(`readRdata: ${type}`, () => {
    const message = Uint8Array.fromHex(`${'00'.repeat(12)}016100${rdata}`);
    assert.equal(readRdata(message, number, 15, message.length)?.toHex(), want);
  });
}

test('a name may not reach past its rdata', () => {
  const message = Uint8Array.fromHex(`${'00'.repeat(12)}0162016100`);
  assert.equal(readRdata(message, 2, 12, 14), undefined);
});
