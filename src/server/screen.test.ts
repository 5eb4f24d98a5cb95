import assert from 'node:assert/strict';
import test from 'node:test';
import { MessageView } from '../wire/view.ts';
import { screen } from './screen.ts';

// id, flags, four counts, question example.org. A IN.
const QUESTION = '076578616d706c65036f72670000010001';
const OPT = '00002904d0000000000000';
const query = (flags: string, counts: string, rest = QUESTION) => `1234${flags}${counts}${rest}`;

// The replies were read off CoreDNS 1.13.2, as described in responses.md §2.
const cases: { name: string; message: string; passes?: string; reply?: string; dropped?: boolean }[] = [
  { name: 'less than a header is dropped', message: '1234010000010000000000', dropped: true },
  { name: 'a response is dropped', message: query('8180', '0001000000000000'), dropped: true },
  { name: 'a plain query passes', message: query('0100', '0001000000000000') },
  { name: 'NOTIFY passes', message: query('2000', '0001000000000000') },
  { name: 'a header alone passes, without a question', message: query('0100', '0001000000000000', '') },
  {
    name: 'counts larger than the records pass, and become theirs',
    message: query('0100', '0001000000010002', `${QUESTION}${OPT}`),
    passes: query('0100', '0001000000010000', `${QUESTION}${OPT}`),
  },
  {
    name: 'bytes behind the message are cut off',
    message: query('0100', '0001000000000001', `${QUESTION}${OPT}ffff`),
    passes: query('0100', '0001000000000001', `${QUESTION}${OPT}`),
  },
  { name: 'UPDATE is not implemented', message: query('2800', '0001000000000000'), reply: '1234a8040000000000000000' },
  { name: 'STATUS keeps the bits', message: query('17b0', '0001000000000000'), reply: '123493b40000000000000000' },
  { name: 'no question', message: query('0100', '0000000000000000', ''), reply: '123481010000000000000000' },
  { name: 'two questions', message: query('0100', '0002000000000000'), reply: '123481010000000000000000' },
  { name: 'two answers', message: query('0100', '0001000200000000'), reply: '123481010000000000000000' },
  { name: 'two authorities', message: query('0100', '0001000000020000'), reply: '123481010000000000000000' },
  { name: 'three additionals', message: query('0100', '0001000000000003'), reply: '123481010000000000000000' },
  {
    name: 'AA and Z are not sent back',
    message: query('0440', '0000000000000000', ''),
    reply: '123480010000000000000000',
  },
  {
    name: 'a bad label in the question',
    message: query('0100', '0001000000000000', '416578000001000100'),
    reply: '123481010000000000000000',
  },
  {
    name: 'a record cut short: the question comes back',
    message: query('0120', '0001000000000001', `${QUESTION}0000290200`),
    reply: `123481210001000000000000${QUESTION}`,
  },
  {
    name: 'an additional record whose rdata is no name',
    message: query('0100', '0001000000000001', `${QUESTION}0000020001000000000002c0ff`),
    reply: `123481010001000000000000${QUESTION}`,
  },
  {
    name: 'an option that is longer than its OPT',
    message: query('0100', '0001000000000001', `${QUESTION}00002904d000000000000400030005`),
    reply: `123481010001000000000000${QUESTION}`,
  },
];

for (const { name, message, passes = message, reply, dropped = false } of cases) {
  test(`screen: ${name}`, () => {
    const screened = screen(Uint8Array.from(Buffer.from(message, 'hex')));
    if (dropped) assert.equal(screened, undefined);
    else if (reply === undefined) {
      assert.ok(screened instanceof MessageView);
      assert.equal(screened.bytes.toHex(), passes);
    } else assert.equal(Buffer.from(screened as Uint8Array).toString('hex'), reply);
  });
}
