import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { BATCH_SLOTS, DatagramBatch, PATH_WORDS, pathAddress, pathPort } from '../../sys/datagrams.ts';
import { localPort } from '../../sys/socket.ts';
import { Prng } from '../../wire/testing/prng.ts';
import { CONTROL_WORDS, RING_HEAD, RING_SLEEPING, RING_TAIL } from './controls.ts';
import { KIND_QUERY, KIND_REFRESH, RING_WORDS, RingReader, RingWriter } from './ring.ts';
import { checkedMessage, numberOf } from './testing/checked-message.ts';
import { loopbackPair, receiveAll } from './testing/hits-rig.ts';
import type { PushTask } from './testing/pushing-thread.ts';

/** The smallest ring that takes every record, with a gap in front of it. */
const SMALL_WORDS = 4096;
const WORD_BYTES = 4;

function ringOf(words: number, startAt = 0) {
  const controls = new Int32Array(new SharedArrayBuffer(WORD_BYTES * CONTROL_WORDS));
  controls[RING_HEAD] = startAt;
  controls[RING_TAIL] = startAt;
  const memory = new SharedArrayBuffer(WORD_BYTES * words);
  return { controls, memory, writer: new RingWriter(controls, memory), reader: new RingReader(controls, memory) };
}

/** A batch whose slot i holds `messages[i]`. */
function batchOf(t: TestContext, messages: Uint8Array[]): { batch: DatagramBatch; port: number } {
  const pair = loopbackPair(t);
  const batch = new DatagramBatch();
  receiveAll(batch, pair, messages);
  return { batch, port: localPort(pair.client) };
}

function messageIn({ bytes, messageOffset, messageBytes }: RingReader): Uint8Array {
  return bytes.slice(messageOffset, messageOffset + messageBytes);
}

test('ring: one that could not take every record is refused', () => {
  assert.throws(() => ringOf(SMALL_WORDS / 2), {
    name: 'RangeError',
    message: /^the ring must have \d+ words or more$/,
  });
});

test('ring: a record comes out as it went in', (t) => {
  const { writer, reader } = ringOf(SMALL_WORDS);
  const messages = [checkedMessage(1, 28), checkedMessage(2, 1), checkedMessage(3, 0)];
  const { batch, port } = batchOf(t, messages);
  writer.push(KIND_QUERY, 7, batch, 0, 1234.5);
  writer.push(KIND_REFRESH, 2 ** 31 + 3, batch, 1, 1e12 + 0.25);
  writer.push(KIND_QUERY, 0, batch, 2, 0);
  const wanted = [
    { kind: KIND_QUERY, listener: 7, arrivedAtMs: 1234.5 },
    { kind: KIND_REFRESH, listener: 2 ** 31 + 3, arrivedAtMs: 1e12 + 0.25 },
    { kind: KIND_QUERY, listener: 0, arrivedAtMs: 0 },
  ];
  for (const [i, { kind, listener, arrivedAtMs }] of wanted.entries()) {
    assert.equal(reader.isEmpty, false);
    assert.ok(reader.take());
    assert.deepEqual([reader.kind, reader.listener, reader.arrivedAtMs], [kind, listener, arrivedAtMs]);
    assert.deepEqual(messageIn(reader), messages[i]);
    const path = Uint32Array.from({ length: PATH_WORDS }, (_, word) => reader.words[reader.pathWord + word]);
    const pathBytes = new Uint8Array(path.buffer);
    assert.equal(pathAddress(pathBytes, 0), '127.0.0.1');
    assert.equal(pathPort(pathBytes, 0), port);
  }
  assert.equal(reader.isEmpty, true);
  assert.equal(reader.take(), false);
  assert.equal(reader.dropped, 0);
});

// The positions pass from positive to negative numbers, and from the largest to 0.
for (const startAt of [0, 2 ** 31 - 4096, -4096]) {
  test(`ring: messages of every size go round, from position ${startAt} on`, (t) => {
    const { writer, reader } = ringOf(SMALL_WORDS, startAt | 0);
    let size = 12;
    while (size <= 4096) {
      const sizes = Array.from({ length: Math.min(BATCH_SLOTS, 4097 - size) }, (_, i) => size + i);
      const messages = sizes.map((bytes) => checkedMessage(bytes, bytes - 12));
      const { batch } = batchOf(t, messages);
      for (const [slot, message] of messages.entries()) {
        writer.push(KIND_QUERY, slot, batch, slot, slot);
        assert.ok(reader.take());
        assert.equal(reader.listener, slot);
        assert.ok(Buffer.from(messageIn(reader)).equals(message));
        assert.ok(reader.isEmpty);
      }
      size += sizes.length;
    }
    assert.equal(reader.dropped, 0);
  });
}

