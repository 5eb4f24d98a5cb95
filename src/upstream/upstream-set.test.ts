import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointOf } from './endpoint.ts';
import { ask, replyTo, testServices, testUpstream, udpServer } from './testing.ts';
import { UpstreamSet } from './upstream-set.ts';

const a = endpointOf('dns', '192.0.2.1', 53);
const b = endpointOf('dns', '192.0.2.2', 53);
const aOverTls = endpointOf('tls', '192.0.2.1', 53);
const aNamed = endpointOf('tls', '192.0.2.1', 53, 'dns.example.org');

/** What was there, what comes, and of the latter which are still the same. */
const cases = [
  { name: 'the same list', before: [a, b], after: [a, b], kept: [true, true] },
  { name: 'another order', before: [a, b], after: [b, a], kept: [true, true] },
  { name: 'one more', before: [a], after: [b, a], kept: [false, true] },
  { name: 'one less', before: [a, b], after: [b], kept: [true] },
  { name: 'one twice', before: [a], after: [a, a], kept: [true, false] },
  { name: 'twice, then once', before: [a, a], after: [a], kept: [true] },
  { name: 'another protocol', before: [a], after: [aOverTls], kept: [false] },
  { name: 'another name in the certificate', before: [aOverTls], after: [aNamed], kept: [false] },
];
for (const { name, before, after, kept } of cases) {
  test(`update: ${name}`, (t) => {
    const services = testServices(t);
    const set = new UpstreamSet((endpoint) => testUpstream(t, 0, { endpoint }, services));
    set.update(before);
    const old = set.upstreams;
    set.update(after);
    assert.deepEqual(
      set.upstreams.map((upstream) => upstream.endpoint),
      after,
    );
    assert.deepEqual(
      set.upstreams.map((upstream) => old.includes(upstream)),
      kept,
    );
    assert.deepEqual(
      old.map((upstream) => upstream.endpoint),
      before,
      'a list in use stays as it is',
    );
  });
}

test('one that goes finishes what it has', async (t) => {
  const server = await udpServer(t, ({ query, send }) => send(replyTo(query)));
  const set = new UpstreamSet((endpoint) => testUpstream(t, 0, { endpoint }));
  set.update([endpointOf('dns', '127.0.0.1', server.port)]);
  const [gone] = set.upstreams;
  const reply = ask(gone);
  set.update([a]);
  assert.equal(gone.openCount, 1);
  assert.ok(!((await reply) instanceof Error));
  assert.equal(gone.openCount, 0);
  set.retire();
});
