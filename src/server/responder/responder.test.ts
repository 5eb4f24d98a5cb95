import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import v8 from 'node:v8';
import { answering } from '../../directives/cache/testing.ts';
import { BATCH_SLOTS, DatagramBatch } from '../../sys/datagrams.ts';
import { DirectReplies } from '../../sys/direct-replies.ts';
import { Doorbell } from '../../sys/doorbell.ts';
import { receive, send } from '../../sys/socket.ts';
import { FLAG_RD } from '../../wire/header.ts';
import { buildMessage } from '../../wire/testing/build.ts';
import { parseMessage } from '../../wire/view.ts';
import { CONTROL_WORDS, PING, PLANS_SENT, PLANS_TAKEN, PONG, STOP } from './controls.ts';
import type { Plan } from './plan.ts';
import { Responder } from './responder.ts';
import { KIND_QUERY, KIND_REFRESH, RING_WORDS, RingReader } from './ring.ts';
import { HitsRig } from './testing/hits-rig.ts';

/** V8 has none smaller, so less than this for each query is none at all. */
const SMALLEST_OBJECT_BYTES = 8;
const buffer = new Uint8Array(0x10000);

function askFor(owner: string, id = 1): Uint8Array {
  return buildMessage({ id, flags: FLAG_RD, question: `${owner} A`, ...(id % 2 === 0 && { opt: {} }) });
}

/** A responder in this thread. Its clock is the hook of the test, called before and after each batch. */
function runnable(t: TestContext, rig: HitsRig, plan: Plan = rig.plan) {
  const controls = new SharedArrayBuffer(4 * CONTROL_WORDS);
  const ring = new SharedArrayBuffer(4 * RING_WORDS);
  const words = new Int32Array(controls);
  const bell = new Doorbell();
  t.after(() => bell.close());
  const plans: Plan[] = [];
  let nowMs = () => rig.nowMs;
  const task = { cache: rig.rig.process.cacheStore.buffer, controls, ring, bellFd: bell.fd, plan };
  const responder = new Responder(
    task,
    () => nowMs(),
    () => plans.shift(),
  );
  /** Runs until the hook gives nothing any more, or at once to its first pause if the bell rings. */
  const run = (hook: () => number | undefined): void => {
    Atomics.store(words, STOP, 0);
    nowMs = () => {
      const now = hook();
      if (now === undefined) Atomics.store(words, STOP, 1);
      return now ?? rig.nowMs;
    };
    responder.run();
  };
  return { responder, words, bell, plans, run, reader: new RingReader(words, ring) };
}

test('responder: hits are answered, the rest goes to the ring, and what is due for a refresh both ways', (t) => {
  const rig = new HitsRig(t, 'cache {\n serve_stale\n}');
  const { run, reader } = runnable(t, rig);
  rig.rig.upstream = answering({ answer: ['a.example.org. 60 A 192.0.2.1'] });
  rig.chain(askFor('a.example.org.'));
  for (const [seconds, kinds] of [
    [0, [KIND_QUERY]],
    [100, [KIND_REFRESH, KIND_QUERY]],
  ] as const) {
    rig.rig.advance(seconds);
    send(rig.pair.client, askFor('a.example.org.', 5));
    send(rig.pair.client, askFor('b.example.org.', 7));
    send(rig.pair.client, askFor('a.example.org.', 9));
    let calls = 0;
    run(() => (++calls < 2 ? rig.nowMs : undefined));
    for (const id of [5, 9]) assert.equal(parseMessage(buffer.slice(0, receive(rig.pair.client, buffer))).id, id);
    assert.ok(receive(rig.pair.client, buffer) < 0);
    // The second stale hit asks for no second refresh.
    assert.deepEqual([...kindsIn(reader)], kinds);
  }
});

function* kindsIn(reader: RingReader): Generator<number> {
  while (reader.take()) yield reader.kind;
}

