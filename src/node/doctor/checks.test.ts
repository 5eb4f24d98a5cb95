import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkCapabilities } from './capabilities.ts';
import { checkConntrack, sumStatistics } from './conntrack.ts';
import { type Finding, finding, findingText, worstFirst } from './finding.ts';
import { checkFirewall } from './firewall.ts';
import { checkKernel, dummyDriver } from './kernel.ts';
import { type ProxyMode, proxyOf } from './kube-proxy.ts';
import { checkListeners } from './listeners.ts';
import { checkResolver } from './resolver.ts';

/** `LEVEL what` of each, so that a table can say what it wants. */
const brief = (findings: readonly Finding[]) => findings.map(({ level, what }) => `${level} ${what}`);

const STATISTICS = `entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop
00000005  00000002 00000000 00000000 00000000 00000000 00000000 00000000 00000000 0000000a 00000000 00000000
00000005  00000001 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000006 00000003 00000001
`;

test('conntrack: the sums over all cores', () => {
  const sums = sumStatistics(STATISTICS);
  assert.deepEqual(
    ['insert_failed', 'drop', 'early_drop', 'clash_resolve'].map((name) => sums.get(name)),
    [16, 3, 1, 3],
  );
});

const conntrackCases = [
  {
    name: 'all is well',
    facts: { statistics: undefined, count: 10, max: 1000 },
    want: ['ok 10 of 1000 entries (1 %)'],
  },
  {
    name: 'nearly full',
    facts: { statistics: '', count: 800, max: 1000 },
    want: ['warning 800 of 1000 entries (80 %)'],
  },
  { name: 'full', facts: { statistics: '', count: 960, max: 1000 }, want: ['error 960 of 1000 entries (96 %)'] },
  {
    name: 'no table',
    facts: { statistics: undefined, count: undefined, max: undefined },
    want: ['info no table on this host, or not to be read'],
  },
  {
    name: 'what it has cost',
    facts: { statistics: STATISTICS, count: 1, max: 1000 },
    want: [
      'ok 1 of 1000 entries (0 %)',
      'warning 16 packets lost the race for an entry (insert_failed), which costs clients 5 s each',
      'warning 3 packets dropped and 1 entries removed early for want of room',
      'info 3 clashes of parallel queries resolved',
    ],
  },
];
for (const { name, facts, want } of conntrackCases) {
  test(`conntrack: ${name}`, () => assert.deepEqual(brief(checkConntrack(facts)), want));
}

const pod = 'nameserver 10.96.0.10\nsearch a.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n';
const resolverCases = [
  {
    name: 'of a pod',
    text: pod,
    want: [
      'warning r: nameserver 10.96.0.10; ndots:5 and 3 search domains: a look-up of www.example.org takes 8 queries',
    ],
  },
  {
    name: 'with few dots',
    text: `${pod}options ndots:2\n`,
    want: ['ok r: nameserver 10.96.0.10; ndots:2 and 3 search domains: a look-up of www.example.org takes 2 queries'],
  },
  {
    name: 'without anything',
    text: '# empty\n',
    want: [
      'ok r: no nameserver; ndots:1 and no search list: a look-up of www.example.org takes 2 queries',
      'warning r names no nameserver',
    ],
  },
  { name: 'unreadable', text: undefined, want: ['info r cannot be read'] },
];
for (const { name, text, want } of resolverCases) {
  test(`resolv.conf: ${name}`, () => assert.deepEqual(brief(checkResolver({ file: 'r', text })), want));
}

const proxyCases: readonly { links?: string[]; tables?: string[]; chains?: string[]; want: ProxyMode }[] = [
  { links: ['lo', 'eth0'], want: 'none' },
  { links: ['kube-ipvs0'], chains: ['KUBE-SERVICES'], want: 'ipvs' },
  { tables: ['ip kube-proxy', 'ip6 kube-proxy'], want: 'nftables' },
  { tables: ['inet nodens'], chains: ['INPUT', 'KUBE-SERVICES'], want: 'iptables' },
  { links: ['cilium_host', 'cilium_net'], want: 'cilium' },
  { links: ['bpfin.cali'], want: 'calico' },
];
for (const { links = [], tables = [], chains = [], want } of proxyCases) {
  test(`kube-proxy: ${want}`, () => {
    assert.equal(proxyOf({ links, nftTables: tables, iptablesChains: chains }), want);
  });
}

