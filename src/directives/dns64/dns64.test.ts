import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { cursorOf } from '../../corefile/testing.ts';
import { readExposition } from '../../observe/testing.ts';
import { formatIpv6 } from '../../wire/address.ts';
import { TYPE_A, TYPE_AAAA } from '../../wire/types.ts';
import type { Outcome } from '../contract.ts';
import { register } from '../register.ts';
import { type FakeReplyOptions, fakeBlock, fakeNext, fakeQuery, fakeReply } from '../testing.ts';
import { type Dns64Config, dns64, parse } from './dns64.ts';

const WELL_KNOWN = { prefix: undefined, translateAll: false, allowIpv4: false };
const LENGTHS = 'it must be a multiple of 8 in 32..96';
const parseCases = [
  { name: 'nothing', input: 'dns64', want: WELL_KNOWN },
  { name: 'a prefix', input: 'dns64 2001:db8::/32', want: { ...WELL_KNOWN, prefix: '2001:db8::' } },
  {
    name: 'host bits are dropped',
    input: 'dns64 2001:db8:1:2:3::/64',
    want: { ...WELL_KNOWN, prefix: '2001:db8:1:2::' },
  },
  {
    name: 'a prefix in a block',
    input: 'dns64 {\n prefix 2001:db8::/96\n}',
    want: { ...WELL_KNOWN, prefix: '2001:db8::' },
  },
  {
    name: 'all properties',
    input: 'dns64 {\n prefix 2001:db8::/40\n translate_all\n allow_ipv4\n}',
    want: { prefix: '2001:db8::', translateAll: true, allowIpv4: true },
  },
  {
    name: 'a block behind a prefix does not count',
    input: 'dns64 2001:db8::/32 {\n allow_ipv4\n}',
    want: { ...WELL_KNOWN, prefix: '2001:db8::' },
  },
  {
    name: 'two prefixes',
    input: 'dns64 2001:db8::/32 64:ff9b::/96',
    error: 'Corefile:1: dns64: takes 0 to 1 arguments, got 2',
  },
  {
    name: 'IPv4',
    input: 'dns64 192.0.2.0/24',
    error: 'Corefile:1: dns64: PREFIX must be an IPv6 prefix such as 64:ff9b::/96, got "192.0.2.0/24"',
  },
  {
    name: 'no length',
    input: 'dns64 {\n prefix 64:ff9b::\n}',
    error: 'Corefile:2: dns64: PREFIX must be an IPv6 prefix such as 64:ff9b::/96, got "64:ff9b::"',
  },
  ...[24, 33, 104, 128].map((bits) => ({
    name: `length ${bits}`,
    input: `dns64 64:ff9b::/${bits}`,
    error: `Corefile:1: dns64: invalid prefix length of "64:ff9b::/${bits}": ${LENGTHS}`,
  })),
  { name: 'prefix alone', input: 'dns64 {\n prefix\n}', error: 'Corefile:2: dns64: prefix takes 1 argument, got 0' },
  {
    name: 'an argument too many',
    input: 'dns64 {\n translate_all yes\n}',
    error: 'Corefile:2: dns64: translate_all takes no arguments, got 1',
  },
  {
    name: 'an unknown property',
    input: 'dns64 {\n allow_ipv4\n upstream\n}',
    error: 'Corefile:3: dns64: unknown property "upstream"; expected prefix, translate_all, allow_ipv4',
  },
];
for (const { name, input, want, error } of parseCases) {
  test(`parse: ${name}`, () => {
    const run = () => described(parse(cursorOf(input)));
    if (error) assert.throws(run, { name: 'ConfigError', message: error });
    else assert.deepEqual(run(), want);
  });
}

function described({ prefix, translateAll, allowIpv4 }: Dns64Config) {
  const padded = new Uint8Array(16);
  padded.set(prefix ?? []);
  return { prefix: prefix && formatIpv6(padded), translateAll, allowIpv4 };
}

test('several in a block: the last prefix, and all that any of them allows', () => {
  assert.ok(typeof dns64.repeat === 'function');
  const texts = ['dns64 2001:db8::/32', 'dns64 {\n translate_all\n}', 'dns64 {\n allow_ipv4\n}'];
  const merged = dns64.repeat(texts.map((text) => parse(cursorOf(text))));
  assert.deepEqual(described(merged), { prefix: '2001:db8::', translateAll: true, allowIpv4: true });
});

test('a block behind a prefix is warned of', () => {
  const block = fakeBlock();
  dns64.setup(parse(cursorOf('dns64 2001:db8::/32 {\n allow_ipv4\n}')), block);
  const [line] = block.lines();
  assert.equal(
    line,
    '[WARNING] plugin/dns64: Corefile:2: "allow_ipv4" is ignored: the prefix must stand in the block, too',
  );
});

for (const { input, families } of [
  { input: 'dns64', families: [6] },
  { input: 'dns64 {\n allow_ipv4\n}', families: [4, 6] },
]) {
  test(`hits: ${input.replace(/\s+/g, ' ')}: AAAA for families ${families} come through the chain`, () => {
    const { hits } = fakeBlock();
    assert.equal(dns64.allowHits?.(parse(cursorOf(input)), hits), true);
    assert.deepEqual(hits.aaaaInChain, families);
  });
}

test('it is for all names', () => {
  const [setUp] = register(dns64).configure({ keys: [], directives: [cursorOf('dns64')] });
  assert.equal(setUp.concerns('www.example.org.'), true);
});