test('responder: a refresh is asked for again after a while', (t) => {
  const rig = new HitsRig(t, 'cache {\n serve_stale\n}');
  const { run, reader } = runnable(t, rig);
  rig.rig.upstream = answering({ answer: ['a.example.org. 60 A 192.0.2.1'] });
  rig.chain(askFor('a.example.org.'));
  rig.rig.advance(100);
  const counts = [0, 100, 149, 1, 249].map((ms) => {
    rig.rig.process.clock.advance(ms);
    send(rig.pair.client, askFor('a.example.org.'));
    let calls = 0;
    run(() => (++calls < 2 ? rig.nowMs : undefined));
    return [...kindsIn(reader)].length;
  });
  assert.deepEqual(counts, [1, 0, 0, 1, 0]);
});

test('responder: takes plans over and answers pings when the bell rings', (t) => {
  const rig = new HitsRig(t);
  const { run, words, bell, plans, reader } = runnable(t, rig, { ...rig.plan, listeners: [] });
  rig.rig.upstream = answering({ answer: ['a.example.org. 60 A 192.0.2.1'] });
  rig.chain(askFor('a.example.org.'));
  send(rig.pair.client, askFor('a.example.org.'));
  plans.push({ ...rig.plan, blocks: [], listeners: [] }, rig.plan);
  Atomics.store(words, PLANS_SENT, 2);
  Atomics.store(words, PING, 7);
  bell.ring();
  let calls = 0;
  run(() => (++calls < 2 ? rig.nowMs : undefined));
  assert.equal(Atomics.load(words, PLANS_TAKEN), 2);
  assert.equal(Atomics.load(words, PONG), 7);
  assert.equal(receive(rig.pair.client, buffer), askFor('a.example.org.').length + 16);
  assert.ok(reader.isEmpty);
});

test('responder: hits allocate nothing', (t) => {
  const rig = new HitsRig(t, 'cache {\n prefetch 1000000000\n serve_stale\n}', { countsRequests: true });
  const owners = Array.from({ length: BATCH_SLOTS }, (_, i) => `h${i}.example.org.`);
  for (const owner of owners) {
    rig.rig.upstream = answering({ answer: [`${owner} 3600 A 192.0.2.1`] });
    rig.chain(askFor(owner));
  }
  const queries = owners.map((owner, i) => askFor(owner, i));
  const replies = new DatagramBatch();
  const next = new DirectReplies(replies);
  let hits = 0;
  /** Whoever has got a reply asks the next question. */
  const askOn = () => {
    const count = replies.receive(rig.pair.client);
    for (let slot = 0; slot < count; slot++) {
      const query = queries[slot];
      for (let i = 0; i < query.length; i++) next.bytes[next.writeOffset + i] = query[i];
      next.add(slot, query.length);
      hits++;
    }
    if (count > 0) next.send(rig.pair.client);
  };
  const { run, reader } = runnable(t, rig);
  let calls = 0;
  const rounds = (count: number): void => {
    calls = 0;
    const startedAtMs = performance.now();
    run(() => {
      if (++calls % 2 === 0) askOn();
      return calls < 2 * count ? performance.now() - startedAtMs : undefined;
    });
  };
  for (const query of queries) send(rig.pair.client, query);
  // The statistics count in steps of some 100 KiB and the compiler allocates too, so the best of a few runs counts.
  let bytesPerHit = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 30 && bytesPerHit >= SMALLEST_OBJECT_BYTES; run++) {
    hits = 0;
    const before = v8.getHeapStatistics().total_allocated_bytes;
    rounds(1000);
    bytesPerHit = (v8.getHeapStatistics().total_allocated_bytes - before) / hits;
  }
  assert.ok(hits > 1000 * 16, `${hits} hits`);
  assert.ok(reader.isEmpty, 'nothing was handed over');
  assert.ok(bytesPerHit < SMALLEST_OBJECT_BYTES, `${bytesPerHit} bytes for each hit`);
});
