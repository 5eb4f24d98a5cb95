import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rcodeFromName, rcodeName, setFlags, setId } from './header.ts';
import { classFromName, className, typeFromName, typeName } from './types.ts';

const rcodeCases = [
  { rcode: 0, name: 'NOERROR' },
  { rcode: 3, name: 'NXDOMAIN' },
  { rcode: 16, name: 'BADVERS' },
  { rcode: 23, name: 'BADCOOKIE' },
  { rcode: 12, name: 'RCODE12' },
  { rcode: 4095, name: 'RCODE4095' },
];
for (const { rcode, name } of rcodeCases) {
  test(`rcode ${rcode} is ${name}`, () => {
    assert.equal(rcodeName(rcode), name);
    assert.equal(rcodeFromName(name), rcode);
    assert.equal(rcodeFromName(name.toLowerCase()), rcode);
  });
}

test('rcodes that have two names, and what is none', () => {
  assert.equal(rcodeFromName('BADSIG'), 16);
  assert.equal(rcodeFromName('NOTIMPL'), 4);
  for (const text of ['', 'OK', 'RCODE', 'RCODE4096', 'RCODE-1']) assert.equal(rcodeFromName(text), undefined);
});

const typeCases = [
  { type: 1, name: 'A' },
  { type: 65, name: 'HTTPS' },
  { type: 255, name: 'ANY' },
  { type: 65280, name: 'TYPE65280' },
];
for (const { type, name } of typeCases) {
  test(`type ${type} is ${name}`, () => {
    assert.equal(typeName(type), name);
    assert.equal(typeFromName(name.toLowerCase()), type);
    assert.equal(typeFromName(`TYPE${type}`), type);
  });
}

const classCases = [
  { number: 1, name: 'IN' },
  { number: 3, name: 'CH' },
  { number: 32, name: 'CLASS32' },
];
for (const { number, name } of classCases) {
  test(`class ${number} is ${name}`, () => {
    assert.equal(className(number), name);
    assert.equal(classFromName(name.toLowerCase()), number);
    assert.equal(classFromName(`CLASS${number}`), number);
  });
}

test('no type and no class', () => {
  for (const text of ['', 'B', 'TYPE', 'TYPE65536', 'TYPE1x']) assert.equal(typeFromName(text), undefined);
  for (const text of ['', 'A', 'CLASS', 'CLASS65536']) assert.equal(classFromName(text), undefined);
});

test('patching id and flags leaves the rest alone', () => {
  const message = new Uint8Array(12).fill(0xff);
  setId(message, 0x1234);
  setFlags(message, 0x8180);
  assert.equal(message.toHex(), '12348180ffffffffffffffff');
});
