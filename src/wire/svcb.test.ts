import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatRdata, parseRecord } from './presentation.ts';
import { TYPE_SVCB } from './types.ts';

// The vectors of RFC 9460 appendix D, and more of the same kind. `wire` is rdata behind priority and target.
const FOO = '03666f6f076578616d706c6503636f6d00';
const vectors = [
  { name: 'AliasMode', text: '0 foo.example.com.', wire: `0000${FOO}` },
  { name: 'the root as target', text: '1 .', wire: '000100' },
  { name: 'a port', text: '16 foo.example.com. port=53', wire: `0010${FOO}000300020035` },
  { name: 'a generic key', text: '1 foo.example.com. key667="hello"', wire: `0001${FOO}029b000568656c6c6f` },
  {
    name: 'a generic key with an escape',
    text: '1 foo.example.com. key667="hello\\210qoo"',
    wire: `0001${FOO}029b000968656c6c6fd2716f6f`,
  },
  {
    name: 'two IPv6 hints',
    text: '1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1',
    wire: `0001${FOO}0006002020010db800000000000000000000000120010db8000000000000000000530001`,
  },
  {
    name: 'sorted keys',
    text: '16 foo.example.com. mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1',
    wire: `0010${FOO}000000040001000400010009026832056833 2d313900040004c0000201`.replace(' ', ''),
  },
  {
    name: 'alpn with comma and backslash',
    text: '16 foo.example.com. alpn="f\\\\\\\\oo\\\\,bar,h2"',
    wire: `0010${FOO}0001000c08665c6f6f2c626172026832`,
  },
  {
    name: 'keys without value',
    text: '1 . alpn="h2" no-default-alpn ohttp key700',
    wire: '0001000001000302683200020000000800 0002bc0000'.replace(' ', ''),
  },
  {
    name: 'ech and dohpath',
    text: '1 . ech=AAEC dohpath="/q{?dns}"',
    wire: '0001000005000300010200070008 2f717b3f646e737d'.replace(' ', ''),
  },
  { name: 'TLS groups', text: '1 . tls-supported-groups=29,23', wire: '00010000090004001d0017' },
  { name: 'docpath', text: '1 . docpath="dns,q"', wire: '000100000a000603646e730171' },
  { name: 'docpath of the root', text: '1 . docpath', wire: '000100000a0000' },
];
for (const { name, text, wire } of vectors) {
  test(`SVCB both ways: ${name}`, () => {
    assert.equal(parseRecord(`a. SVCB ${text}`).rdata.toHex(), wire);
    assert.equal(formatRdata(TYPE_SVCB, Uint8Array.fromHex(wire)), text);
  });
}

const spellings = [
  { text: '1 . port="53"', want: '1 . port=53' },
  { text: '1 . key3="\\0005"', want: '1 . port=53' },
  { text: '1 . alpn=h2,h3', want: '1 . alpn="h2,h3"' },
  { text: '1 . alpn="h2" port=1', want: '1 . alpn="h2" port=1' },
  { text: '1 . alpn=\\092\\044', want: '1 . alpn="\\\\,"' },
  { text: '1 . alpn=f\\\\\\092oo\\092,bar,h2', want: '1 . alpn="f\\\\\\\\oo\\\\,bar,h2"' },
  {
    text: '1 . port=1 ipv4hint=192.0.2.1 alpn=h2 mandatory=port,alpn',
    want: '1 . mandatory=alpn,port alpn="h2" port=1 ipv4hint=192.0.2.1',
  },
  { text: '1 . key667="a b"', want: '1 . key667="a b"' },
  { text: '1 . key667=""', want: '1 . key667' },
];
for (const { text, want } of spellings) {
  test(`SVCB is read: ${text}`, () => {
    const { type, rdata } = parseRecord(`a. SVCB ${text}`);
    assert.equal(formatRdata(type, rdata), want);
  });
}

const errorCases = [
  { text: '1 . key123=a key123=b', error: 'key123 is given twice' },
  { text: '1 . port=1 key3=ab', error: 'port is given twice' },
  { text: '1 . mandatory', error: 'mandatory: "" is not a parameter' },
  { text: '1 . mandatory=port,port port=1', error: 'mandatory: "port,port" repeats a key or names itself' },
  { text: '1 . mandatory=mandatory', error: 'mandatory: "mandatory" repeats a key or names itself' },
  { text: '1 . mandatory=key123', error: 'mandatory: key123 is not given' },
  { text: '1 . alpn', error: 'alpn: has an empty item' },
  { text: '1 . alpn=h2,,h3', error: 'alpn: has an empty item' },
  { text: '1 . alpn="a\\\\b"', error: 'alpn: "\\" stands only before "," or "\\"' },
  { text: `1 . alpn=${'a'.repeat(256)}`, error: 'alpn: item has more than 255 bytes' },
  { text: '1 . no-default-alpn', error: 'no-default-alpn needs alpn' },
  { text: '1 . alpn=h2 no-default-alpn=x', error: 'no-default-alpn: takes no value, got "x"' },
  { text: '1 . port', error: 'port: must be 0..65535, got ""' },
  { text: '1 . port=65536', error: 'port: must be 0..65535, got "65536"' },
  { text: '1 . ipv4hint=', error: 'ipv4hint: "" is not an IPv4 address' },
  { text: '1 . ipv6hint=192.0.2.1', error: 'ipv6hint: "192.0.2.1" is not an IPv6 address' },
  { text: '1 . ech', error: 'ech: needs a value' },
  { text: '1 . Port=1', error: '"Port" is not a parameter' },
  { text: '1 . key065=1', error: '"key065" is not a parameter' },
  { text: '1 . key65535=1', error: '"key65535" is not a parameter' },
];
for (const { text, error } of errorCases) {
  test(`SVCB refuses: ${text.slice(0, 60)}`, () => {
    assert.throws(() => parseRecord(`a. SVCB ${text}`), { name: 'PresentationError', message: `SVCB: ${error}` });
  });
}

const misfits = [
  { name: 'keys not ascending', params: '0003000200010001000302 6832' },
  { name: 'a key twice', params: '000300020001 000300020001' },
  { name: 'cut in the length', params: '000300' },
  { name: 'cut in the value', params: '0003000200' },
  { name: 'a port of one byte', params: '0003000101' },
  { name: 'half an address', params: '00040002c000' },
  { name: 'no address', params: '00040000' },
  { name: 'an empty alpn', params: '0001000100' },
  { name: 'mandatory without what it names', params: '000000020003' },
  { name: 'a value where there is none', params: '0008000101' },
];
for (const { name, params } of misfits) {
  test(`SVCB that does not fit is written in generic form: ${name}`, () => {
    const hex = `000100${params.replaceAll(' ', '')}`.toUpperCase();
    assert.equal(formatRdata(TYPE_SVCB, Uint8Array.fromHex(hex)), `\\# ${hex.length / 2} ${hex}`);
  });
}
