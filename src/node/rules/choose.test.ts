import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide, type HostFacts } from './choose.ts';
import { type Blocker, iptablesNftCount, legacyBlockers, nftBlockers } from './host-rules.ts';

const programs = { 4: 'iptables', 6: 'ip6tables' };
const drops: Blocker = { chain: 'filter INPUT of iptables (nft)', reason: 'policy', isIptables: true };
const elsewhere: Blocker = { chain: 'inet firewalld filter_INPUT', reason: 'rule', isIptables: false };
const rulesWith = (...blockers: Blocker[]) => [{ family: 4, legacyTables: [], flavour: undefined, blockers } as const];

const cases: readonly { name: string; facts: HostFacts; want?: string; error?: string }[] = [
  {
    name: 'a plain host',
    facts: { nftProblem: undefined, rules: rulesWith(), programs },
    want: 'nftables: nothing on this host drops our traffic',
  },
  {
    name: 'INPUT drops',
    facts: { nftProblem: undefined, rules: rulesWith(drops), programs },
    want: 'iptables: chain filter INPUT of iptables (nft) has policy DROP, which only a rule of iptables can overrule',
  },
  {
    name: 'INPUT drops, and no iptables can be run',
    facts: { nftProblem: undefined, rules: rulesWith(drops), programs: undefined },
    want: 'nftables: nothing on this host drops our traffic',
  },
  {
    name: 'a chain drops that iptables could not overrule',
    facts: { nftProblem: undefined, rules: rulesWith(elsewhere), programs },
    want: 'nftables: nothing on this host drops our traffic',
  },
  {
    name: 'the kernel lacks something',
    facts: { nftProblem: 'no nft_socket', rules: rulesWith(), programs },
    want: 'iptables: no nft_socket',
  },
  {
    name: 'nothing at all',
    facts: { nftProblem: 'no library', rules: rulesWith(), programs: undefined },
    error:
      'no rules can be made: no library, and no iptables can be run: ' +
      'install libnftables or iptables, or choose the backend none',
  },
];
for (const { name, facts, want, error } of cases) {
  test(`auto: ${name}`, () => {
    const choice = () => {
      const { backend, reason } = decide(facts);
      return `${backend}: ${reason}`;
    };
    if (error !== undefined) assert.throws(choice, { name: 'SetupError', message: error });
    else assert.equal(choice(), want);
  });
}

const chain = (family: string, table: string, name: string, policy: string) => {
  return { chain: { family, table, name, hook: 'input', policy } };
};
const rule = (family: string, table: string, name: string, ...expr: object[]) => {
  return { rule: { family, table, chain: name, expr } };
};
const drop = { drop: null };
const counter = { counter: { packets: 0, bytes: 0 } };
const match = { match: { op: '==', left: { payload: { protocol: 'udp', field: 'dport' } }, right: 53 } };

const blockerCases = [
  { name: 'nothing', objects: [], want: [] },
  { name: 'a policy to accept', objects: [chain('ip', 'filter', 'INPUT', 'accept')], want: [] },
  {
    name: 'iptables with policy DROP',
    objects: [chain('ip', 'filter', 'INPUT', 'drop')],
    want: ['filter INPUT of iptables (nft) policy true'],
  },
  {
    name: 'a last rule that drops all',
    objects: [chain('ip', 'filter', 'INPUT', 'accept'), rule('ip', 'filter', 'INPUT', counter, drop)],
    want: ['filter INPUT of iptables (nft) rule true'],
  },
  {
    name: 'a last rule of iptables that rejects all',
    objects: [
      chain('ip', 'filter', 'INPUT', 'accept'),
      rule('ip', 'filter', 'INPUT', counter, { xt: { type: 'target', name: 'REJECT' } }),
    ],
    want: ['filter INPUT of iptables (nft) rule true'],
  },
  {
    name: 'a last rule that drops some',
    objects: [chain('ip', 'filter', 'INPUT', 'accept'), rule('ip', 'filter', 'INPUT', match, drop)],
    want: [],
  },
  {
    name: 'a last rule that only counts',
    objects: [chain('ip', 'filter', 'INPUT', 'accept'), rule('ip', 'filter', 'INPUT', counter)],
    want: [],
  },
  {
    name: 'a table of somebody else',
    objects: [chain('inet', 'firewalld', 'filter_INPUT', 'drop')],
    want: ['inet firewalld filter_INPUT policy false'],
  },
  { name: 'the other family', objects: [chain('ip6', 'filter', 'INPUT', 'drop')], want: [] },
];
for (const { name, objects, want } of blockerCases) {
  test(`blockers of nftables: ${name}`, () => {
    const found = nftBlockers(objects, 4).map(({ chain, reason, isIptables }) => `${chain} ${reason} ${isIptables}`);
    assert.deepEqual(found, want);
  });
}

const save = (input: string) => `*nat\n:INPUT DROP [0:0]\nCOMMIT\n*filter\n:INPUT ${input}\nCOMMIT\n`;
const legacyCases = [
  { name: 'none', text: '', want: [] },
  { name: 'a policy to accept', text: save('ACCEPT [0:0]'), want: [] },
  { name: 'a policy to drop', text: save('DROP [0:0]'), want: ['policy'] },
  {
    name: 'a last rule that rejects all',
    text: save('ACCEPT [0:0]\n-A INPUT -j REJECT --reject-with x'),
    want: ['rule'],
  },
  { name: 'a last rule that drops some', text: save('ACCEPT [0:0]\n-A INPUT -s 192.0.2.1/32 -j DROP'), want: [] },
  {
    name: 'a rule that drops all before others',
    text: save('ACCEPT [0:0]\n-A INPUT -j DROP\n-A INPUT -j LOG'),
    want: [],
  },
];
for (const { name, text, want } of legacyCases) {
  test(`blockers of iptables-legacy: ${name}`, () => {
    assert.deepEqual(
      legacyBlockers(text).map(({ reason }) => reason),
      want,
    );
  });
}

test('rules in tables of iptables count, those of kube-proxy in nftables mode do not', () => {
  const objects = [rule('ip', 'nat', 'X', drop), rule('ip', 'kube-proxy', 'X', drop), rule('ip6', 'nat', 'X', drop)];
  assert.equal(iptablesNftCount(objects, 4), 1);
});