type Ask = {
  readonly input?: string;
  readonly query?: { readonly qtype?: number; readonly qclass?: number; readonly clientAddress?: string };
  /** What the chain has; `a` is what the whole server has for the A records of the name. */
  readonly aaaa: FakeReplyOptions | Outcome;
  readonly a?: FakeReplyOptions | Outcome;
};

/** The outcome for a query over IPv6, its answers as text, the questions that it led to and what was counted. */
async function ask({ input = 'dns64', query: options, aaaa, a = {} }: Ask) {
  const asked: string[] = [];
  const query = fakeQuery({
    ...{ qname: 'WWW.example.org.', qtype: TYPE_AAAA, clientAddress: '2001:db8::53', ...options },
    resolve: (other) => {
      asked.push(`${other.request.qname} ${other.qtype}`);
      return outcomeOf(a, (reply) => fakeReply(other, reply));
    },
  });
  const block = fakeBlock();
  const inChain = outcomeOf(aaaa, (reply) => fakeReply(query, reply));
  const outcome = await dns64.setup(parse(cursorOf(input)), block)?.(fakeNext(Promise.resolve(inChain)))(query);
  assert.ok(outcome !== undefined);
  const { values } = readExposition(await block.process.metrics.expose());
  const count = values.get('coredns_dns64_requests_translated_total{server="dns://:1053"}') ?? 0;
  const message = outcome.response && dnsPacket.decode(Buffer.from(outcome.response.bytes));
  const answers = message?.answers?.map((record) =>
    'data' in record ? `${record.name} ${record.type} ${record.data}` : '',
  );
  return { outcome, inChain, answers, question: message?.questions?.[0], asked, count };
}

function outcomeOf(
  given: FakeReplyOptions | Outcome,
  build: (reply: FakeReplyOptions) => Outcome['response'],
): Outcome {
  if ('source' in given) return given;
  const response = build(given);
  return { response, rcode: response?.rcode ?? 0, source: 'forward' };
}

const A = { answer: ['www.example.org. 60 IN A 192.0.2.1'] };
const NATIVE = { answer: ['www.example.org. 60 IN AAAA 2001:db8::80'] };
const MADE = ['www.example.org AAAA 64:ff9b::c000:201'];
const failure: Outcome = { response: undefined, rcode: 2, source: '', error: new Error('nobody is there') };

const translatedCases: (Ask & { name: string; want: string[] })[] = [
  { name: 'no AAAA record', aaaa: {}, want: MADE },
  {
    name: 'another prefix',
    input: 'dns64 2001:db8:64::/96',
    aaaa: {},
    want: ['www.example.org AAAA 2001:db8:64::c000:201'],
  },
  { name: 'an error of the AAAA query', aaaa: { rcode: 2 }, want: MADE },
  { name: 'an alias without address', aaaa: { answer: ['www.example.org. 60 IN CNAME a.example.org.'] }, want: MADE },
  { name: 'an AAAA record, but all are translated', input: 'dns64 {\n translate_all\n}', aaaa: NATIVE, want: MADE },
  {
    name: 'a client over IPv4, with allow_ipv4',
    input: 'dns64 {\n allow_ipv4\n}',
    query: { clientAddress: '192.0.2.53' },
    aaaa: {},
    want: MADE,
  },
];
for (const { name, want, ...given } of translatedCases) {
  test(`translated: ${name}`, async () => {
    const { outcome, answers, question, asked, count } = await ask({ a: A, ...given });
    assert.deepEqual(answers, want);
    assert.deepEqual([outcome.rcode, outcome.source, count], [0, 'dns64', 1]);
    assert.deepEqual(question, { name: 'WWW.example.org', type: 'AAAA', class: 'IN' });
    assert.deepEqual(asked, [`WWW.example.org. ${TYPE_A}`]);
  });
}

const untouchedCases: (Ask & { name: string })[] = [
  { name: 'an AAAA record', aaaa: NATIVE },
  { name: 'NXDOMAIN', aaaa: { rcode: 3 } },
  { name: 'NXDOMAIN, though all are translated', input: 'dns64 {\n translate_all\n}', aaaa: { rcode: 3 } },
  { name: 'no answer', aaaa: failure },
  { name: 'another type', query: { qtype: TYPE_A }, aaaa: {} },
  { name: 'another class', query: { qclass: 3 }, aaaa: {} },
  { name: 'a client over IPv4', query: { clientAddress: '192.0.2.53' }, aaaa: {} },
];
for (const { name, ...given } of untouchedCases) {
  test(`untouched: ${name}`, async () => {
    const { outcome, inChain, asked, count } = await ask({ a: A, ...given });
    assert.equal(outcome, inChain);
    assert.deepEqual([asked, count], [[], 0]);
  });
}

test('nobody has A records: the failure is the answer, and nothing is counted', async () => {
  const { outcome, count } = await ask({ aaaa: {}, a: failure });
  assert.deepEqual([outcome, count], [failure, 0]);
});

test('no A record either: an empty answer', async () => {
  const { outcome, answers, count } = await ask({ aaaa: {}, a: {} });
  assert.deepEqual([outcome.rcode, answers, count], [0, [], 1]);
});

test('what is at once there is answered at once', () => {
  const query = fakeQuery({ qtype: TYPE_A, clientAddress: '2001:db8::53' });
  const outcome: Outcome = { response: fakeReply(query), rcode: 0, source: 'cache' };
  assert.equal(dns64.setup(parse(cursorOf('dns64')), fakeBlock())?.(fakeNext(outcome))(query), outcome);
});