/** What a ring of that many words holds, as a plain array: the words that each record and gap takes, and who it is. */
class Model {
  readonly #capacity: number;
  #head = 0;
  records: { words: number; n: number }[] = [];
  dropped = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  push(n: number, messageBytes: number): void {
    const words = 2 * Math.ceil((6 + PATH_WORDS + Math.ceil(messageBytes / 4)) / 2);
    const untilEnd = this.#capacity - (this.#head % this.#capacity);
    const gap = untilEnd < words ? untilEnd : 0;
    while (this.#used + gap + words > this.#capacity) if (this.records.shift()?.n !== GAP) this.dropped++;
    if (gap > 0) this.records.push({ words: gap, n: GAP });
    this.records.push({ words, n });
    this.#head += gap + words;
  }

  take(): number | undefined {
    let record = this.records.shift();
    while (record?.n === GAP) record = this.records.shift();
    return record?.n;
  }

  get #used(): number {
    return this.records.reduce((sum, { words }) => sum + words, 0);
  }
}
const GAP = -1;

for (const words of [SMALL_WORDS, 2 * SMALL_WORDS]) {
  test(`ring: agrees with an array, the oldest dropped when there is no room: ${words} words`, (t) => {
    const prng = new Prng(words);
    const messages = Array.from({ length: BATCH_SLOTS }, (_, n) =>
      checkedMessage(n, n % 8 === 0 ? 4084 - n : prng.below(500)),
    );
    const { batch } = batchOf(t, messages);
    const { writer, reader } = ringOf(words, -20 * words);
    const model = new Model(words);
    let taken = 0;
    for (let step = 0; step < 20_000; step++) {
      // By turns more comes in than goes out, and the other way round.
      if (prng.below(100) < (step % 2000 < 1000 ? 70 : 30)) {
        const slot = prng.below(BATCH_SLOTS);
        writer.push(KIND_QUERY, slot, batch, slot, step);
        model.push(slot, messages[slot].length);
      } else {
        const want = model.take();
        assert.equal(reader.take(), want !== undefined);
        if (want === undefined) continue;
        taken++;
        assert.equal(reader.listener, want);
        assert.equal(numberOf(messageIn(reader)), want);
      }
      assert.equal(reader.dropped, model.dropped);
    }
    assert.ok(taken > 1000 && model.dropped > 100, `${taken} taken, ${model.dropped} dropped`);
  });
}

test('ring: a wait ends when there is something, and at once if there is already', async (t) => {
  const { controls, writer, reader } = ringOf(SMALL_WORDS);
  const { batch } = batchOf(t, [checkedMessage(1, 28)]);
  writer.push(KIND_QUERY, 1, batch, 0, 0);
  await reader.wait();
  assert.ok(reader.take());
  writer.flush();
  let woken = false;
  const waiting = reader.wait().then(() => {
    woken = true;
  });
  assert.equal(controls[RING_SLEEPING], 1);
  writer.flush();
  await new Promise(setImmediate);
  assert.equal(woken, false, 'a flush without news wakes nobody');
  writer.push(KIND_QUERY, 2, batch, 0, 0);
  writer.flush();
  await waiting;
  assert.ok(reader.take());
});

test('ring: a wait can be ended from this side', async () => {
  const { reader } = ringOf(SMALL_WORDS);
  const waiting = reader.wait();
  reader.wake();
  await waiting;
  assert.equal(reader.take(), false);
});

const threadCases = [
  { name: 'faster than this one', words: SMALL_WORDS, count: 300_000, isPatient: false },
  { name: 'with room for much', words: RING_WORDS, count: 300_000, isPatient: false },
  { name: 'that pauses', words: SMALL_WORDS, count: 20_000, isPatient: true },
];
for (const { name, words, count, isPatient } of threadCases) {
  test(`ring: with a writer in another thread, ${name}, nothing is mixed, and all is taken or counted`, async (t) => {
    const { controls, memory, reader } = ringOf(words);
    const workerData: PushTask = { controls, memory, count, isPatient };
    const worker = new Worker(new URL('./testing/pushing-thread.ts', import.meta.url), { workerData });
    const exited = once(worker, 'exit');
    t.after(() => worker.terminate());
    let taken = 0;
    let last = -1;
    let sleeps = 0;
    while (last < count - 1) {
      while (reader.take()) {
        taken++;
        const { arrivedAtMs: i, kind, listener } = reader;
        assert.ok(i > last, `${i} after ${last}`);
        last = i;
        assert.equal(kind, i % 3 === 0 ? KIND_REFRESH : KIND_QUERY);
        assert.equal(listener, i % 1000);
        assert.equal(numberOf(messageIn(reader)), i % 32);
      }
      if (last === count - 1) break;
      sleeps++;
      await reader.wait(); // For ever, if the call that ends it could be missed.
    }
    assert.deepEqual(await exited, [0]);
    assert.ok(reader.isEmpty);
    assert.equal(taken + reader.dropped, count);
    if (isPatient) assert.equal(reader.dropped, 0);
    t.diagnostic(`${taken} taken, ${reader.dropped} dropped, ${sleeps} sleeps`);
  });
}
