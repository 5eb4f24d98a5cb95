import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseWeights } from './weights.ts';

const good = [
  { name: 'nothing', text: '', want: [] },
  { name: 'comments and empty lines', text: '# a comment\n\n  \t\n   # another one', want: [] },
  {
    name: 'a name with addresses',
    text: 'www.example.org\n192.0.2.1 3\n2001:db8::1 255\n',
    want: ['www.example.org. 192.0.2.1 3', 'www.example.org. 2001:db8::1 255'],
  },
  {
    name: 'two names, any white space, lines that end as on Windows',
    text: '  a.example.org.\t\r\n\t192.0.2.1 \t 1\r\nb.example.org\r\n192.0.2.1 2',
    want: ['a.example.org. 192.0.2.1 1', 'b.example.org. 192.0.2.1 2'],
  },
  {
    name: 'a name that stands twice',
    text: 'a\n192.0.2.1 1\nb\nA.\n192.0.2.2 2\n',
    want: ['a. 192.0.2.1 1', 'a. 192.0.2.2 2'],
  },
  { name: 'of an address that stands twice the first', text: 'a\n192.0.2.1 1\n192.0.2.1 2', want: ['a. 192.0.2.1 1'] },
  { name: 'addresses in any spelling', text: 'a\n2001:DB8:0::0001 7', want: ['a. 2001:db8::1 7'] },
];
for (const { name, text, want } of good) {
  test(`weight file: ${name}`, () => {
    const found = [...parseWeights(text, 'weights')].flatMap(([owner, ofName]) =>
      [...ofName].map(([address, weight]) => `${owner} ${address} ${weight}`),
    );
    assert.deepEqual(found, want);
  });
}

const bad = [
  { text: '192.0.2.1', error: 'weights:1: wrong domain name: "192.0.2.1"; is its weight missing?' },
  { text: 'a\n\n2001:db8::1', error: 'weights:3: wrong domain name: "2001:db8::1"; is its weight missing?' },
  { text: 'a..b', error: 'weights:1: wrong domain name: "a..b"' },
  { text: '192.0.2.1 1', error: 'weights:1: a domain name must stand before "192.0.2.1 1"' },
  { text: 'a\nb 1', error: 'weights:2: wrong IP address: "b"' },
  { text: 'a\n192.0.2.01 1', error: 'weights:2: wrong IP address: "192.0.2.01"' },
  { text: 'a\n192.0.2.1 0', error: 'weights:2: WEIGHT must be 1..255, got "0"' },
  { text: '# a\na\n192.0.2.1 256', error: 'weights:3: WEIGHT must be 1..255, got "256"' },
  { text: 'a\n192.0.2.1 1.5', error: 'weights:2: WEIGHT must be 1..255, got "1.5"' },
  { text: 'a\n192.0.2.1 -1', error: 'weights:2: WEIGHT must be 1..255, got "-1"' },
  { text: 'a\n192.0.2.1 1 # no', error: 'weights:2: expected a domain name, or IP WEIGHT, got "192.0.2.1 1 # no"' },
  { text: 'a\n\u001b[31m 1', error: 'weights:2: wrong IP address: "\\u001b[31m"' },
];
for (const { text, error } of bad) {
  test(`weight file: ${error}`, () => assert.throws(() => parseWeights(text, 'weights'), { message: error }));
}
