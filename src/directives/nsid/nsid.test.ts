import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { encodeOption, OPTION_COOKIE, OPTION_NSID } from '../../wire/edns.ts';
import { parseMessage } from '../../wire/view.ts';
import { MessageWriter } from '../../wire/writer.ts';
import type { Outcome } from '../contract.ts';
import { fakeBlock, fakeNext, fakeQuery } from '../testing.ts';
import { nsid, parse } from './nsid.ts';

const LONG = 'x'.repeat(129);
const parseCases = [
  { input: 'nsid', want: hostname() },
  { input: 'nsid node-1', want: 'node-1' },
  { input: 'nsid "use the force" Luke', want: 'use the force Luke' },
  { input: `nsid ${LONG.slice(1)}`, want: LONG.slice(1) },
  { input: `nsid ${LONG}`, error: 'Corefile:1: nsid: DATA must have at most 128 bytes, got 129' },
  { input: 'nsid {\n node-1\n}', error: 'Corefile:2: nsid: takes no block, got "node-1"' },
];
for (const { input, want, error } of parseCases) {
  test(`parse: ${JSON.stringify(input)}`, () => {
    const run = () => Buffer.from(parse(cursorOf(input)).data).toString();
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.equal(run(), want);
  });
}

/** A query whose OPT has these options; without OPT if there are none given. */
function queryWith(codes: readonly number[] | undefined) {
  const query = fakeQuery();
  if (codes === undefined) return query;
  const writer = new MessageWriter();
  writer.start(1, 0);
  writer.copyQuestion(query.request);
  const options = Buffer.concat(codes.map((code) => encodeOption(code, new Uint8Array(8))));
  writer.opt({ udpPayloadBytes: 1232, extendedRcodeBits: 0, version: 0, flags: 0, options });
  return query.withRequest(parseMessage(writer.finish()));
}

const answers = [
  { name: 'who asks is told', codes: [OPTION_COOKIE, OPTION_NSID], want: 'node-1' },
  { name: 'who asks otherwise is not', codes: [OPTION_COOKIE], want: undefined },
  { name: 'nor is who asks for nothing', codes: [], want: undefined },
  { name: 'nor is who does not speak EDNS', codes: undefined, want: undefined },
];
const OUTCOME: Outcome = { response: undefined, rcode: 2, source: 'next', extendedError: { code: 3, text: '' } };
for (const { name, codes, want } of answers) {
  for (const below of [OUTCOME, Promise.resolve(OUTCOME)]) {
    test(`${name}, ${below instanceof Promise ? 'later' : 'at once'}`, async () => {
      const wrap = nsid.setup(parse(cursorOf('nsid node-1')), fakeBlock()) ?? assert.fail('no handler');
      const { nsid: data, ...others } = await wrap(fakeNext(below))(queryWith(codes));
      assert.equal(data && Buffer.from(data).toString(), want);
      assert.deepEqual(others, OUTCOME);
    });
  }
}
