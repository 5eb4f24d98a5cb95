/** Another user with the two capabilities, and with fewer. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { launchNodens } from '../support/nodens.ts';
import { missing } from '../support/programs.ts';
import { Cluster, clusterUnavailable } from './cluster.ts';
import { holdingCorefile, leftOn, untilNothingHeld } from './holding.ts';

const skip = clusterUnavailable('iptables-nft') || missing('setpriv');
const NOBODY = 65534;

/** As `nobody`, with these capabilities and no others. */
function asNobody(capabilities: readonly string[]): string[] {
  const added = capabilities.map((name) => `+${name}`).join(',');
  const bounding = ['--bounding-set', ['-all', added].filter(Boolean).join(',')];
  const rest = ['--inh-caps', added || '-all', '--ambient-caps', added || '-all'];
  return ['setpriv', '--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups', ...bounding, ...rest, '--'];
}

for (const backend of ['nftables', 'iptables'] as const) {
  test(`as nobody with the two capabilities, ${backend}: all works, and nothing more is kept`, { skip }, async (t) => {
    const cluster = await Cluster.create(t, { proxy: 'iptables-nft' });
    const { node, pods } = cluster;
    await node.exec(['chmod', '1777', '/run']);
    const corefile = holdingCorefile({ settings: [`backend ${backend}`] });
    const nodens = await cluster.nodens({ corefile, prefix: asNobody(['net_admin', 'net_bind_service']) });
    const { answer } = await cluster.dig(pods[0], ['ttl.load.cluster.local', 'A']);
    assert.equal(answer[0]?.split(' ')[1], '30');
    for (const effective of effectiveSets(nodens.pid)) assert.equal(effective, 0x1400n); // Bits 10 and 12.
    await nodens.stop();
    await untilNothingHeld(node);
    assert.deepEqual(await leftOn(node), []);
  });
}

for (const { given, missing: absent } of [
  { given: ['net_bind_service'], missing: 'CAP_NET_ADMIN' },
  { given: ['net_admin'], missing: 'CAP_NET_BIND_SERVICE' },
]) {
  test(`as nobody without ${absent}: one line says so, and the host is as it was`, { skip }, async (t) => {
    const { node } = await Cluster.create(t, { proxy: 'iptables-nft' });
    const before = await node.exec(['ip', '-o', 'address', 'show', 'scope', 'global']);
    const nodens = await launchNodens({
      corefile: holdingCorefile(),
      prefix: [...node.enter, ...asNobody(given)],
      env: node.env,
      ports: { PORT: 53 },
    });
    const { code } = await nodens.untilExit();
    assert.equal(code, 1);
    const lines = nodens.stderr().trim().split('\n');
    assert.equal(lines.length, 1, nodens.stderr());
    assert.match(lines[0], new RegExp(absent));
    assert.equal(await node.exec(['ip', '-o', 'address', 'show', 'scope', 'global']), before);
  });
}

/** Of every thread of the process. */
function effectiveSets(pid: number): bigint[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return BigInt(`0x${/CapEff:\s+(\w+)/.exec(status)?.[1]}`);
  });
}
