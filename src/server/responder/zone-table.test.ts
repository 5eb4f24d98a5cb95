import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes } from '../../wire/bytes.ts';
import { nameToLowerText } from '../../wire/name.ts';
import { wireName } from '../../wire/testing/build.ts';
import { TYPE_A } from '../../wire/types.ts';
import type { RunningBlock } from '../block.ts';
import { Router } from '../router.ts';
import { blockOf } from '../testing.ts';
import { ZoneTable } from './zone-table.ts';

function tableOf(...zones: string[]): ZoneTable<{ name: Uint8Array; zone: string }> {
  return new ZoneTable(zones.map((zone) => ({ name: wireName(zone), zone })));
}

const cases = [
  { name: 'the zone itself', zones: ['example.org.'], qname: 'example.org.', want: 'example.org.' },
  { name: 'a name below', zones: ['example.org.'], qname: 'a.b.example.org.', want: 'example.org.' },
  { name: 'a name above', zones: ['example.org.'], qname: 'org.', want: undefined },
  { name: 'a name beside', zones: ['example.org.'], qname: 'example.net.', want: undefined },
  { name: 'a name that ends alike', zones: ['example.org.'], qname: 'myexample.org.', want: undefined },
  { name: 'the root, asked', zones: ['.', 'org.'], qname: '.', want: '.' },
  { name: 'the root, for what is in no other', zones: ['org.', '.'], qname: 'example.net.', want: '.' },
  { name: 'no zones', zones: [], qname: '.', want: undefined },
  {
    name: 'the longest',
    zones: ['.', 'org.', 'a.example.org.', 'example.org.'],
    qname: 'b.example.org.',
    want: 'example.org.',
  },
  { name: 'the bytes of the zone within a label', zones: ['a.org.'], qname: 'x\\001a\\003org.', want: undefined },
  { name: 'those, and the zone behind them', zones: ['a.org.'], qname: 'x\\001a\\003org.a.org.', want: 'a.org.' },
  { name: 'an escaped dot is no label edge', zones: ['example.org.'], qname: 'a\\.example.org.', want: undefined },
  { name: 'a zone with an escaped dot', zones: ['b\\.c.org.'], qname: 'a.b\\.c.org.', want: 'b\\.c.org.' },
];
for (const { name, zones, qname, want } of cases) {
  test(`zone table: ${name}`, () => {
    const bytes = wireName(qname);
    // What stands behind the name is no part of it.
    const padded = concatBytes([bytes, wireName('example.org.')]);
    assert.equal(tableOf(...zones).find(padded, bytes.length)?.zone, want);
  });
}

/** Bytes of which lengths, letters and dots are made, so that names look like zones in the wrong places. */
const label = fc.array(fc.constantFrom(1, 2, 3, 0x61, 0x62, 0x2e, 0x5c), { minLength: 1, maxLength: 4 });
const name = fc.array(label, { maxLength: 5 }).map((labels) => {
  return Uint8Array.from([...labels.flatMap((bytes) => [bytes.length, ...bytes]), 0]);
});

test('zone table: agrees with the router', () => {
  let found = 0;
  fc.assert(
    fc.property(fc.array(name, { maxLength: 8 }), fc.array(name, { maxLength: 20 }), (zones, others) => {
      const router = new Router();
      const table = new ZoneTable(zones.map((zone) => ({ name: zone, block: addTo(router, zone) })));
      for (const qname of [...zones, ...others, ...zones.map((zone) => concatBytes([Uint8Array.of(1, 0x61), zone]))]) {
        const block = router.route(nameToLowerText(qname, 0), TYPE_A);
        assert.equal(table.find(qname, qname.length)?.block, block);
        if (block !== undefined) found++;
      }
    }),
    { seed: 5, numRuns: 1000 },
  );
  assert.ok(found > 1000, `${found} found`);
});

/** The block of the zone: that of the first one of the name. */
function addTo(router: Router, zone: Uint8Array): RunningBlock {
  const text = nameToLowerText(zone, 0);
  router.add(text, blockOf(['whoami']));
  return router.route(text, TYPE_A) ?? assert.fail(`no block for ${text}`);
}
