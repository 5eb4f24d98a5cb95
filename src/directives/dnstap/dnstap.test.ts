import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { until } from '../../upstream/testing.ts';
import type { Outcome, UpstreamAttempt } from '../contract.ts';
import { FakeProcess, type FakeQuery, fakeBlock, fakeNext, fakeQuery, fakeReply } from '../testing.ts';
import { dnstap } from './dnstap.ts';
import { TestCollector } from './testing.ts';

type Context = { after(step: () => unknown): void };

const EXTRA_FIELD = 0x1a; // Field 3 of Dnstap, of a length.

/** A block with a collector of its own; `payloads` gives what came, once there are so many. */
async function tapped(t: Context, options: string) {
  const collector = await TestCollector.start();
  const process = new FakeProcess();
  const block = fakeBlock({ process });
  const wrap = dnstap.setup(dnstap.parse(cursorOf(`dnstap tcp://127.0.0.1:${collector.port} ${options}`), []), block);
  assert.ok(wrap);
  await block.start();
  t.after(async () => {
    await block.stop();
    await collector.stop();
  });
  const payloads = async (count: number) => {
    await until(() => collector.payloads.length >= count, `${count} payloads`);
    return collector.payloads;
  };
  return { block, wrap, payloads, collector, process };
}

function attemptOf(query: FakeQuery, answered: boolean): UpstreamAttempt {
  const endpoint = {
    protocol: 'dns',
    address: '192.0.2.1',
    port: 53,
    serverName: undefined,
    text: '192.0.2.1:53',
  } as const;
  const reply = answered ? fakeReply(query, { rcode: 3 }) : undefined;
  return { query, endpoint, protocol: 'udp', startedAtMs: 1, endedAtMs: 2, reply, error: undefined };
}

const OUTCOME: Outcome = { response: undefined, rcode: 2, source: '' };

test('a query is told at once, its answer when the client has it, and the outcome passes as it is', async (t) => {
  const { wrap, payloads } = await tapped(t, 'full');
  const query = fakeQuery({ qname: 'www.example.org.' });
  assert.equal(wrap(fakeNext(OUTCOME))(query), OUTCOME);
  const [asked] = await payloads(1);
  assert.ok(asked.includes(query.request.bytes));
  const answer = fakeReply(query, { answer: ['www.example.org. 30 IN A 192.0.2.1'] }).bytes;
  query.answered(answer);
  const [, answered] = await payloads(2);
  assert.ok(answered.includes(answer));
});

test('without full there are no messages in it', async (t) => {
  const { wrap, payloads, block } = await tapped(t, '');
  const query = fakeQuery({ qname: 'www.example.org.' });
  wrap(fakeNext(OUTCOME))(query);
  for (const see of block.upstreamWatchers) see(attemptOf(query, true));
  query.answered(query.request.bytes);
  for (const payload of await payloads(4)) assert.ok(!payload.includes('example'));
});

test('of nested questions only what upstreams are asked is told; an attempt without an answer is one message', async (t) => {
  const { wrap, payloads, block, collector } = await tapped(t, 'full');
  const query = fakeQuery({ isNested: true });
  wrap(fakeNext(OUTCOME))(query);
  const [see] = block.upstreamWatchers;
  see(attemptOf(query, false));
  await payloads(1);
  see(attemptOf(query, true));
  await payloads(3);
  assert.equal(collector.payloads.length, 3);
});

test('extra is a format of log, of what is known by then', async (t) => {
  const { wrap, payloads, block } = await tapped(t, '{\n extra "{type} {rcode} {/forward/upstream}"\n}');
  const query = fakeQuery({});
  wrap(fakeNext(OUTCOME))(query);
  query.metadata.set('forward/upstream', '192.0.2.1:53');
  for (const see of block.upstreamWatchers) see(attemptOf(query, true));
  query.answered(fakeReply(query, { rcode: 3 }).bytes);
  const wanted = ['A - -', 'A - 192.0.2.1:53', 'A NXDOMAIN 192.0.2.1:53', 'A NXDOMAIN 192.0.2.1:53'];
  for (const [i, payload] of (await payloads(4)).entries()) {
    assert.ok(payload.includes(Buffer.from([EXTRA_FIELD, wanted[i].length, ...Buffer.from(wanted[i])])), wanted[i]);
  }
});

const certificate = (name: string) => readFileSync(join(import.meta.dirname, '../../upstream/testdata', name));

test('over TLS the certificate of a collector is verified, unless that is not wanted', async (t) => {
  const tls = { key: certificate('server-key.pem'), cert: certificate('server.pem') };
  const collector = await TestCollector.start({ tls });
  t.after(() => collector.stop());
  const line = `dnstap tls://127.0.0.1:${collector.port}`;
  const [verifying, trusting] = [fakeBlock(), fakeBlock()];
  for (const [block, text] of [
    [verifying, line],
    [trusting, `${line} {\n skipverify\n}`],
  ] as const) {
    const wrap = dnstap.setup(dnstap.parse(cursorOf(text), []), block);
    await block.start();
    t.after(() => block.stop());
    wrap?.(fakeNext(OUTCOME))(fakeQuery({}));
  }
  await until(() => verifying.lines().length > 0, 'an error');
  assert.match(verifying.lines()[0], /^\[ERROR\] plugin\/dnstap: No connection to dnstap endpoint tls:.*certificate/);
  await until(() => collector.payloads.length === 1, 'a payload');
});

test('what is dropped is counted by endpoint', async (t) => {
  const process = new FakeProcess();
  const block = fakeBlock({ process });
  const wrap = dnstap.setup(dnstap.parse(cursorOf('dnstap /nowhere/dnstap.sock'), []), block);
  assert.ok(wrap);
  await block.start();
  t.after(() => block.stop());
  const handler = wrap(fakeNext(OUTCOME));
  const query = fakeQuery({});
  for (let i = 0; i < 10_002; i++) handler(query);
  const text = await process.metrics.expose();
  assert.match(text, /^nodens_dnstap_dropped_total\{endpoint="\/nowhere\/dnstap.sock"\} 2$/m);
});
