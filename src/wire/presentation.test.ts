import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameToText } from './name.ts';
import { formatRdata, formatRecord, type ParseOptions, parseRecord } from './presentation.ts';
import { typeFromName } from './types.ts';

/** `wire` is what BIND's named-rrchecker makes of the text, wherever it takes that. */
const rdataCases = [
  { type: 'A', text: '192.0.2.1', wire: 'c0000201' },
  { type: 'AAAA', text: '2001:db8::1', wire: '20010db8000000000000000000000001' },
  { type: 'AAAA', text: '::ffff:192.0.2.1', wire: '00000000000000000000ffffc0000201' },
  { type: 'NS', text: 'ns1.example.org.', wire: '036e7331076578616d706c65036f726700' },
  { type: 'CNAME', text: 'b\\.c.', wire: '03622e6300' },
  { type: 'PTR', text: 'b.', wire: '016200' },
  { type: 'DNAME', text: 'b.', wire: '016200' },
  { type: 'MX', text: '10 mail.example.org.', wire: '000a046d61696c076578616d706c65036f726700' },
  {
    type: 'TXT',
    text: '"hello \\"world\\"" "a\\\\b" "\\000\\255" ""',
    wire: '0d68656c6c6f2022776f726c642203615c620200ff00',
  },
  { type: 'SPF', text: '"v=spf1 -all"', wire: '0b763d73706631202d616c6c' },
  { type: 'SRV', text: '1 2 53 dns.example.org.', wire: '00010002003503646e73076578616d706c65036f726700' },
  {
    type: 'SOA',
    text: 'ns1.b. host\\.master.b. 4294967295 3600 900 604800 300',
    wire: '036e73310162000b686f73742e6d6173746572016200ffffffff00000e100000038400093a800000012c',
  },
  { type: 'HINFO', text: '"x86" "Linux"', wire: '03783836054c696e7578' },
  { type: 'MINFO', text: 'a. b.', wire: '016100016200' },
  { type: 'RP', text: 'a. b.', wire: '016100016200' },
  { type: 'AFSDB', text: '1 b.', wire: '0001016200' },
  { type: 'KX', text: '1 b.', wire: '0001016200' },
  { type: 'PX', text: '1 a. b.', wire: '0001016100016200' },
  {
    type: 'CAA',
    text: '128 issue "ca.example.org; a=b"',
    wire: '8005697373756563612e6578616d706c652e6f72673b20613d62',
  },
  { type: 'URI', text: '10 1 "ftp://b/c"', wire: '000a00016674703a2f2f622f63' },
  { type: 'NAPTR', text: '100 50 "s" "x+y" "" b.', wire: '00640032017303782b7900016200' },
  { type: 'DS', text: '60485 5 1 2BB183AF', wire: 'ec4505012bb183af' },
  { type: 'CDS', text: '0 0 0 00', wire: '0000000000' },
  { type: 'DNSKEY', text: '257 3 13 AQID', wire: '0101030d010203' },
  { type: 'CDNSKEY', text: '0 3 0 AA==', wire: '0000030000' },
  {
    type: 'RRSIG',
    text: 'TYPE1234 5 3 86400 21060207062815 19700101000000 2642 b. oJB1',
    wire: '04d2050300015180ffffffff000000000a52016200a09075',
  },
  {
    type: 'NSEC',
    text: 'host.b. A MX RRSIG NSEC TYPE1234',
    wire: `04686f73740162000006400100000003041b${'00'.repeat(26)}20`,
  },
  { type: 'NSEC', text: 'b.', wire: '016200' },
  {
    type: 'NSEC3',
    text: '1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR NS SOA MX RRSIG DNSKEY NSEC3PARAM',
    wire: '0101000c04aabbccdd14174eb2409fe28bcb4887a1836f957f0a8425e27b000722010000000290',
  },
  { type: 'NSEC3', text: '1 0 0 - 00', wire: '01000000000100' },
  { type: 'NSEC3PARAM', text: '1 0 12 AABB', wire: '0100000c02aabb' },
  { type: 'NSEC3PARAM', text: '1 0 12 -', wire: '0100000c00' },
  { type: 'TLSA', text: '3 1 1 D2ABDE24', wire: '030101d2abde24' },
  { type: 'SMIMEA', text: '3 1 1 D2ABDE24', wire: '030101d2abde24' },
  { type: 'SSHFP', text: '2 1 123456789ABCDEF0', wire: '0201123456789abcdef0' },
  { type: 'TYPE65280', text: '\\# 4 0A000001', wire: '0a000001' },
  { type: 'TYPE65280', text: '\\# 0', wire: '' },
  { type: 'NULL', text: '\\# 1 00', wire: '00' },
];
for (const { type, text, wire } of rdataCases) {
  test(`rdata both ways: ${type} ${text}`, () => {
    const record = parseRecord(`a. ${type} ${text}`);
    assert.equal(record.rdata.toHex(), wire);
    assert.equal(record.type, typeFromName(type));
    assert.equal(formatRdata(record.type, Uint8Array.fromHex(wire)), text);
  });
}

