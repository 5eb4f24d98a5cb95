import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fingerprint } from './fingerprint.ts';
import { formatCorefile } from './format.ts';
import { parseCorefile } from './parse.ts';

const options = { env: { TTL: '30' }, defaultPort: 53, directiveNames: ['cache', 'log', 'whoami'] };
const parse = (text: string, file = 'Corefile') => parseCorefile(text, file, options);

test('format: one zone per key, imports and variables followed, quotes where needed', () => {
  const input =
    '(s) { whoami }\n10.0.0.0/15 tls://A {\n cache {$TTL} { success 1 }\n import s\n log "" "a b" "{" a"b "\\"c" "#"\n}\nb\n';
  const want = `0.10.in-addr.arpa.:53 1.10.in-addr.arpa.:53 tls://a.:853 {
    cache 30 {
        success 1
    }
    whoami
    log "" "a b" "{" a"b "\\"c" "#"
}

b.:53 {
}
`;
  assert.equal(formatCorefile(parse(input).blocks), want);
  assert.equal(formatCorefile(parse(want).blocks), want);
});

const base = '. {\n cache 30 {\n  success 1\n }\n}\n';
const same = [
  { name: 'a trailing comment', input: `${base}# comment\n\n` },
  { name: 'a comment behind a word', input: base.replace('30', '30#x').replace('#x {', ' { # x') },
  { name: 'blanks', input: base.replace('cache 30', '\tcache   30') },
  { name: 'a variable of the same value', input: base.replace('30', '{$TTL}') },
];
const different = [
  { name: 'a word', input: base.replace('30', '31') },
  { name: 'a line moved', input: base.replace('\n cache', '\n\n cache') },
  { name: 'a key', input: base.replace('.', 'a') },
  { name: 'a port', input: base.replace('.', '.:54') },
  { name: 'a word moved into the body', input: '. {\n cache {\n 30\n  success 1\n }\n}\n' },
];
test('fingerprint: SHA-512 in hex', () => assert.match(fingerprint(parse(base)), /^[0-9a-f]{128}$/));
for (const { name, input } of same) {
  test(`fingerprint: not changed by ${name}`, () => assert.equal(fingerprint(parse(input)), fingerprint(parse(base))));
}
for (const { name, input } of different) {
  test(`fingerprint: changed by ${name}`, () => assert.notEqual(fingerprint(parse(input)), fingerprint(parse(base))));
}
test('fingerprint: changed by the file', () => {
  assert.notEqual(fingerprint(parse(base, 'other')), fingerprint(parse(base)));
});
