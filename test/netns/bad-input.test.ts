/** What cannot be held: one line with its place, exit code 1, and the host as it was. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { launchNodens } from '../support/nodens.ts';
import { Cluster, clusterUnavailable, type Place } from './cluster.ts';
import { INTERFACE, LINK_LOCAL } from './holding.ts';

const skip = clusterUnavailable('nftables');
/** Made on the node before, and removed after. */
type Setting = { readonly make: readonly string[][]; readonly unmake: readonly string[][] };
const link = (kind: string, ...more: string[][]): Setting => {
  const add = kind === 'veth' ? ['peer', 'name', 'other'] : [];
  return {
    make: [['ip', 'link', 'add', INTERFACE, 'type', kind, ...add], ...more],
    unmake: [['ip', 'link', 'delete', INTERFACE]],
  };
};

const cases: readonly {
  name: string;
  corefile?: string;
  flags?: readonly string[];
  host?: Setting;
  error: RegExp;
}[] = [
  {
    name: 'an interface of another type',
    corefile: `.:{PORT} {\n bind ${LINK_LOCAL}\n nodecache\n whoami\n}`,
    host: link('veth'),
    error: /^\S+Corefile:3: nodecache: interface nodecache is of type veth, and belongs to somebody else/,
  },
  {
    name: 'an interface with a foreign address',
    corefile: `.:{PORT} {\n bind ${LINK_LOCAL}\n nodecache\n whoami\n}`,
    host: link('bridge', ['ip', 'address', 'add', '192.0.2.1/32', 'dev', INTERFACE]),
    error: /^\S+Corefile:3: nodecache: interface nodecache has 192\.0\.2\.1, which nothing here asks for/,
  },
  {
    name: 'a bridge that somebody uses',
    corefile: `.:{PORT} {\n bind ${LINK_LOCAL}\n nodecache\n whoami\n}`,
    host: {
      make: [
        ['ip', 'link', 'add', INTERFACE, 'type', 'bridge'],
        ['ip', 'link', 'add', 'port0', 'type', 'veth', 'peer', 'name', 'port1'],
        ['ip', 'link', 'set', 'port0', 'master', INTERFACE],
      ],
      unmake: [
        ['ip', 'link', 'delete', 'port0'],
        ['ip', 'link', 'delete', INTERFACE],
      ],
    },
    error: /^\S+Corefile:3: nodecache: interface nodecache is a bridge with 1 ports?, and belongs to somebody else/,
  },
  {
    name: 'an address that is elsewhere',
    corefile: '.:{PORT} {\n bind 172.18.0.2\n nodecache\n whoami\n}',
    error: /^\S+Corefile:3: nodecache: 172\.18\.0\.2 is on interface \w+ already/,
  },
  {
    name: 'a name of 16 bytes',
    corefile: `.:{PORT} {\n bind ${LINK_LOCAL}\n nodecache {\n interface abcdefghijklmnop\n }\n whoami\n}`,
    error: /^\S+Corefile:4: nodecache: interface must have at most 15 bytes, "abcdefghijklmnop" has 16/,
  },
  {
    name: 'a wildcard',
    corefile: '.:{PORT} {\n nodecache\n whoami\n}',
    error: /^\S+Corefile:2: nodecache: the block must name the addresses to hold; add bind ADDRESS to it/,
  },
  {
    name: 'blocks that disagree',
    corefile: `a.org:{PORT} {\n bind ${LINK_LOCAL}\n nodecache\n whoami\n}\nb.org:{PORT} {\n bind ${LINK_LOCAL}\n nodecache {\n lease 1m\n }\n whoami\n}`,
    error: /^\S+Corefile:8: nodecache: lease 60s here, but 10s at \S+Corefile:3; all blocks must agree/,
  },
  {
    name: 'an address without a claim that the host does not have',
    corefile: '.:{PORT} {\n bind 192.0.2.53\n whoami\n}',
    error: /^\S+Corefile:1: .*192\.0\.2\.53.*nodecache/,
  },
  {
    name: 'a family that the flags get wrong',
    corefile: `.:{PORT} {\n bind ${LINK_LOCAL}\n whoami\n}`,
    flags: ['-localip', 'example.org'],
    error: /invalid localip specified - "example\.org"/,
  },
  {
    name: 'an address of the flags that nobody listens on',
    corefile: `.:{PORT} {\n bind ${LINK_LOCAL}\n whoami\n}`,
    flags: ['-localip', `${LINK_LOCAL},10.96.0.10`],
    error: /^-localip 10\.96\.0\.10: no server block listens on that address/,
  },
];

const opened: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of opened) await close();
});
let bed: Promise<Cluster> | undefined;

for (const { name, corefile = '', flags = [], host, error } of cases) {
  test(`bad input: ${name}`, { skip }, async () => {
    bed ??= Cluster.create({ after: (close) => void opened.push(close) }, { proxy: 'nftables' });
    const { node } = await bed;
    for (const argv of host?.make ?? []) await node.exec(argv);
    const before = await stateOf(node);
    const nodens = await launchNodens({ corefile, flags, prefix: node.enter, env: node.env, ports: { PORT: 53 } });
    const { code } = await nodens.untilExit();
    const after = await stateOf(node);
    for (const argv of host?.unmake ?? []) await node.exec(argv);
    assert.equal(code, 1, nodens.stdout() + nodens.stderr());
    const [line, ...more] = nodens.stderr().trim().split('\n');
    assert.match(line.replace(/^.*\[FATAL\] /, ''), error);
    assert.deepEqual(more, []);
    assert.equal(after, before);
  });
}

async function stateOf(node: Place): Promise<string> {
  const texts = [['ip', '-o', 'link'], ['ip', '-o', 'address'], ['nft', 'list', 'ruleset'], ['iptables-save']];
  return (await Promise.all(texts.map((argv) => node.exec(argv))))
    .join('\n')
    .replaceAll(/^#.*$|\[\d+:\d+\]| tentative/gm, '');
}
