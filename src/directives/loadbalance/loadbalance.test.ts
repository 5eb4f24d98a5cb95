import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { formatIpv4, formatIpv6, IPV4_BYTES } from '../../wire/address.ts';
import { RCODE_NXDOMAIN } from '../../wire/header.ts';
import { TYPE_A, TYPE_AXFR, TYPE_IXFR } from '../../wire/types.ts';
import type { MessageView } from '../../wire/view.ts';
import type { Outcome } from '../contract.ts';
import { type FakeReplyOptions, fakeNext, fakeQuery, fakeReply } from '../testing.ts';
import { balance, parse } from './loadbalance.ts';
import { recordTexts } from './testing.ts';

const LAST = () => 0.999; // What comes last comes first.

const parseCases = [
  { name: 'nothing', input: 'loadbalance', want: 'round_robin' },
  { name: 'round robin', input: 'loadbalance round_robin', want: 'round_robin' },
  { name: 'prefer', input: 'loadbalance {\n prefer 192.0.2.0/24\n}', want: 'round_robin, prefer 192.0.2.0/24' },
  {
    name: 'prefer, several times and with both families',
    input: 'loadbalance round_robin {\n prefer 10.0.0.0/8 2001:db8::/32\n prefer 192.0.2.0/24\n}',
    want: 'round_robin, prefer 10.0.0.0/8 2001:db8::/32 192.0.2.0/24',
  },
  {
    name: 'unknown policy',
    input: 'loadbalance random',
    error: '1: loadbalance: unknown policy: "random", expected round_robin',
  },
  {
    name: 'round robin with a file',
    input: 'loadbalance round_robin a',
    error: '1: loadbalance: takes 0 to 1 arguments, got 2',
  },
  {
    name: 'unknown property',
    input: 'loadbalance {\n prefers 10.0.0.0/8\n}',
    error: '2: loadbalance: unknown property "prefers"; did you mean "prefer"?',
  },
  {
    name: 'reload without weights',
    input: 'loadbalance {\n reload 5s\n}',
    error: '2: loadbalance: unknown property "reload"; expected prefer',
  },
  {
    name: 'prefer without CIDR',
    input: 'loadbalance {\n prefer\n}',
    error: '2: loadbalance: prefer takes at least 1 argument, got 0',
  },
  {
    name: 'no CIDR',
    input: 'loadbalance {\n prefer 10.0.0.0/8\n prefer 192.0.2.1\n}',
    error: '3: loadbalance: invalid CIDR "192.0.2.1", expected one such as 192.0.2.0/24 or 2001:db8::/32',
  },
  {
    name: 'a block within the block',
    input: 'loadbalance {\n prefer 10.0.0.0/8 {\n a\n }\n}',
    error: '3: loadbalance: prefer takes no block, got "a"',
  },
];
for (const { name, input, want, error } of parseCases) {
  test(`parse: ${name}`, () => {
    const run = () => configText(input);
    if (error) assert.throws(run, { name: 'ConfigError', message: `Corefile:${error}` });
    else assert.equal(run(), want);
  });
}

function configText(input: string): string {
  const { preferred } = parse(cursorOf(input));
  const cidrs = preferred.map(({ network, bits }) => {
    return ` ${network.length === IPV4_BYTES ? formatIpv4(network) : formatIpv6(network)}/${bits}`;
  });
  return cidrs.length === 0 ? 'round_robin' : `round_robin, prefer${cidrs.join('')}`;
}

/** What comes of the answer when it has passed the directive. */
function pass(input: string, outcome: Outcome | Promise<Outcome>, qtype = TYPE_A) {
  const query = fakeQuery({ qtype });
  const next = fakeNext(outcome);
  const found = balance(parse(cursorOf(input)), LAST)(next)(query);
  assert.deepEqual(next.queries, [query]);
  return found;
}

function outcomeOf(reply: FakeReplyOptions, qtype = TYPE_A): Outcome {
  const response = fakeReply(fakeQuery({ qtype }), reply);
  return { response, rcode: response.rcode, source: 'forward' };
}

/** The last byte of each record's rdata. */
function lastBytes(view: MessageView | undefined): number[] {
  if (view === undefined) return [];
  return Array.from({ length: view.recordCount }, (_, i) => view.bytes[view.recordEnd(i) - 1]);
}

const ab = recordTexts('ab');
const answered = outcomeOf({ answer: ab });

for (const { name, outcome } of [
  { name: 'at once', outcome: answered },
  { name: 'later', outcome: Promise.resolve(answered) },
]) {
  test(`an answer that comes ${name} is reordered, and else the same`, async () => {
    const { response, ...rest } = await pass('loadbalance', outcome);
    assert.deepEqual(lastBytes(response), [2, 1]);
    assert.deepEqual(rest, { rcode: 0, source: 'forward' });
  });
}

const allSections = outcomeOf({ answer: ab, authority: ab, additional: ab });
const orderCases = [
  { name: 'all three sections', input: 'loadbalance', want: [2, 1, 2, 1, 2, 1] },
  { name: 'prefer comes last', input: 'loadbalance {\n prefer 192.0.2.1/32\n}', want: [1, 2, 2, 1, 1, 2] },
];
for (const { name, input, want } of orderCases) {
  test(`order: ${name}`, async () => {
    assert.deepEqual(lastBytes((await pass(input, allSections)).response), want);
  });
}

const untouched: { name: string; outcome: Outcome; qtype?: number }[] = [
  { name: 'no answer', outcome: { response: undefined, rcode: 0, source: '' } },
  { name: 'one address', outcome: outcomeOf({ answer: recordTexts('a') }) },
  { name: 'an alias and one address', outcome: outcomeOf({ answer: recordTexts('Ca') }) },
  { name: 'another rcode', outcome: outcomeOf({ rcode: RCODE_NXDOMAIN, answer: ab }) },
  { name: 'another rcode, told by the chain', outcome: { ...answered, rcode: RCODE_NXDOMAIN } },
  { name: 'AXFR', outcome: outcomeOf({ answer: ab }, TYPE_AXFR), qtype: TYPE_AXFR },
  { name: 'IXFR', outcome: outcomeOf({ answer: ab }, TYPE_IXFR), qtype: TYPE_IXFR },
];
for (const { name, outcome, qtype } of untouched) {
  test(`untouched: ${name}`, async () => assert.equal(await pass('loadbalance', outcome, qtype), outcome));
}
