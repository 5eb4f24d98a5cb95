import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { cursorOf } from '../../corefile/testing.ts';
import { TYPE_A, TYPE_AAAA, TYPE_ANY, TYPE_TXT } from '../../wire/types.ts';
import { newHitRules } from '../hit-rules.ts';
import { type FakeQueryOptions, fakeBlock, fakeNext, fakeQuery } from '../testing.ts';
import { acl } from './acl.ts';
import { parseRule } from './rules.ts';

const { keys } = fakeBlock({ zones: ['example.org.', 'www.example.org.'] });

const parseCases: { input: string; zones?: string[]; want: [action: string, qtypes: number[] | undefined][] }[] = [
  { input: 'acl', zones: ['www.example.org.', 'example.org.'], want: [] },
  {
    input: 'acl example.com A.Example.com {\n allow\n}',
    zones: ['a.example.com.', 'example.com.'],
    want: [['allow', undefined]],
  },
  {
    input: 'acl . {\n BLOCK\n Filter type A\n drop net *\n}',
    want: [
      ['block', undefined],
      ['filter', [TYPE_A]],
      ['drop', undefined],
    ],
  },
  {
    input: 'acl . {\n block type A AAAA net 192.0.2.0/24 TYPE ANY\n}',
    want: [['block', [TYPE_A, TYPE_AAAA, TYPE_ANY]]],
  },
  { input: 'acl . {\n block type A * TXT\n}', want: [['block', undefined]] },
  { input: 'acl . {\n block net 192.0.2.1 2001:db8::1 2001:db8::/32 NET 10.0.0.0/8\n}', want: [['block', undefined]] },
];
for (const { input, zones = ['.'], want } of parseCases) {
  test(`parse: ${JSON.stringify(input)}`, () => {
    const rule = parseRule(cursorOf(input), keys);
    assert.deepEqual(rule.zones, zones);
    assert.deepEqual(
      rule.policies.map(({ action, qtypes }) => [action, qtypes && [...qtypes]]),
      want,
    );
  });
}

const errorCases = [
  { line: 'deny', error: 'unexpected token "deny", expected allow, block, filter or drop' },
  { line: 'block A', error: 'unexpected token "A", expected type or net' },
  { line: 'block type', error: 'no token specified in "type" section' },
  { line: 'block type A net', error: 'no token specified in "net" section' },
  { line: 'block net type A', error: 'no token specified in "net" section' },
  { line: 'block type NOPE', error: 'unexpected token "NOPE", expected a QTYPE such as A or AAAA, or *' },
  {
    line: 'block net 192.0.2.0/33',
    error: 'illegal CIDR notation "192.0.2.0/33", expected one such as 192.0.2.0/24 or 2001:db8::/32',
  },
  {
    line: 'block net a.example.org',
    error: 'illegal CIDR notation "a.example.org", expected one such as 192.0.2.0/24 or 2001:db8::/32',
  },
  { line: 'block {\n type A\n }', error: 'block takes no block, got "type"', at: 4 },
];
for (const { line, error, at = 3 } of errorCases) {
  test(`parse: ${error}`, () => {
    const run = () => parseRule(cursorOf(`acl {\n allow net 192.0.2.9\n ${line}\n}`), keys);
    assert.throws(run, { name: 'ConfigError', message: `Corefile:${at}: acl: ${error}` });
  });
}

type Verdict = 'allow' | 'block' | 'filter' | 'drop';

/** A chain of one `acl` for each text. */
function chain(...inputs: string[]) {
  const rules = inputs.flatMap((input) => acl.parse(cursorOf(input), keys));
  const block = fakeBlock();
  const handler = acl.setup(rules, block)?.(fakeNext({ response: undefined, rcode: 0, source: 'next' }));
  const ask = async (query: FakeQueryOptions) => (await handler?.(fakeQuery(query))) ?? assert.fail('no handler');
  const verdict = async (query: FakeQueryOptions): Promise<Verdict> => {
    const { source, drop, rcode } = await ask(query);
    if (source === 'next') return 'allow';
    if (drop) return 'drop';
    return rcode === 5 ? 'block' : 'filter';
  };
  return { ask, verdict, rules, block };
}