test('kernel: what it lacks is said with what follows', () => {
  const facts = { release: '5.15.0', hasDummy: false, nftProblem: undefined, migratesRequests: false };
  assert.deepEqual(brief(checkKernel(facts)), [
    'info Linux 5.15.0 has no dummy driver: a bridge without ports stands in',
    'ok Linux 5.15.0 takes the rules of nftables, with timed sets and sockets',
    'info before Linux 6.12 a lease is renewed by taking elements away and adding them',
    'info TCP connections just being made are reset when one of several instances ends',
  ]);
  const without = { release: '6.18.1', hasDummy: true, nftProblem: 'no such file', migratesRequests: true };
  assert.deepEqual(brief(checkKernel(without)), ['warning nftables cannot serve: no such file']);
});

const dummyCases = [
  { name: 'built in', config: 'CONFIG_DUMMY=y\n', modules: undefined, want: true },
  {
    name: 'a module that is there',
    config: 'CONFIG_DUMMY=m\n',
    modules: 'kernel/drivers/net/dummy.ko.xz:\n',
    want: true,
  },
  { name: 'a module that is not there', config: 'CONFIG_DUMMY=m\n', modules: 'kernel/net/x.ko:\n', want: false },
  { name: 'a module, of which no list can be read', config: 'CONFIG_DUMMY=m\n', modules: undefined, want: undefined },
  { name: 'left out', config: '# CONFIG_DUMMY is not set\n', modules: undefined, want: false },
  { name: 'not known', config: undefined, modules: undefined, want: undefined },
];
for (const { name, config, modules, want } of dummyCases) {
  test(`kernel: dummy driver: ${name}`, () => assert.equal(dummyDriver(config, modules), want));
}

const ADMIN = 1n << 12n;
const BIND = 1n << 10n;
const capabilityCases = [
  { name: 'both', effective: ADMIN | BIND, ports: [53], holdsNode: true, want: ['ok'] },
  { name: 'none, and none needed', effective: 0n, ports: [1053], holdsNode: false, want: ['ok'] },
  { name: 'none', effective: 0n, ports: [53], holdsNode: true, want: ['error', 'error'] },
  { name: 'no port below 1024', effective: ADMIN, ports: [1053], holdsNode: true, want: ['ok'] },
];
for (const { name, want, ...facts } of capabilityCases) {
  test(`capabilities: ${name}`, () => {
    const found = checkCapabilities({ ...facts, firstFreePort: 1024 });
    assert.deepEqual(
      found.map(({ level }) => level),
      want,
    );
  });
}

const socket = { protocol: 'udp', port: 53, uid: 0, inode: 7 } as const;
const listenerCases = [
  { name: 'nobody', sockets: [], owner: undefined, want: ['ok nobody else listens where nodens will'] },
  {
    name: 'at another address',
    sockets: [{ ...socket, address: '192.0.2.1' }],
    owner: 'x',
    want: ['ok nobody else listens where nodens will'],
  },
  {
    name: 'a stranger',
    sockets: [{ ...socket, address: '169.254.20.10' }],
    owner: 'dnsmasq (pid 9)',
    want: ['error dnsmasq (pid 9) listens on udp 169.254.20.10:53'],
  },
  {
    name: 'a stranger on all addresses',
    sockets: [{ ...socket, address: '::' }],
    owner: undefined,
    want: ['warning another process listens on udp [::]:53'],
  },
  {
    name: 'another instance',
    sockets: [{ ...socket, address: '169.254.20.10' }],
    owner: 'node (pid 9)',
    want: ['info node (pid 9) listens on udp 169.254.20.10:53: another instance, with which traffic is shared'],
  },
];
for (const { name, sockets, owner, want } of listenerCases) {
  test(`listeners: ${name}`, () => {
    const places = [{ address: '169.254.20.10', port: 53 }];
    assert.deepEqual(brief(checkListeners({ places, sockets, ownerOf: () => owner, uid: 0 })), want);
  });
}

test('firewall: the choice and its reason, and chains that nobody of ours can overrule', () => {
  const blockers = [{ chain: 'inet firewalld filter_INPUT', reason: 'rule', isIptables: false }] as const;
  const rules = [{ family: 4, legacyTables: [], flavour: undefined, blockers } as const];
  assert.deepEqual(brief(checkFirewall({ nftProblem: undefined, rules, programs: undefined })), [
    'ok backend nftables: nothing on this host drops our traffic',
    'warning chain inet firewalld filter_INPUT ends in a rule that drops',
  ]);
  assert.deepEqual(brief(checkFirewall({ nftProblem: 'no library', rules: [], programs: undefined })), [
    'error no rules can be made: no library, and no iptables can be run: install libnftables or iptables, or choose the backend none',
  ]);
});

test('findings: worst first, each in one line', () => {
  const found = [finding('a', 'ok', 'fine'), finding('b', 'error', 'bad', 'mend it'), finding('c', 'info', 'so')];
  assert.deepEqual(worstFirst(found).map(findingText), ['ERROR   b: bad; mend it', 'INFO    c: so', 'OK      a: fine']);
});
