import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cursorOf } from '../../corefile/testing.ts';
import { formatIpv4, formatIpv6, IPV4_BYTES } from '../../wire/address.ts';
import { RCODE_NXDOMAIN } from '../../wire/header.ts';
import { TYPE_A, TYPE_AXFR, TYPE_IXFR, TYPE_MX } from '../../wire/types.ts';
import type { MessageView } from '../../wire/view.ts';
import type { Outcome } from '../contract.ts';
import { type FakeBlock, type FakeReplyOptions, fakeBlock, fakeNext, fakeQuery, fakeReply } from '../testing.ts';
import { balance, parse } from './loadbalance.ts';
import { recordTexts } from './testing.ts';

const LAST = () => 0.999; // What comes last comes first.

const parseCases = [
  { name: 'nothing', input: 'loadbalance', want: 'round_robin' },
  { name: 'round robin', input: 'loadbalance round_robin', want: 'round_robin' },
  { name: 'weighted', input: 'loadbalance weighted /etc/weights', want: 'weighted /etc/weights 30000' },
  { name: 'reload', input: 'loadbalance weighted w {\n reload 1m\n}', want: 'weighted w 60000' },
  { name: 'no reload', input: 'loadbalance weighted w {\n reload 0s\n}', want: 'weighted w 0' },
  {
    name: 'more than a timer takes',
    input: 'loadbalance weighted w {\n reload 1000h\n}',
    want: 'weighted w 2147483647',
  },
  { name: 'prefer', input: 'loadbalance {\n prefer 192.0.2.0/24\n}', want: 'round_robin, prefer 192.0.2.0/24' },
  {
    name: 'prefer, several times and with both families',
    input: 'loadbalance round_robin {\n prefer 10.0.0.0/8 2001:db8::/32\n prefer 192.0.2.0/24\n}',
    want: 'round_robin, prefer 10.0.0.0/8 2001:db8::/32 192.0.2.0/24',
  },
  {
    name: 'prefer with weights',
    input: 'loadbalance weighted w {\n prefer 10.0.0.0/8\n reload 5s\n}',
    want: 'weighted w 5000, prefer 10.0.0.0/8',
  },
  {
    name: 'unknown policy',
    input: 'loadbalance random',
    error: '1: loadbalance: unknown policy: "random", expected round_robin or weighted',
  },
  {
    name: 'weighted without file',
    input: 'loadbalance weighted',
    error: '1: loadbalance: missing weight file argument, expected weighted FILE',
  },
  {
    name: 'weighted with two files',
    input: 'loadbalance weighted a b',
    error: '1: loadbalance: unexpected argument(s) after FILE: "b"',
  },
  {
    name: 'round robin with a file',
    input: 'loadbalance round_robin a',
    error: '1: loadbalance: takes 1 argument, got 2',
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
    name: 'unknown property of weighted',
    input: 'loadbalance weighted w {\n limit 5s\n}',
    error: '2: loadbalance: unknown property "limit"; expected reload, prefer',
  },
  {
    name: 'reload without duration',
    input: 'loadbalance weighted w {\n reload\n}',
    error: '2: loadbalance: reload takes 1 argument, got 0',
  },
  {
    name: 'reload with two',
    input: 'loadbalance weighted w {\n reload 1s 2s\n}',
    error: '2: loadbalance: reload takes 1 argument, got 2',
  },
  {
    name: 'no duration',
    input: 'loadbalance weighted w {\n reload 30\n}',
    error: '2: loadbalance: reload must be a duration such as 30s, 1m30s or 500ms, got "30"',
  },
  {
    name: 'a negative duration',
    input: 'loadbalance weighted w {\n reload -1s\n}',
    error: '2: loadbalance: reload must be 0 or more, got "-1s"',
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
  const { weightFile, preferred } = parse(cursorOf(input));
  const policy = weightFile === undefined ? 'round_robin' : `weighted ${weightFile.path} ${weightFile.reloadMs}`;
  const cidrs = preferred.map(({ network, bits }) => {
    return ` ${network.length === IPV4_BYTES ? formatIpv4(network) : formatIpv6(network)}/${bits}`;
  });
  return cidrs.length === 0 ? policy : `${policy}, prefer${cidrs.join('')}`;
}

/** What comes of the answer when it has passed the directive. */
function pass(input: string, outcome: Outcome | Promise<Outcome>, qtype = TYPE_A, block: FakeBlock = fakeBlock()) {
  const query = fakeQuery({ qtype });
  const next = fakeNext(outcome);
  const found = balance(parse(cursorOf(input)), block, LAST)(next)(query);
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

test('weights are read when the block starts, and followed until it stops', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nodens-loadbalance-'));
  const path = join(directory, 'weights');
  writeFileSync(path, 'www.example.org\n192.0.2.1 100\n192.0.2.2 1\n');
  const block = fakeBlock();
  const query = fakeQuery();
  const config = parse(cursorOf(`loadbalance weighted ${path}`));
  const handler = balance(config, block, () => 0.9)(fakeNext(answered));
  assert.deepEqual(lastBytes((await handler(query)).response), [2, 1]);
  await block.start();
  assert.deepEqual(lastBytes((await handler(query)).response), [1, 2]);
  assert.deepEqual(block.lines(), [`[INFO] plugin/loadbalance: Successfully reloaded weight file ${path}`]);
  await block.stop();
  rmSync(directory, { recursive: true });
});

test('weighted leaves questions for other types alone', async () => {
  const outcome = outcomeOf({ answer: recordTexts('MN'), additional: ab }, TYPE_MX);
  assert.equal(await pass('loadbalance weighted w', outcome, TYPE_MX), outcome);
});
