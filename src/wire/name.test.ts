import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  isSubdomain,
  lowerName,
  lowerText,
  nameFromText,
  nameIsUnder,
  nameLength,
  namesEqual,
  nameToLowerText,
  nameToText,
  parentOf,
  readName,
  skipName,
} from './name.ts';
import { wireName } from './testing/build.ts';

const LABEL_63 = 'x'.repeat(63);
/** 3 * 64 + 62 + 1 is 255. */
const NAME_255 = `${LABEL_63}.${LABEL_63}.${LABEL_63}.${'x'.repeat(61)}.`;

const textCases = [
  { name: 'the root', text: '.', wire: '00' },
  { name: 'one label', text: 'org.', wire: '036f726700' },
  { name: 'case is kept', text: 'Example.oRG.', wire: '074578616d706c65036f524700' },
  { name: 'escaped dot', text: 'a\\.b.c.', wire: '03612e62016300' },
  { name: 'escaped backslash before a dot', text: 'a\\\\.b.', wire: '02615c016200' },
  { name: 'what CoreDNS escapes by a backslash', text: '\\ \\\'\\@\\;\\(\\)\\".', wire: '072027403b28292200' },
  { name: 'not printable', text: '\\000\\031\\127\\255.', wire: '04001f7fff00' },
  { name: 'underscore, star and slash stand as they are', text: '*._tcp.1/2.', wire: '012a045f74637003312f3200' },
];
for (const { name, text, wire } of textCases) {
  test(`text and wire: ${name}`, () => {
    assert.equal(wireName(text).toHex(), wire);
    assert.equal(nameToText(Uint8Array.fromHex(wire), 0), text);
  });
}

const fromTextCases = [
  { name: 'without final dot', text: 'example.org', want: 'example.org.' },
  { name: 'needless escapes', text: '\\a\\066.', want: 'aB.' },
  { name: 'UTF-8', text: 'ü.', want: '\\195\\188.' },
  { name: 'escaped dot at the end', text: 'a\\.', want: 'a\\..' },
  { name: 'label of 63 bytes', text: `${LABEL_63}.`, want: `${LABEL_63}.` },
  { name: 'name of 255 bytes', text: NAME_255, want: NAME_255 },
  { name: 'name of 255 bytes without final dot', text: NAME_255.slice(0, -1), want: NAME_255 },
  { name: 'empty', text: '', want: undefined },
  { name: 'empty label', text: 'a..b.', want: undefined },
  { name: 'dot in front', text: '.a.', want: undefined },
  { name: 'two dots', text: '..', want: undefined },
  { name: 'label of 64 bytes', text: `${LABEL_63}x.`, want: undefined },
  { name: 'name of 256 bytes', text: `x${NAME_255}`, want: undefined },
  { name: 'name of 256 bytes in good labels', text: `${NAME_255.slice(0, -1)}x.`, want: undefined },
  { name: 'very long', text: 'a.'.repeat(1000), want: undefined },
  { name: 'escape above 255', text: '\\256.', want: undefined },
  { name: 'escape of two digits', text: '\\12.', want: undefined },
  { name: 'nothing behind the backslash', text: 'a\\', want: undefined },
];
for (const { name, text, want } of fromTextCases) {
  test(`nameFromText: ${name}`, () => {
    const wire = nameFromText(text);
    assert.equal(wire && nameToText(wire, 0), want);
  });
}

/** Twelve bytes of header, then what is given. */
function behindHeader(hex: string): Uint8Array {
  return Uint8Array.fromHex(`${'00'.repeat(12)}${hex}`);
}

const wireCases = [
  { name: 'a pointer', bytes: '036f726700 0161 c00c', offset: 17, text: 'a.org.' },
  { name: 'a pointer to a pointer', bytes: '036f726700 c00c c011', offset: 19, text: 'org.' },
  { name: 'no end', bytes: '036f7267', offset: 12, text: undefined },
  { name: 'label cut', bytes: '036f72', offset: 12, text: undefined },
  { name: 'pointer cut', bytes: '0161c0', offset: 12, text: undefined },
  { name: 'pointer to itself', bytes: 'c00c', offset: 12, text: undefined },
  { name: 'pointer into its own labels', bytes: '0161c00c', offset: 12, text: undefined },
  { name: 'pointer forward', bytes: 'c00e00', offset: 12, text: undefined },
  { name: 'loop of two pointers', bytes: '0161c0100162c00c', offset: 16, text: undefined },
  { name: 'pointer into the header', bytes: 'c00b', offset: 12, text: undefined },
  { name: 'pointer to a label that goes on past the name', bytes: '0361 0162 c00c00', offset: 14, text: undefined },
  { name: 'label type 01', bytes: '40', offset: 12, text: undefined },
  { name: 'label type 10', bytes: '80', offset: 12, text: undefined },
  { name: 'offset past the end', bytes: '', offset: 13, text: undefined },
];
for (const { name, bytes, offset, text } of wireCases) {
  test(`readName: ${name}`, () => {
    const message = behindHeader(bytes.replaceAll(' ', ''));
    const wire = readName(message, offset);
    assert.equal(wire && nameToText(wire, 0), text);
    assert.equal(nameLength(message, offset), wire?.length ?? -1);
    if (text !== undefined) assert.equal(nameToText(message, offset), text);
  });
}

