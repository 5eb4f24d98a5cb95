import assert from 'node:assert/strict';
import test from 'node:test';
import { bannerLines } from './banner.ts';
import { Router } from './router.ts';
import { blockOf } from './testing.ts';

const warning = (zone: string) => `Warning: Domain "${zone}" does not follow RFC1035 preferred syntax`;

const cases = [
  { name: 'every address', zones: ['.'], want: ['.:53'] },
  { name: 'an IPv6 address, without brackets', zones: ['.'], address: '::1', want: ['.:53 on ::1'] },
  {
    name: 'zones by their bytes',
    zones: ['example.org.', '.', '10.in-addr.arpa.', 'a-1.example.'],
    address: '127.0.0.1',
    want: ['.', '10.in-addr.arpa.', 'a-1.example.', 'example.org.'].map((zone) => `${zone}:53 on 127.0.0.1`),
  },
  { name: 'a reverse zone', zones: ['0-9.2.0.192.in-addr.arpa.'], want: ['0-9.2.0.192.in-addr.arpa.:53'] },
  { name: 'an underscore', zones: ['_x.example.'], want: [warning('_x.example.'), '_x.example.:53'] },
  { name: 'a digit in front', zones: ['1a.example.'], want: [warning('1a.example.'), '1a.example.:53'] },
  { name: 'a hyphen at the end', zones: ['a-.example.'], want: [warning('a-.example.'), 'a-.example.:53'] },
];

for (const { name, zones, address = '', want } of cases) {
  test(`banner: ${name}`, () => {
    const router = new Router();
    for (const zone of zones) router.add(zone, blockOf([]));
    assert.deepEqual(bannerLines({ address, router }, 53), want);
  });
}
