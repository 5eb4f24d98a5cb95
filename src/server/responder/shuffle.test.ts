import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reorder } from '../../directives/loadbalance/reorder.ts';
import { roundRobin } from '../../directives/loadbalance/round-robin.ts';
import { compressMessage } from '../../wire/compress.ts';
import { formatRecord } from '../../wire/presentation.ts';
import { readRecord } from '../../wire/record.ts';
import { buildMessage, type MessageText } from '../../wire/testing/build.ts';
import { Prng } from '../../wire/testing/prng.ts';
import { type MessageView, parseMessage } from '../../wire/view.ts';
import { shuffleAddresses } from './shuffle.ts';

const www = 'www.example.org. 60';
const addresses = (owner: string, count: number) => Array.from({ length: count }, (_, i) => `${owner} A 192.0.2.${i}`);
const addresses6 = Array.from({ length: 5 }, (_, i) => `${www} AAAA 2001:db8::${i}`);

const cases: { name: string; text: MessageText; isDone: boolean }[] = [
  { name: 'one address', text: { answer: addresses(www, 1) }, isDone: true },
  { name: 'addresses', text: { answer: addresses(www, 7) }, isDone: true },
  { name: 'IPv6 addresses', text: { answer: addresses6 }, isDone: true },
  {
    name: 'aliases and addresses',
    text: {
      answer: [
        `${www} CNAME a.example.org.`,
        'a.example.org. 60 CNAME b.example.com.',
        ...addresses('b.example.com. 60', 4),
      ],
    },
    isDone: true,
  },
  { name: 'an alias alone', text: { answer: [`${www} CNAME a.example.org.`] }, isDone: true },
  { name: 'other records, which stay', text: { answer: [`${www} TXT a`, `${www} TXT b`] }, isDone: true },
  { name: 'both families', text: { answer: [...addresses(www, 2), ...addresses6] }, isDone: false },
  {
    name: 'addresses before an alias',
    text: { answer: [...addresses(www, 2), `${www} CNAME a.example.org.`] },
    isDone: false,
  },
  { name: 'mail exchanges', text: { answer: [`${www} MX 1 a.`, `${www} MX 1 b.`] }, isDone: false },
  {
    name: 'owners that differ',
    text: { answer: [`${www} A 192.0.2.1`, 'a.example.org. 60 A 192.0.2.2'] },
    isDone: false,
  },
  {
    name: 'another section of many',
    text: { answer: addresses(www, 2), additional: addresses(www, 2) },
    isDone: false,
  },
];
for (const { name, text, isDone } of cases) {
  test(`shuffle: ${name}`, () => {
    const message = compressMessage(parseMessage(buildMessage({ question: 'www.example.org. A', ...text })));
    for (let seed = 1; seed <= 20; seed++) {
      // In other memory, behind something else.
      const bytes = new Uint8Array(message.length + 9);
      bytes.set(message, 5);
      const random = createRandom(seed);
      const isShuffled = shuffleAddresses(bytes, 5, parseMessage(message).questionEnd, 5 + message.length, random);
      assert.equal(isShuffled, isDone);
      const shuffled = bytes.slice(5, 5 + message.length);
      if (!isDone) assert.deepEqual(shuffled, message);
      else assert.deepEqual(recordsOf(parseMessage(shuffled)), recordsOf(balanced(message, createRandom(seed))));
    }
  });
}

function createRandom(seed: number): () => number {
  const prng = new Prng(seed);
  return () => prng.below(2 ** 20) / 2 ** 20;
}

/** As the directive does it. */
function balanced(message: Uint8Array, random: () => number): MessageView {
  return reorder(parseMessage(message), (view, _section, records) => roundRobin(view, records, random));
}

function recordsOf(view: MessageView): string[] {
  return Array.from({ length: view.recordCount }, (_, i) => {
    const record = readRecord(view, i);
    return record === undefined ? 'malformed' : formatRecord(record);
  });
}