test('a name of more than 255 bytes by pointers is malformed', () => {
  const label = `3f${'78'.repeat(63)}`;
  // Each name is one label longer than the one before; the fourth has 257 bytes.
  const message = behindHeader(`${label}00${label}c00c${label}c04d${label}c08f`);
  assert.equal(nameLength(message, 0x0c + 65 + 66), 193);
  assert.equal(nameLength(message, 0x0c + 65 + 66 + 66), -1);
});

test('more pointers than a name has labels are malformed', () => {
  const pointers = Array.from({ length: 128 }, (_, i) => (0xc000 + (i === 0 ? 12 : 11 + 2 * i)).toString(16));
  const message = behindHeader(`00${pointers.join('')}`);
  assert.equal(nameLength(message, message.length - 4), 1);
  assert.equal(nameLength(message, message.length - 2), -1);
});

const skipCases = [
  { name: 'labels', bytes: '016100ff', end: 4, want: 3 },
  { name: 'a pointer', bytes: '0161c00cff', end: 5, want: 4 },
  { name: 'the end comes first', bytes: '016100', end: 2, want: -1 },
  { name: 'the end is within a pointer', bytes: 'c00c', end: 1, want: -1 },
  { name: 'unknown label type', bytes: '41', end: 1, want: -1 },
];
for (const { name, bytes, end, want } of skipCases) {
  test(`skipName: ${name}`, () => {
    assert.equal(skipName(Uint8Array.fromHex(bytes), 0, end), want);
  });
}

test('lowering names and text touches A-Z alone', () => {
  assert.equal(nameToText(lowerName(wireName('A@Z\\[\\200.')), 0), 'a\\@z[\\200.');
  assert.equal(nameToLowerText(wireName('WWW.Example.ORG.'), 0), 'www.example.org.');
  assert.equal(lowerText('WWW.Example.ORG.'), 'www.example.org.');
  assert.equal(lowerText('AÄ\u212a.'), 'aÄ\u212a.');
});

test('names are equal whatever the case', () => {
  assert.equal(namesEqual(wireName('WWW.example.org.'), wireName('www.EXAMPLE.org.')), true);
  assert.equal(namesEqual(wireName('a.b.'), wireName('a\\.b.')), false);
  assert.equal(namesEqual(wireName('a.b.'), wireName('a.c.')), false);
});

const underCases = [
  { name: 'example.org.', zone: 'example.org.', want: true },
  { name: 'www.example.org.', zone: 'example.org.', want: true },
  { name: 'a.b.example.org.', zone: 'org.', want: true },
  { name: 'example.org.', zone: '.', want: true },
  { name: '.', zone: '.', want: true },
  { name: '.', zone: 'org.', want: false },
  { name: 'org.', zone: 'example.org.', want: false },
  { name: 'badexample.org.', zone: 'example.org.', want: false },
  { name: 'a\\.example.org.', zone: 'example.org.', want: false },
  { name: 'a\\\\.example.org.', zone: 'example.org.', want: true },
];
for (const { name, zone, want } of underCases) {
  test(`${name} is ${want ? '' : 'not '}under ${zone}`, () => {
    assert.equal(isSubdomain(name, zone), want);
    assert.equal(nameIsUnder(wireName(name.toUpperCase()), wireName(zone)), want);
  });
}

const parentCases = [
  { name: 'www.example.org.', want: 'example.org.' },
  { name: 'org.', want: '.' },
  { name: '.', want: '.' },
  { name: 'a\\.b.org.', want: 'org.' },
  { name: 'a\\\\.org.', want: 'org.' },
];
for (const { name, want } of parentCases) {
  test(`the parent of ${name} is ${want}`, () => {
    assert.equal(parentOf(name), want);
  });
}

const labels = fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { maxLength: 8 });

test('property: text of any name gives the name again', () => {
  fc.assert(
    fc.property(labels, (parts) => {
      const wire = Uint8Array.from([...parts.flatMap((label) => [label.length, ...label]), 0]);
      const text = nameToText(wire, 0);
      assert.match(text, /^[!-~ ]+$/);
      assert.deepEqual(nameFromText(text), wire);
      assert.equal(lowerText(text), nameToLowerText(wire, 0));
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('property: any text gives a good name or none', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      const wire = nameFromText(text);
      if (wire !== undefined) assert.equal(nameLength(wire, 0), wire.length);
    }),
    { seed: 1, numRuns: 500 },
  );
});