const OFFICE = 'acl example.org {\n allow net 192.0.2.0/25 2001:db8::/64\n block\n}';
const TYPES = 'acl {\n filter type AAAA\n drop type TXT ANY net 192.0.2.0/24\n block net 192.0.2.7 fe80::/10\n}';
const behaviours: { rules: string[]; query: FakeQueryOptions; want: Verdict }[] = [
  { rules: [OFFICE], query: { clientAddress: '192.0.2.127' }, want: 'allow' },
  { rules: [OFFICE], query: { clientAddress: '192.0.2.128' }, want: 'block' },
  { rules: [OFFICE], query: { clientAddress: '2001:db8::1' }, want: 'allow' },
  { rules: [OFFICE], query: { clientAddress: '2001:db8:0:1::1' }, want: 'block' },
  { rules: [OFFICE], query: { qname: 'WWW.EXAMPLE.org.', clientAddress: '192.0.2.128' }, want: 'block' },
  { rules: [OFFICE], query: { qname: 'example.com.', clientAddress: '192.0.2.128' }, want: 'allow' },
  { rules: [OFFICE], query: { clientAddress: 'who' }, want: 'block' },
  { rules: [TYPES], query: { qtype: TYPE_AAAA, clientAddress: '192.0.2.7' }, want: 'filter' },
  { rules: [TYPES], query: { qtype: TYPE_TXT, clientAddress: '192.0.2.7' }, want: 'drop' },
  { rules: [TYPES], query: { qtype: TYPE_ANY, clientAddress: '198.51.100.1' }, want: 'allow' },
  { rules: [TYPES], query: { qtype: TYPE_A, clientAddress: '192.0.2.7' }, want: 'block' },
  { rules: [TYPES], query: { qtype: TYPE_A, clientAddress: '192.0.2.8' }, want: 'allow' },
  { rules: [TYPES], query: { clientAddress: 'fe80::1%eth0' }, want: 'block' },
  { rules: ['acl example.com {\n block\n}', OFFICE], query: { clientAddress: '198.51.100.1' }, want: 'block' },
  { rules: ['acl {\n filter net 198.51.100.1\n}', OFFICE], query: { clientAddress: '198.51.100.1' }, want: 'filter' },
  { rules: ['acl {\n filter net 198.51.100.2\n}', OFFICE], query: { clientAddress: '198.51.100.1' }, want: 'block' },
  { rules: ['acl {\n allow net 198.51.100.1\n}', OFFICE], query: { clientAddress: '198.51.100.1' }, want: 'allow' },
  { rules: ['acl'], query: {}, want: 'allow' },
];
for (const { rules, query, want } of behaviours) {
  test(`${rules.join(' ').replace(/\s+/g, ' ')}: ${JSON.stringify(query)}: ${want}`, async () => {
    assert.equal(await chain(...rules).verdict(query), want);
  });
}

const replies = [
  { action: 'block', flags: 0x8105, rcode: 5, code: 15 },
  { action: 'filter', flags: 0x8100, rcode: 0, code: 17 },
];
for (const { action, flags, rcode, code } of replies) {
  test(`the reply of ${action}: the question, no record, and why`, async () => {
    const { response, ...outcome } = await chain(`acl {\n ${action}\n}`).ask({ qname: 'WWW.example.org.' });
    assert.deepEqual(outcome, { rcode, source: 'acl', extendedError: { code, text: '' } });
    const message = dnsPacket.decode(Buffer.from(response?.bytes ?? []));
    assert.deepEqual([response?.flags, message.questions?.[0].name], [flags, 'WWW.example.org']);
    assert.deepEqual([message.answers, message.authorities, message.additionals], [[], [], []]);
  });
}

test('metrics: what was refused by zone, what was let through by server', async () => {
  const { verdict, block } = chain(
    'acl example.org www.example.org {\n block type A\n filter type AAAA\n drop type TXT\n}',
  );
  for (const qtype of [TYPE_A, TYPE_A, TYPE_AAAA, TYPE_TXT, TYPE_ANY]) await verdict({ qtype });
  await verdict({ qname: 'example.org.' });
  await verdict({ qname: 'example.com.' });
  const text = await block.process.metrics.expose();
  const found = text.split('\n').filter((line) => line.startsWith('coredns_acl_'));
  const zone = (name: string) => `{server="dns://:1053",view="",zone="${name}"}`;
  assert.deepEqual(found.sort(), [
    'coredns_acl_allowed_requests_total{server="dns://:1053",view=""} 2',
    `coredns_acl_blocked_requests_total${zone('example.org.')} 1`,
    `coredns_acl_blocked_requests_total${zone('www.example.org.')} 2`,
    `coredns_acl_dropped_requests_total${zone('www.example.org.')} 1`,
    `coredns_acl_filtered_requests_total${zone('www.example.org.')} 1`,
  ]);
});

test('hits come through the chain as soon as there is a policy', () => {
  const allows = (...rules: string[]) => acl.allowHits?.(chain(...rules).rules, newHitRules());
  assert.deepEqual([allows('acl'), allows('acl', 'acl {\n allow\n}')], [true, false]);
});

test('it has to do with the names of its zones', () => {
  const { rules } = chain('acl example.org', 'acl example.net');
  const names = ['www.example.org.', 'example.net.', 'example.com.'];
  assert.deepEqual(
    names.map((qname) => acl.concerns?.(rules, qname)),
    [true, true, false],
  );
});