const formatOnlyCases = [
  {
    name: 'longest run of zeros, the first of two',
    type: 28,
    wire: '20010000000000010000000000000001',
    want: '2001:0:0:1::1',
  },
  {
    name: 'two runs of the same length',
    type: 28,
    wire: '20010db8000000000001000000000001',
    want: '2001:db8::1:0:0:1',
  },
  { name: 'one group of zeros', type: 28, wire: '20010db8000000010001000100010001', want: '2001:db8:0:1:1:1:1:1' },
  { name: 'only zeros', type: 28, wire: '00'.repeat(16), want: '::' },
  { name: 'zeros in front', type: 28, wire: `${'00'.repeat(15)}01`, want: '::1' },
  { name: 'zeros behind', type: 28, wire: `2001${'00'.repeat(14)}`, want: '2001::' },
  { name: 'A cut', type: 1, wire: 'c00002', want: '\\# 3 C00002' },
  { name: 'A with more', type: 1, wire: 'c000020101', want: '\\# 5 C000020101' },
  { name: 'TXT without string', type: 16, wire: '', want: '\\# 0' },
  { name: 'TXT cut', type: 16, wire: '0561', want: '\\# 2 0561' },
  { name: 'MX with a pointer', type: 15, wire: '000ac00c', want: '\\# 4 000AC00C' },
  { name: 'CAA with a tag of other characters', type: 257, wire: '00012d', want: '\\# 3 00012D' },
  { name: 'NSEC with windows in disorder', type: 47, wire: '00010140000140', want: '\\# 7 00010140000140' },
  { name: 'NSEC with an empty window', type: 47, wire: '000000', want: '\\# 3 000000' },
  { name: 'DS without digest', type: 43, wire: '00010101', want: '\\# 4 00010101' },
];
for (const { name, type, wire, want } of formatOnlyCases) {
  test(`formatRdata: ${name}`, () => {
    assert.equal(formatRdata(type, Uint8Array.fromHex(wire)), want);
  });
}

