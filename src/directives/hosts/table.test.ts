import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../../wire/address.ts';
import { nameFromText, nameToLowerText } from '../../wire/name.ts';
import { HostsTable, readTable } from './table.ts';

const ALL = { zones: ['.'], withReverse: true };
const text = (bytes: Uint8Array) => (bytes.length === 4 ? formatIpv4(bytes) : formatIpv6(bytes));
const bytesOf = (address: string) => parseIpv4(address) ?? parseIpv6(address) ?? assert.fail(address);

function tableOf(lines: readonly string[], options = ALL): HostsTable {
  const table = new HostsTable(options);
  for (const line of lines) table.add(line);
  return table;
}

type Case = {
  name: string;
  lines: string[];
  zones?: string[];
  /** The addresses of `a.example.org.` */
  v4?: string[];
  v6?: string[];
  count: number;
};
const cases: Case[] = [
  { name: 'an address and its names', lines: ['192.0.2.1 a.example.org b'], v4: ['192.0.2.1'], count: 4 },
  { name: 'tabs, blanks, a final dot', lines: ['\t192.0.2.1\t \ta.example.org.  \r'], v4: ['192.0.2.1'], count: 2 },
  { name: 'names in any case', lines: ['192.0.2.1 A.Example.ORG'], v4: ['192.0.2.1'], count: 2 },
  { name: 'comments', lines: ['# 192.0.2.9 a.example.org', '192.0.2.1 a.example.org#x'], v4: ['192.0.2.1'], count: 2 },
  { name: 'nothing is said', lines: ['', '   ', '192.0.2.1', '192.0.2.1 # a.example.org'], count: 0 },
  { name: 'no address', lines: ['example a.example.org', '192.0.2.256 a.example.org'], count: 0 },
  { name: 'no name', lines: ['192.0.2.1 a..example.org a.example.org'], v4: ['192.0.2.1'], count: 2 },
  {
    name: 'both families, in the order of the lines',
    lines: ['192.0.2.2 a.example.org', '2001:db8::1 a.example.org', '192.0.2.1 a.example.org'],
    v4: ['192.0.2.2', '192.0.2.1'],
    v6: ['2001:db8::1'],
    count: 6,
  },
  { name: 'the zone of an address is left out', lines: ['fe80::1%lo0 a.example.org'], v6: ['fe80::1'], count: 2 },
  { name: 'an IPv4 address as IPv6', lines: ['::ffff:192.0.2.1 a.example.org'], v6: ['::ffff:192.0.2.1'], count: 2 },
  {
    name: 'names outside of the zones are left out',
    lines: ['192.0.2.1 a.example.org a.example.net notexample.org'],
    zones: ['example.org.'],
    v4: ['192.0.2.1'],
    count: 2,
  },
  {
    name: 'one address for many names: what one of them gets besides is its own',
    lines: ['0.0.0.0 b.example.org a.example.org', '192.0.2.1 a.example.org', '192.0.2.2 a.example.org'],
    v4: ['0.0.0.0', '192.0.2.1', '192.0.2.2'],
    count: 8,
  },
];
for (const { name, lines, zones = ['.'], v4 = [], v6 = [], count } of cases) {
  test(`lines: ${name}`, async () => {
    const options = { zones, withReverse: true };
    const fromFile = await readTable(lines.join('\n'), options);
    for (const table of [tableOf(lines, options), fromFile]) {
      assert.deepEqual(table.addresses('a.example.org.', 4).map(text), v4);
      assert.deepEqual(table.addresses('a.example.org.', 6).map(text), v6);
      assert.equal(table.hasName('a.example.org.'), v4.length + v6.length > 0);
      assert.equal(table.count, count);
      for (const address of [...v4, ...v6]) {
        assert.ok(table.names(bytesOf(address)).includes('a.example.org.'), address);
      }
    }
  });
}

test('a line is told apart from what is none', () => {
  const table = new HostsTable(ALL);
  assert.equal(table.add('no_revers'), false);
  assert.equal(table.add('192.0.2.1 a'), true);
  assert.equal(table.add('# nothing'), true);
});

test('without reverse there are no names', () => {
  const table = tableOf(['192.0.2.1 a.example.org'], { zones: ['.'], withReverse: false });
  assert.deepEqual(table.names(bytesOf('192.0.2.1')), []);
  assert.equal(table.count, 1);
});

test('names stand in the order of the lines, an address however it is written', () => {
  const table = tableOf(['2001:db8:0::1 b', '2001:DB8::1 a']);
  assert.deepEqual(table.names(bytesOf('2001:db8::1')), ['b.', 'a.']);
});

test('a large file: everything is read, and what belongs to one address is bounded', async () => {
  const lines = Array.from({ length: 5000 }, (_, i) => `0.0.0.0 ads${i}.example.org\n`);
  const table = await readTable(lines.join(''), ALL);
  assert.ok(table.hasName('ads0.example.org.') && table.hasName('ads4999.example.org.'));
  assert.equal(table.names(bytesOf('0.0.0.0')).length, 128);
  assert.equal(table.count, 5128);
});

test('many addresses of one name are bounded', () => {
  const table = tableOf(Array.from({ length: 2000 }, (_, i) => `10.0.${i >> 8}.${i & 0xff} a.example.org`));
  assert.equal(table.addresses('a.example.org.', 4).length, 1024);
});

test('whatever a line is, what it gives are names', () => {
  const word = fc.oneof(fc.string(), fc.constantFrom('192.0.2.1', '::1', 'a.example.org', 'A', '#', '%', '\\', '.'));
  const line = fc.array(word, { maxLength: 6 }).map((words) => words.join(' '));
  fc.assert(
    fc.property(line, (text) => {
      const table = tableOf([`192.0.2.7 ${text}`]);
      for (const name of table.names(bytesOf('192.0.2.7'))) {
        const wire = nameFromText(name) ?? assert.fail(name);
        assert.equal(nameToLowerText(wire, 0), name, 'as the qname of a query for it');
        assert.ok(table.hasName(name));
      }
    }),
  );
});
