/** `nodens doctor` on nodes of each kind: what it finds, and that it leaves the host as it was. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runNodens } from '../support/nodens.ts';
import { Cluster, clusterUnavailable, type Place } from './cluster.ts';
import { holdingCorefile, LINK_LOCAL } from './holding.ts';

type Finding = { readonly check: string; readonly level: string; readonly what: string; readonly advice: string };
type Report = { readonly code: number | null; readonly findings: readonly Finding[] };

const modes = [
  { proxy: 'nftables', said: 'nftables mode' },
  { proxy: 'iptables-nft', said: 'iptables mode' },
  { proxy: 'iptables-legacy', said: 'iptables mode' },
] as const;

for (const { proxy, said } of modes) {
  test(`doctor beside kube-proxy in mode ${proxy}`, { skip: clusterUnavailable(proxy) }, async (t) => {
    const { node } = await Cluster.create(t, { proxy });
    const before = await stateOf(node);
    const healthy = await doctor(node, holdingCorefile());
    assert.equal(healthy.code, 0, JSON.stringify(healthy.findings));
    assert.match(one(healthy, 'kube-proxy').what, new RegExp(said));
    assert.match(one(healthy, 'firewall').what, /backend nftables/);
    assert.equal(await stateOf(node), before);
  });

  if (proxy === 'nftables') continue;
  test(`doctor where INPUT drops, mode ${proxy}`, { skip: clusterUnavailable(proxy) }, async (t) => {
    const { node } = await Cluster.create(t, { proxy });
    await node.exec(['iptables', '-P', 'INPUT', 'DROP']);
    const report = await doctor(node, holdingCorefile());
    assert.match(
      one(report, 'firewall').what,
      /backend iptables: chain filter INPUT of iptables \(\w+\) has policy DROP/,
    );
  });
}

test('doctor on a node that cannot be held', { skip: clusterUnavailable('nftables') }, async (t) => {
  const { node } = await Cluster.create(t, { proxy: 'nftables' });
  await node.exec(['ip', 'link', 'add', 'kube-ipvs0', 'type', 'bridge']);
  await node.exec(['ip', 'address', 'add', '10.96.0.10/32', 'dev', 'kube-ipvs0']);
  const program = `require('dgram').createSocket('udp4').bind(53, '${LINK_LOCAL}', () => console.log('bound'))`;
  await node.exec(['ip', 'address', 'add', `${LINK_LOCAL}/32`, 'dev', 'lo']);
  const squatter = node.spawn([process.execPath, '-e', program]);
  t.after(() => squatter.stop('SIGKILL'));
  while (!squatter.stdout().includes('bound')) await new Promise((resolve) => setTimeout(resolve, 20));
  const report = await doctor(node, holdingCorefile({ addresses: ['10.96.0.10'] }));
  assert.equal(report.code, 1);
  assert.match(
    one(report, 'addresses').what,
    /10\.96\.0\.10 is on interface kube-ipvs0 already: kube-proxy in ipvs mode/,
  );
  assert.match(one(report, 'kube-proxy').what, /ipvs mode/);
  const other = await doctor(node, `.:{PORT} {\n bind ${LINK_LOCAL}\n whoami\n}`);
  assert.match(one(other, 'listeners').what, /\(pid \d+\) listens on udp 169\.254\.20\.10:53/);
});

function one({ findings }: Report, check: string): Finding {
  const found = findings.find((finding) => finding.check === check);
  assert.ok(found, `nothing of ${check} in ${JSON.stringify(findings)}`);
  return found;
}

async function doctor(node: Place, corefile: string): Promise<Report> {
  const file = join(node.directory, 'Corefile.doctor');
  writeFileSync(file, corefile.replaceAll('{PORT}', '53'));
  const prefix = [...node.enter, 'env', `PATH=${node.env.PATH}`];
  const { code, stdout, stderr } = await runNodens(['doctor', '-json', '-conf', file], { prefix });
  assert.equal(stderr, '');
  return { code, findings: JSON.parse(stdout) };
}

async function stateOf(node: Place): Promise<string> {
  const commands = [
    ['ip', '-o', 'link'],
    ['ip', '-o', 'address'],
    ['nft', 'list', 'ruleset'],
  ];
  const files = ['/proc/net/ip_tables_names', '/proc/net/ip6_tables_names'];
  const texts = await Promise.all([
    ...commands.map((argv) => node.exec(argv)),
    node.exec(['sh', '-c', `cat ${files.join(' ')} || true`]),
  ]);
  return texts.join('\n').replaceAll(/ tentative|packets \d+ bytes \d+/g, '');
}
