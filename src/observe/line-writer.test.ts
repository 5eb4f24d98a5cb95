import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { LineWriter } from './line-writer.ts';

class Errno extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** A reader that takes so many bytes per write; 0 is a full pipe. */
class Reader {
  text = '';
  writeCount = 0;
  takesBytes = Number.POSITIVE_INFINITY;
  fails: string | undefined;

  readonly write = (bytes: Uint8Array): number => {
    this.writeCount++;
    if (this.fails !== undefined) throw new Errno(this.fails);
    if (this.takesBytes === 0) throw new Errno('EAGAIN');
    const taken = bytes.subarray(0, this.takesBytes);
    this.text += Buffer.from(taken).toString('latin1');
    return taken.length;
  };
}

test('the lines of one turn are one write', async () => {
  const reader = new Reader();
  const writer = new LineWriter(reader.write);
  writer.add('one');
  writer.add('two');
  assert.equal(reader.writeCount, 0);
  await setImmediate();
  assert.equal(reader.text, 'one\ntwo\n');
  assert.equal(reader.writeCount, 1);
});

test('what a slow reader left over goes out first, in pieces', async () => {
  const reader = new Reader();
  const writer = new LineWriter(reader.write);
  reader.takesBytes = 2;
  writer.add('one');
  writer.add('two');
  await setImmediate();
  assert.equal(reader.text, 'one\ntwo\n');
});

test('a full pipe is tried again, and nothing is lost', () => {
  const reader = new Reader();
  const writer = new LineWriter((bytes) => {
    if (reader.writeCount === 2) reader.takesBytes = 100;
    return reader.write(bytes);
  });
  reader.takesBytes = 0;
  writer.add('one');
  writer.flushSync();
  assert.equal(reader.text, 'one\n');
  assert.equal(reader.writeCount, 3);
});

test('what is too much for a stuck reader is dropped and counted', async () => {
  const reader = new Reader();
  const writer = new LineWriter(reader.write, 10);
  reader.takesBytes = 0;
  writer.add('12345');
  await setImmediate();
  for (const line of ['67890', 'lost', 'too', 'and this']) writer.add(line);
  reader.takesBytes = 100;
  writer.flushSync();
  writer.add('later');
  writer.flushSync();
  const warning = '[WARNING] 3 log lines dropped: standard output is not read fast enough';
  assert.equal(reader.text, `12345\n67890\n${warning}\nlater\n`);
});

for (const code of ['EPIPE', 'ENOSPC']) {
  test(`${code} loses lines but throws nothing`, async () => {
    const reader = new Reader();
    const writer = new LineWriter(reader.write);
    reader.fails = code;
    writer.add('lost');
    await setImmediate();
    reader.fails = undefined;
    writer.add('later');
    writer.flushSync();
    assert.equal(reader.text, 'later\n');
  });
}
