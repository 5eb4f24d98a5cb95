import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCorefile } from '../../corefile/parse.ts';
import { COREDNS_DIRECTIVES } from '../../directives/order.ts';
import { fakeLog } from '../../observe/testing.ts';
import { TYPE_A, TYPE_DS } from '../../wire/types.ts';
import { inspect } from '../inspect.ts';
import { waysOf } from './way.ts';

const COREFILE = `
example.org:53 a.org:53 {
  bind 127.0.0.1
  cache 30 a.org
  errors
  whoami
}
sub.example.org:5353 sub.example.org:53 {
  bind 127.0.0.1 127.0.0.2
  forward example.com 192.0.2.1
  forward . 192.0.2.2 {
    except deep.sub.example.org
  }
  forward . 192.0.2.3
}
empty.org:53 {
  bind 127.0.0.1
}
`;

const cases: readonly { qname: string; qtype?: number; want: readonly string[] }[] = [
  {
    qname: 'www.example.org.',
    want: ['127.0.0.1:53 example.org. errors whoami', '127.0.0.2:53 127.0.0.1:5353 127.0.0.2:5353 refused'],
  },
  {
    qname: 'www.a.org.',
    want: ['127.0.0.1:53 a.org. errors cache whoami', '127.0.0.2:53 127.0.0.1:5353 127.0.0.2:5353 refused'],
  },
  {
    qname: 'sub.example.org.',
    want: ['127.0.0.1:53 127.0.0.2:53 127.0.0.1:5353 127.0.0.2:5353 sub.example.org. forward:11 forward:14'],
  },
  {
    qname: 'www.deep.sub.example.org.',
    want: ['127.0.0.1:53 127.0.0.2:53 127.0.0.1:5353 127.0.0.2:5353 sub.example.org. forward:14'],
  },
  {
    qname: 'sub.example.org.',
    qtype: TYPE_DS, // Its DS lives in the parent zone, where there is one.
    want: [
      '127.0.0.1:53 example.org. errors whoami',
      '127.0.0.2:53 127.0.0.1:5353 127.0.0.2:5353 sub.example.org. forward:11 forward:14',
    ],
  },
  {
    qname: 'empty.org.',
    want: ['127.0.0.1:53 empty.org.', '127.0.0.2:53 127.0.0.1:5353 127.0.0.2:5353 refused'],
  },
];

for (const { qname, qtype = TYPE_A, want } of cases) {
  test(`ways of ${qname}${qtype === TYPE_DS ? ' DS' : ''}`, async () => {
    const corefile = parseCorefile(COREFILE, 'Corefile', {
      env: {},
      defaultPort: 53,
      directiveNames: COREDNS_DIRECTIVES,
    });
    const inspection = await inspect(corefile, undefined, fakeLog().log);
    const ways = waysOf(inspection, qname, qtype).map(({ servers, key, lines }) => {
      const places = servers.map((server) => server.replace('dns://', '')).sort(byPort);
      const words = lines.map(({ name: { text, line } }) => (text === 'forward' ? `${text}:${line}` : text));
      return [...places, key?.zone ?? 'refused', ...words].join(' ');
    });
    assert.deepEqual(ways.sort(), [...want].sort());
  });
}

function byPort(a: string, b: string): number {
  const port = (place: string) => Number(place.split(':')[1]);
  return port(a) - port(b) || (a < b ? -1 : 1);
}
