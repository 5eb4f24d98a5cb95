import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasSoundRdata } from './sound.ts';
import { buildMessage } from './testing/build.ts';
import { parseMessage } from './view.ts';

const hex = (...parts: string[]) => Uint8Array.fromHex(parts.join('').replaceAll(' ', ''));

const TWO_RECORDS = '0001 8180 0001 0002 0000 0000';
const QUESTION = '0161 0162 00 0001 0001'; // 12: `a.b. A`; the first record starts at 21, its rdata at 33.
const A = 'c00c 0001 0001 0000003c 0004 c0000201';

/** A record of that type behind a good one, so that its rdata starts at 49. */
const withRdata = (type: number, rdata: string): Uint8Array => {
  const bytes = hex(rdata);
  const [typeText, lengthText] = [type, bytes.length].map((value) => value.toString(16).padStart(4, '0'));
  return hex(TWO_RECORDS, QUESTION, A, `c00c ${typeText} 0001 0000003c ${lengthText} ${rdata}`);
};

const cases = [
  { name: 'A', type: 1, rdata: 'c0000201', sound: true },
  { name: 'A of 3 bytes', type: 1, rdata: 'c00002', sound: false },
  { name: 'A of 5 bytes', type: 1, rdata: 'c000020101', sound: false },
  { name: 'A of none', type: 1, rdata: '', sound: false },
  { name: 'AAAA of 4 bytes', type: 28, rdata: 'c0000201', sound: false },
  { name: 'TXT', type: 16, rdata: '01 61 00 02 6262', sound: true },
  { name: 'TXT whose last string is longer than it', type: 16, rdata: '01 61 03 6262', sound: false },
  { name: 'TXT without a string', type: 16, rdata: '', sound: false },
  { name: 'OPT', type: 41, rdata: '000a 0001 ff', sound: true },
  { name: 'OPT without options', type: 41, rdata: '', sound: true },
  { name: 'OPT with a longer option', type: 41, rdata: '000a 0002 ff', sound: false },
  { name: 'CNAME', type: 5, rdata: '0163 c00e', sound: true },
  { name: 'CNAME that points ahead', type: 5, rdata: 'c0ff', sound: false },
  { name: 'CNAME that points to itself', type: 5, rdata: 'c031', sound: false },
  { name: 'CNAME with a label of a kind that does not exist', type: 5, rdata: '41 00', sound: false },
  { name: 'CNAME that goes on behind the name', type: 5, rdata: '00 00', sound: false },
  { name: 'CNAME that ends within the name', type: 5, rdata: '01', sound: false },
  { name: 'CNAME without a name', type: 5, rdata: '', sound: false },
  { name: 'MX without a name', type: 15, rdata: '000a', sound: false },
  { name: 'SOA cut short', type: 6, rdata: '00 00 0000', sound: false },
  { name: 'SRV', type: 33, rdata: '0001 0002 0003 c00c', sound: true },
  { name: 'NAPTR with a longer string', type: 35, rdata: '0001 0002 05 61 00 00 00', sound: false },
  { name: 'RRSIG with a signer that points ahead', type: 46, rdata: `${'00'.repeat(18)} c0ff 01`, sound: false },
  { name: 'RRSIG with a compressed signer', type: 46, rdata: `${'00'.repeat(18)} c00c 01`, sound: true },
  { name: 'RRSIG cut short', type: 46, rdata: '00'.repeat(18), sound: false },
  { name: 'NSEC', type: 47, rdata: '0161 00 0001 40', sound: true },
  { name: 'HTTPS without a target', type: 65, rdata: '0001', sound: false },
  { name: 'an unknown type', type: 65280, rdata: 'ff', sound: true },
  { name: 'an unknown type without rdata', type: 65280, rdata: '', sound: true },
];
for (const { name, type, rdata, sound } of cases) {
  test(`hasSoundRdata: ${name}`, () => assert.equal(hasSoundRdata(parseMessage(withRdata(type, rdata))), sound));
}

test('hasSoundRdata: what our own writer makes', () => {
  const answer = [
    'a.example.org. 60 SOA ns.example.org. root.example.org. 1 2 3 4 5',
    'a.example.org. 60 NAPTR 1 2 "s" "SIP+D2U" "" _sip._udp.example.org.',
    'a.example.org. 60 HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1',
    'a.example.org. 60 RRSIG A 8 3 60 20300101000000 20200101000000 1 example.org. AAAA',
    'a.example.org. 60 NSEC b.example.org. A RRSIG NSEC',
    'a.example.org. 60 TYPE65280 \\# 0',
  ];
  const message = buildMessage({ question: 'a.example.org. ANY', answer, opt: { options: hex('000a 0001 ff') } });
  assert.equal(hasSoundRdata(parseMessage(message)), true);
});
