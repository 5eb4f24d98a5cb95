import assert from 'node:assert/strict';
import test from 'node:test';
import { TYPE_A, TYPE_DS } from '../wire/types.ts';
import { Router } from './router.ts';
import { blockOf } from './testing.ts';

const block = (handlers: readonly string[] = ['whoami']) => blockOf(handlers);

const zones = ['.', 'example.org.', 'sub.example.org.', 'a.b.c.example.org.', 'empty.example.net.', '10.in-addr.arpa.'];
const cases = [
  { name: 'the root holds what nobody else does', qname: 'www.example.com.', want: '.' },
  { name: 'the root itself', qname: '.', want: '.' },
  { name: 'a zone holds its apex', qname: 'example.org.', want: 'example.org.' },
  { name: 'the longest match wins', qname: 'x.sub.example.org.', want: 'sub.example.org.' },
  { name: 'whole labels only', qname: 'xsub.example.org.', want: 'example.org.' },
  { name: 'a deep zone', qname: 'x.y.a.b.c.example.org.', want: 'a.b.c.example.org.' },
  { name: 'above a deep zone', qname: 'b.c.example.org.', want: 'example.org.' },
  { name: 'an escaped dot is no label edge', qname: 'x\\.example.org.', want: '.' },
  { name: 'reverse', qname: '1.0.0.10.in-addr.arpa.', want: '10.in-addr.arpa.' },
  {
    name: 'DS goes to the shortest zone but the root',
    qname: 'sub.example.org.',
    qtype: TYPE_DS,
    want: 'example.org.',
  },
  { name: 'DS of a zone that stands alone', qname: 'example.org.', qtype: TYPE_DS, want: 'example.org.' },
  { name: 'DS that no other zone holds', qname: 'com.', qtype: TYPE_DS, want: '.' },
  {
    name: 'a block without handlers refuses DS',
    qname: 'empty.example.net.',
    qtype: TYPE_DS,
    want: 'empty.example.net.',
  },
];

for (const { name, qname, qtype = TYPE_A, want } of cases) {
  test(`route: ${name}`, () => {
    const router = new Router();
    const blocks = new Map(zones.map((zone) => [zone, block(zone.startsWith('empty') ? [] : undefined)]));
    for (const [zone, running] of blocks) router.add(zone, running);
    assert.equal(router.route(qname, qtype), blocks.get(want));
  });
}

test('route: without the root a foreign name belongs to nobody', () => {
  const router = new Router();
  router.add('example.org.', block());
  assert.equal(router.route('example.com.', TYPE_A), undefined);
  assert.equal(router.route('.', TYPE_A), undefined);
});

test('route: the root alone', () => {
  const router = new Router();
  const root = block();
  router.add('.', root);
  assert.equal(router.route('a.b.c.d.', TYPE_A), root);
});
