import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cidr, parseCidr } from '../../wire/cidr.ts';
import { SECTION_ADDITIONAL, SECTION_ANSWER, SECTION_AUTHORITY, type Section } from '../../wire/view.ts';
import { prefer } from './prefer.ts';
import { arranged } from './testing.ts';

function prefixes(...texts: string[]): Cidr[] {
  return texts.map((text) => parseCidr(text) ?? assert.fail(`a CIDR: ${text}`));
}

const cases: { name: string; section?: Section; records: string; cidrs: string[]; want: string }[] = [
  { name: 'those of the prefix first', records: 'abcd', cidrs: ['198.51.100.0/24'], want: 'cdab' },
  { name: 'in the order of the prefixes', records: 'vacb', cidrs: ['198.51.100.0/24', '192.0.2.0/24'], want: 'cabv' },
  {
    name: 'the first prefix that has an address counts',
    records: 'abc',
    cidrs: ['192.0.2.2/32', '0.0.0.0/0'],
    want: 'bac',
  },
  { name: 'a prefix that ends within a byte', records: 'cd', cidrs: ['198.51.100.128/25'], want: 'dc' },
  { name: 'host bits are ignored', records: 'acd', cidrs: ['198.51.100.77/25'], want: 'cad' },
  { name: 'all of a family', records: 'avbw', cidrs: ['::/0'], want: 'vwab' },
  { name: 'IPv6', records: 'avw', cidrs: ['2001:db8:f000::/36'], want: 'wav' },
  { name: 'one address', records: 'vw', cidrs: ['2001:db8:f000::2/128'], want: 'wv' },
  { name: 'none has an address', records: 'ba', cidrs: ['203.0.113.0/24'], want: 'ba' },
  { name: 'all groups', records: 'TMaCScD', cidrs: ['198.51.100.0/24'], want: 'CDcaMTS' },
  { name: 'additional', section: SECTION_ADDITIONAL, records: 'ac', cidrs: ['198.51.100.0/24'], want: 'ca' },
  { name: 'authority: untouched', section: SECTION_AUTHORITY, records: 'ac', cidrs: ['198.51.100.0/24'], want: 'ac' },
];
for (const { name, section = SECTION_ANSWER, records, cidrs, want } of cases) {
  test(`prefer: ${name}`, () => {
    assert.equal(
      arranged(records, (view, indices) => prefer(view, section, indices, prefixes(...cidrs))),
      want,
    );
  });
}