const lineCases: { name: string; text: string; options?: ParseOptions; want: string }[] = [
  { name: 'TTL and class', text: 'a.b. 300 IN A 192.0.2.1', want: 'a.b.\t300\tIN\tA\t192.0.2.1' },
  { name: 'class and TTL', text: 'a.b. CH 300 TXT x', want: 'a.b.\t300\tCH\tTXT\t"x"' },
  { name: 'neither', text: 'a.b. A 192.0.2.1', want: 'a.b.\t3600\tIN\tA\t192.0.2.1' },
  { name: 'blanks of all kinds around', text: ' \t a.b.\tA  192.0.2.1 \r\n', want: 'a.b.\t3600\tIN\tA\t192.0.2.1' },
  { name: 'any case', text: 'A.b. in a 192.0.2.1', want: 'A.b.\t3600\tIN\tA\t192.0.2.1' },
  { name: 'TTL with units', text: 'a. 1h30m A 192.0.2.1', want: 'a.\t5400\tIN\tA\t192.0.2.1' },
  { name: 'TTL 0', text: 'a. 0 A 192.0.2.1', want: 'a.\t0\tIN\tA\t192.0.2.1' },
  {
    name: 'times in SOA with units',
    text: 'a. SOA b. c. 1 1H 2M 1w2d 3',
    want: 'a.\t3600\tIN\tSOA\tb. c. 1 3600 120 777600 3',
  },
  { name: 'comment', text: 'a. A 192.0.2.1 ; not "this"', want: 'a.\t3600\tIN\tA\t192.0.2.1' },
  {
    name: 'parentheses over lines, with comments',
    text: 'a. SOA ( b. c. ; servers\n 1 2 3\n 4 5 )',
    want: 'a.\t3600\tIN\tSOA\tb. c. 1 2 3 4 5',
  },
  { name: 'text without quotes', text: 'a. TXT b\\ c d', want: 'a.\t3600\tIN\tTXT\t"b c" "d"' },
  { name: 'text that is UTF-8', text: 'a. TXT "é"', want: 'a.\t3600\tIN\tTXT\t"\\195\\169"' },
  { name: 'strings that touch', text: 'a. TXT "b""c"d', want: 'a.\t3600\tIN\tTXT\t"b" "c" "d"' },
  { name: 'a semicolon and parentheses in quotes', text: 'a. TXT "b;(c"', want: 'a.\t3600\tIN\tTXT\t"b;(c"' },
  {
    name: 'a text of more than 255 bytes is split',
    text: `a. TXT "${'b'.repeat(256)}"`,
    want: `a.\t3600\tIN\tTXT\t"${'b'.repeat(255)}" "b"`,
  },
  { name: 'generic form of a known type', text: 'a. A \\# 4 c0 000201', want: 'a.\t3600\tIN\tA\t192.0.2.1' },
  { name: 'known form of a type by number', text: 'a. TYPE1 192.0.2.1', want: 'a.\t3600\tIN\tA\t192.0.2.1' },
  { name: 'class by number', text: 'a. CLASS32 A 192.0.2.1', want: 'a.\t3600\tCLASS32\tA\t192.0.2.1' },
  { name: 'base 64 in pieces', text: 'a. DNSKEY 257 3 13 AQ ID', want: 'a.\t3600\tIN\tDNSKEY\t257 3 13 AQID' },
  {
    name: 'seconds as a time',
    text: 'a. RRSIG A 5 1 1 60 0 1 b. AA==',
    want: 'a.\t3600\tIN\tRRSIG\tA 5 1 1 19700101000100 19700101000000 1 b. AA==',
  },
  {
    name: 'TTL and class given',
    text: 'a. A 192.0.2.1',
    options: { ttl: 5, class: 3 },
    want: 'a.\t5\tCH\tA\t192.0.2.1',
  },
  { name: 'without final dot', text: 'a.b CNAME c', want: 'a.b.\t3600\tIN\tCNAME\tc.' },
  {
    name: 'origin',
    text: '@ CNAME b',
    options: { origin: 'example.org.' },
    want: 'example.org.\t3600\tIN\tCNAME\tb.example.org.',
  },
  {
    name: 'an escaped dot at the end is no final dot',
    text: 'a\\. CNAME b\\\\.',
    options: { origin: 'example.org.' },
    want: 'a\\..example.org.\t3600\tIN\tCNAME\tb\\\\.',
  },
];
for (const { name, text, options, want } of lineCases) {
  test(`parseRecord: ${name}`, () => {
    assert.equal(formatRecord(parseRecord(text, options)), want);
  });
}

