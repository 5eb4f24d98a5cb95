/** Which server block answers: longest zone, DS at the parent, listeners apart, keys of every spelling. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answer } from './peers/behaviours.ts';
import { ScriptedUpstream } from './peers/scripted-upstream.ts';
import { askTcp, askUdp, type Server } from './support/client.ts';
import { type Nodens, startNodens } from './support/nodens.ts';

/** The blocks by a name for each, which is what their upstreams answer. */
const BLOCKS = ['root', 'parent', 'child', 'other', 'reverse', 'split', 'second'] as const;

let upstreams: Map<string, ScriptedUpstream>;
let nodens: Nodens;

before(async () => {
  upstreams = new Map();
  for (const block of BLOCKS) {
    const upstream = await ScriptedUpstream.start();
    upstream.otherwise((exchange) => answer(`${exchange.query.qname} 60 TXT ${block}`)(exchange));
    upstreams.set(block, upstream);
  }
  const forward = (block: string) => `bind 127.0.0.1\n forward . ${upstreams.get(block)?.endpoint}`;
  nodens = await startNodens({
    corefile: `
.:{PORT} {
 ${forward('root')}
}
example.com:{PORT} {
 ${forward('parent')}
}
sub.example.com:{PORT} deep.er.example.net:{PORT} {
 ${forward('child')}
}
OTHER.Example.ORG:{PORT}, dns://more.example.org:{PORT} {
 ${forward('other')}
}
10.0.0.0/8:{PORT} 2001:db8::/32:{PORT} {
 ${forward('reverse')}
}
172.16.0.0/12:{PORT} {
 ${forward('split')}
}
example.com:{PORT2} {
 ${forward('second')}
}
`,
  });
});
after(async () => {
  await nodens?.stop();
  for (const upstream of upstreams.values()) await upstream.stop();
});

/** Which block has answered, or the rcode of an error. */
async function blockFor(server: Server, qname: string, qtype: string, ask = askUdp): Promise<string> {
  const { answers, rcode } = await ask(server, { qname, qtype });
  return answers[0]?.split(' ').at(-1) ?? rcode;
}

const cases = [
  { qname: 'www.example.com', want: 'parent' },
  { qname: 'example.com', want: 'parent' },
  { qname: 'EXAMPLE.Com', want: 'parent' },
  { qname: 'sub.example.com', want: 'child' },
  { qname: 'a.b.sub.example.com', want: 'child' },
  { qname: 'xsub.example.com', want: 'parent' },
  { qname: 'notexample.com', want: 'root' },
  { qname: 'com', want: 'root' },
  { qname: '.', want: 'root' },
  { qname: 'deep.er.example.net', want: 'child' },
  { qname: 'er.example.net', want: 'root' },
  { qname: 'www.other.example.org', want: 'other' },
  { qname: 'WWW.OTHER.EXAMPLE.ORG', want: 'other' },
  { qname: 'more.example.org', want: 'other' },
  { qname: '1.2.3.10.in-addr.arpa', qtype: 'PTR', want: 'reverse' },
  { qname: '1.2.3.11.in-addr.arpa', qtype: 'PTR', want: 'root' },
  { qname: '1.0.8.b.d.0.1.0.0.2.ip6.arpa', qtype: 'PTR', want: 'reverse' },
  { qname: '1.1.16.172.in-addr.arpa', qtype: 'PTR', want: 'split' },
  { qname: '1.1.31.172.in-addr.arpa', qtype: 'PTR', want: 'split' },
  { qname: '1.1.32.172.in-addr.arpa', qtype: 'PTR', want: 'root' },
  // The DS record of a zone lies with its parent: the shortest zone but the root answers.
  { qname: 'sub.example.com', qtype: 'DS', want: 'parent' },
  { qname: 'a.sub.example.com', qtype: 'DS', want: 'parent' },
  { qname: 'example.com', qtype: 'DS', want: 'parent' },
  { qname: 'deep.er.example.net', qtype: 'DS', want: 'child' },
  { qname: 'com', qtype: 'DS', want: 'root' },
];
for (const { qname, qtype = 'TXT', want } of cases) {
  test(`${qname} ${qtype}: ${want}`, async () => {
    for (const ask of [askUdp, askTcp]) assert.equal(await blockFor(nodens, qname, qtype, ask), want);
  });
}

test('another port is another server', async () => {
  const second = { address: nodens.address, port: nodens.ports.PORT2 };
  assert.equal(await blockFor(second, 'sub.example.com', 'TXT'), 'second');
  assert.equal(await blockFor(second, 'www.example.net', 'TXT'), 'REFUSED');
});