const errorCases = [
  { text: '', error: 'there is no record' },
  { text: ' ; comment', error: 'there is no record' },
  { text: 'a.', error: 'type is missing' },
  { text: 'a. 300 IN', error: 'type is missing' },
  { text: 'a. B c', error: '"B" is not a type, a class or a TTL' },
  { text: 'a. 1x A 192.0.2.1', error: '"1x" is not a type, a class or a TTL' },
  { text: 'a. 4294967296 A 192.0.2.1', error: '"4294967296" is not a type, a class or a TTL' },
  { text: 'a..b A 192.0.2.1', error: 'owner "a..b" is not a domain name' },
  { text: 'a. A', error: 'A: address is missing' },
  { text: 'a. A 192.0.2', error: 'A: "192.0.2" is not an IPv4 address' },
  { text: 'a. A 192.0.2.01', error: 'A: "192.0.2.01" is not an IPv4 address' },
  { text: 'a. A 192.0.2.256', error: 'A: "192.0.2.256" is not an IPv4 address' },
  { text: 'a. A 192.0.2.1 x', error: 'A: unexpected "x" at the end' },
  { text: 'a. AAAA 1::2::3', error: 'AAAA: "1::2::3" is not an IPv6 address' },
  { text: 'a. AAAA 1:2:3:4:5:6:7::8', error: 'AAAA: "1:2:3:4:5:6:7::8" is not an IPv6 address' },
  { text: 'a. AAAA 1:2:3:4:5:6:7', error: 'AAAA: "1:2:3:4:5:6:7" is not an IPv6 address' },
  { text: 'a. AAAA :1:2:3:4:5:6:7', error: 'AAAA: ":1:2:3:4:5:6:7" is not an IPv6 address' },
  { text: 'a. AAAA 192.0.2.1::', error: 'AAAA: "192.0.2.1::" is not an IPv6 address' },
  { text: 'a. AAAA ::12345', error: 'AAAA: "::12345" is not an IPv6 address' },
  { text: 'a. MX 65536 b.', error: 'MX: preference must be 0..65535, got "65536"' },
  { text: 'a. MX b.', error: 'MX: preference must be 0..65535, got "b."' },
  { text: 'a. MX 1 b..', error: 'MX: name "b.." is not a domain name' },
  { text: 'a. SOA b. c. 1 2 3 4 x', error: 'SOA: minimum must be a time in seconds, got "x"' },
  { text: 'a. TXT', error: 'TXT: text is missing' },
  { text: 'a. TXT "b', error: 'quotes are not closed' },
  { text: 'a. TXT b\\', error: '"\\" at the end' },
  { text: 'a. TXT b\\256', error: 'TXT: "b\\256" has an escape that is no byte' },
  { text: `a. HINFO "${'b'.repeat(256)}" c`, error: 'HINFO: CPU has more than 255 bytes' },
  { text: 'a. TXT ( b', error: '"(" without ")"' },
  { text: 'a. TXT b )', error: '")" without "("' },
  { text: 'a. TXT b\nc. TXT d', error: 'more than one record' },
  { text: 'a. MX "1\n2" b.', error: 'MX: preference must be 0..65535, got "1 2"' },
  { text: 'a. CAA 0 is-sue "b"', error: 'CAA: tag must be letters and digits, got "is-sue"' },
  { text: 'a. DS 1 1 1', error: 'DS: digest is missing' },
  { text: 'a. DS 1 1 1 abc', error: 'DS: "abc" is not in base 16' },
  { text: 'a. DNSKEY 1 1 1 A', error: 'DNSKEY: "A" is not in base 64' },
  { text: 'a. NSEC3 1 0 0 - UVW', error: 'NSEC3: "UVW" is not in base 32' },
  { text: 'a. NSEC b. A B', error: 'NSEC: "B" is not a type' },
  {
    text: 'a. RRSIG A 5 1 1 20301301000000 0 1 b. AA==',
    error: 'RRSIG: expiration must be YYYYMMDDHHmmSS, got "20301301000000"',
  },
  { text: 'a. TYPE65280 1', error: 'TYPE65280: rdata must be written as \\# LENGTH HEX' },
  { text: 'a. TYPE65280 \\# 2 00', error: 'TYPE65280: rdata must be 2 bytes in base 16' },
  { text: 'a. TYPE65280 \\# 1 0g', error: 'TYPE65280: rdata must be 1 bytes in base 16' },
  { text: 'a. NS \\# 2 c000', error: 'NS: rdata does not fit the type' },
];
for (const { text, error } of errorCases) {
  test(`parseRecord refuses: ${text.slice(0, 60)}`, () => {
    assert.throws(() => parseRecord(text), { name: 'PresentationError', message: error });
  });
}

test('a record has the fields that were written', () => {
  const { owner, rdata, ...fields } = parseRecord('www.example.org. 60 CH A 192.0.2.1');
  assert.equal(nameToText(owner, 0), 'www.example.org.');
  assert.deepEqual(fields, { type: 1, class: 3, ttl: 60 });
  assert.equal(Object.getPrototypeOf(rdata), Uint8Array.prototype);
});

test('only the first of several records, if that is what is wanted', () => {
  for (const text of ['a. TXT b', 'a. TXT b\nc. TXT d', '\n; x\na. TXT (\nb )\n"']) {
    assert.equal(formatRecord(parseRecord(text, { firstOnly: true })), 'a.\t3600\tIN\tTXT\t"b"');
  }
});
